//! What a file that the image shows is for, by its package and its place.

use super::kind::WasteKind;
use super::place;

/// The kind of waste that a file is, if any.
pub(super) fn of(path: &[u8], package: Option<&str>) -> Option<WasteKind> {
    if let Some(kind) = place::cache(path) {
        return Some(kind);
    }
    if package.is_some_and(is_for_building) {
        return Some(WasteKind::BuildPackages);
    }
    place::build_file(path).or_else(|| place::document(path))
}

/// Names of packages that are there to build programs, of every distribution.
const BUILDING: &[&str] = &[
    "abuild",
    "alpine-sdk",
    "autoconf",
    "automake",
    "bison",
    "build-base",
    "build-essential",
    "cargo",
    "cmake",
    "cmake-data",
    "cpp",
    "dpkg-dev",
    "fakeroot",
    "fakeroot-ng",
    "flex",
    "g++",
    "gcc",
    "gcc-c++",
    "gdb",
    "git",
    "git-man",
    "glibc-headers",
    "go",
    "golang",
    "gradle",
    "kernel-headers",
    "libtool",
    "linux-headers",
    "m4",
    "make",
    "maven",
    "meson",
    "ninja-build",
    "patch",
    "pkg-config",
    "pkgconf",
    "pkgconf-bin",
    "rustc",
    "rust",
    "swig",
    "valgrind",
];

/// Beginnings of such names, up to a version: `gcc-12`, `cpp-12-x86-64-linux-gnu`, `golang-1.19-go`.
const BUILDING_BEGINNINGS: &[&str] = &[
    "binutils",
    "clang-",
    "cpp-",
    "g++-",
    "gcc-",
    "golang-",
    "libasan",
    "libbinutils",
    "libcc1-",
    "libctf",
    "libgprofng",
    "libhwasan",
    "libisl",
    "liblsan",
    "libmpc3",
    "libtsan",
    "libubsan",
    "llvm-",
    "openjdk-jdk",
    "rust-",
    "rustc-",
];

/// Ends of the names of packages with headers, static libraries, compilers and what debuggers read.
const BUILDING_ENDS: &[&str] =
    &["-dev", "-devel", "-headers", "-static", "-dev-bin", "-jdk", "-jdk-headless", "-dbg", "-debuginfo"];

fn is_for_building(package: &str) -> bool {
    // What gcc's packages share, and Arch's name for its libraries, are in every image.
    let is_running = package.starts_with("gcc-") && (package.ends_with("-base") || package == "gcc-libs");
    let begins = || BUILDING_BEGINNINGS.iter().any(|beginning| package.starts_with(beginning));
    let ends = || BUILDING_ENDS.iter().any(|end| package.ends_with(end));
    !is_running && (BUILDING.contains(&package) || begins() || ends())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilers_headers_and_what_only_they_need_are_for_building() {
        for package in [
            "gcc",
            "gcc-12",
            "cpp-12",
            "g++-12",
            "libc6-dev",
            "libgcc-12-dev",
            "binutils-x86-64-linux-gnu",
            "libcc1-0",
            "linux-libc-dev",
            "make",
            "libasan8",
            "libc-dev-bin",
            "openssl-devel",
            "golang-1.19-go",
            "openjdk-17-jdk-headless",
            "libisl23",
            "build-base",
            "musl-dev",
        ] {
            assert!(is_for_building(package), "{package}");
        }
    }

    #[test]
    fn what_programs_need_to_run_is_not() {
        for package in [
            "gcc-12-base",
            "libgcc-s1",
            "libstdc++6",
            "libllvm14",
            "perl-base",
            "openjdk-17-jre-headless",
            "gcc-libs",
            "libgomp1",
            "python3",
            "nodejs",
            "libc6",
            "devscripts-not",
            "make-guile-not",
            "cppcheck",
        ] {
            assert!(!is_for_building(package), "{package}");
        }
    }
}
