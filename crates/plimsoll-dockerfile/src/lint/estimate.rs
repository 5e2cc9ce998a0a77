use serde::Serialize;

/// What something costs, by a model that is stated. It was not measured on the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Bytes of the image's file system, before compression.
    pub bytes: u64,
    /// Packages.
    pub packages: u64,
    /// How the numbers came about.
    pub model: &'static str,
}

const DEBIAN: &str = "Installed-Size of the package and what it depends on, beyond the required packages and apt, in Debian \
12's index; without recommended packages";

/// Tools that a build needs and a service does not, with what they bring on Debian 12: packages, and KiB installed.
const TOOLS: &[(&str, u64, u64)] = &[
    ("autoconf", 2, 2_695),
    ("automake", 4, 4_666),
    ("build-essential", 50, 266_660),
    ("cargo", 64, 658_929),
    ("clang", 49, 401_596),
    ("cmake", 27, 93_398),
    ("default-jdk", 118, 579_645),
    ("default-jdk-headless", 37, 301_104),
    ("g++", 43, 259_738),
    ("gcc", 24, 174_841),
    ("gdb", 39, 94_396),
    ("git", 19, 58_686),
    ("golang-go", 4, 453_413),
    ("gradle", 151, 341_376),
    ("libc6-dev", 16, 29_276),
    ("libpq-dev", 12, 22_483),
    ("libssl-dev", 2, 18_248),
    ("libtool", 45, 213_905),
    ("make", 1, 1_592),
    ("maven", 67, 236_612),
    ("meson", 26, 40_610),
    ("ninja-build", 1, 416),
    ("pkg-config", 4, 276),
    ("python3-dev", 39, 91_654),
    ("rustc", 49, 641_004),
];

/// Names of the same kind that no numbers are known for: those of other distributions.
const MORE_TOOLS: &[&str] = &[
    "alpine-sdk",
    "build-base",
    "gcc-c++",
    "go",
    "golang",
    "java-devel",
    "kernel-devel",
    "libffi-dev",
    "linux-headers",
    "musl-dev",
    "openjdk-17-jdk",
    "openjdk-21-jdk",
    "openssl-dev",
    "python-dev",
    "python3-devel",
    "rust",
    "zlib-dev",
    "zlib1g-dev",
];

/// Whether a package is a tool for building.
pub(super) fn is_build_tool(package: &str) -> bool {
    TOOLS.iter().any(|(name, ..)| *name == package) || MORE_TOOLS.contains(&package)
}

/// What packages cost together at least: what the largest of them brings, since the others share with it.
pub(super) fn of_debian_packages<'p>(packages: impl Iterator<Item = &'p str>) -> Option<Estimate> {
    let known = packages.filter_map(|package| TOOLS.iter().find(|(name, ..)| *name == package));
    let (_, packages, kibibytes) = known.max_by_key(|(_, _, size)| *size)?;
    Some(Estimate { bytes: kibibytes * 1024, packages: *packages, model: DEBIAN })
}
