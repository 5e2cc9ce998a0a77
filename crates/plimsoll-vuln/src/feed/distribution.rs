use plimsoll_sbom::{Distribution, PackageType};

use super::Reason;

/// The advisories that answer for a distribution's packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SystemFeed {
    /// Its package manager's type.
    pub(crate) package_type: PackageType,
    /// The ecosystems as OSV writes them, the first one speaking for all.
    pub(crate) ecosystems: Vec<String>,
    /// By which names its advisories call packages.
    pub(crate) naming: Naming,
}

/// By which names advisories call packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// The source package, with its version.
    Source,
    /// The same, in advisories that leave out epochs: with its epoch, every old package would be newer than its fix.
    SourceWithoutEpoch,
    /// The package as installed.
    Binary,
}

/// How one distribution is found in OSV.
struct Row {
    /// `ID` of os-release.
    id: &'static str,
    package_type: PackageType,
    naming: Naming,
    release: fn(&Distribution) -> Release,
}

/// What a distribution's os-release says of its release.
enum Release {
    /// The ecosystems of the release.
    Of(Vec<String>),
    /// There is none.
    Rolling,
}

/// Deliberately missing: Oracle Linux and Amazon Linux, which no ecosystem of OSV is of, and SUSE's enterprise releases,
/// whose advisories are those of modules that os-release does not name.
const ROWS: &[Row] = &[
    Row { id: "debian", package_type: PackageType::Deb, naming: Naming::Source, release: debian },
    Row { id: "ubuntu", package_type: PackageType::Deb, naming: Naming::Source, release: ubuntu },
    Row { id: "alpine", package_type: PackageType::Apk, naming: Naming::Source, release: alpine },
    Row { id: "wolfi", package_type: PackageType::Apk, naming: Naming::Source, release: |_| whole("Wolfi") },
    Row {
        id: "chainguard",
        package_type: PackageType::Apk,
        naming: Naming::Source,
        release: |_| whole("Chainguard"),
    },
    Row {
        id: "minimos",
        package_type: PackageType::Apk,
        naming: Naming::Source,
        release: |_| whole("MinimOS"),
    },
    Row {
        id: "almalinux",
        package_type: PackageType::Rpm,
        naming: Naming::Binary,
        release: |d| major("AlmaLinux", d),
    },
    Row {
        id: "rocky",
        package_type: PackageType::Rpm,
        naming: Naming::Source,
        release: |d| major("Rocky Linux", d),
    },
    Row { id: "rhel", package_type: PackageType::Rpm, naming: Naming::Binary, release: red_hat },
    Row {
        id: "azurelinux",
        package_type: PackageType::Rpm,
        naming: Naming::SourceWithoutEpoch,
        release: |d| major("Azure Linux", d),
    },
    // What Azure Linux was called until its second release; the advisories use the new name for both.
    Row {
        id: "mariner",
        package_type: PackageType::Rpm,
        naming: Naming::SourceWithoutEpoch,
        release: |d| major("Azure Linux", d),
    },
    Row { id: "photon", package_type: PackageType::Rpm, naming: Naming::Source, release: photon },
    Row {
        id: "openeuler",
        package_type: PackageType::Rpm,
        naming: Naming::SourceWithoutEpoch,
        release: open_euler,
    },
    Row { id: "alpaquita", package_type: PackageType::Apk, naming: Naming::Source, release: alpaquita },
    Row {
        id: "mageia",
        package_type: PackageType::Rpm,
        naming: Naming::Source,
        release: |d| major("Mageia", d),
    },
    Row { id: "opensuse-leap", package_type: PackageType::Rpm, naming: Naming::Source, release: leap },
    Row {
        id: "opensuse-tumbleweed",
        package_type: PackageType::Rpm,
        naming: Naming::Source,
        release: |_| whole("openSUSE:Tumbleweed"),
    },
];

/// Distributions that install another's packages as they are and number their releases alike; their own few packages
/// name another maintainer.
const SAME_PACKAGES: &[(&str, &str)] = &[("neon", "ubuntu"), ("pop", "ubuntu")];

/// Debian's code names, for testing, which has no number in os-release before it is released.
const DEBIAN_CODENAMES: &[(&str, &str)] = &[
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("forky", "14"),
];

/// Finds the feed of a distribution's own packages.
pub(crate) fn system_feed(distribution: &Distribution) -> Result<SystemFeed, Reason> {
    let id = distribution.id.as_str();
    let id = SAME_PACKAGES.iter().find(|(child, _)| *child == id).map_or(id, |(_, parent)| *parent);
    let Some(row) = ROWS.iter().find(|row| row.id == id) else { return Err(not_covered(distribution)) };
    match (row.release)(distribution) {
        Release::Of(ecosystems) => {
            Ok(SystemFeed { package_type: row.package_type, ecosystems, naming: row.naming })
        }
        Release::Rolling => Err(Reason::DistributionRolls(name(distribution))),
    }
}

/// A distribution as people call it.
pub(super) fn name(distribution: &Distribution) -> String {
    match &distribution.pretty_name {
        Some(name) => name.clone(),
        None => format!("{} {}", distribution.id, distribution.version_id).trim_end().to_owned(),
    }
}

/// A derivative's packages are only the parent's where that is known: most rebuild, patch or renumber them.
fn not_covered(distribution: &Distribution) -> Reason {
    let known = distribution.like.iter().find(|parent| ROWS.iter().any(|row| row.id == parent.as_str()));
    match known {
        Some(parent) => Reason::Derivative { name: name(distribution), of: parent.clone() },
        None => Reason::DistributionNotCovered(name(distribution)),
    }
}

fn whole(ecosystem: &str) -> Release {
    Release::Of(vec![ecosystem.to_owned()])
}

/// `9` of `9.4`.
fn major(ecosystem: &str, distribution: &Distribution) -> Release {
    match distribution.version_id.split('.').next() {
        Some(major) if is_number(major) => Release::Of(vec![format!("{ecosystem}:{major}")]),
        _ => Release::Rolling,
    }
}

fn debian(distribution: &Distribution) -> Release {
    if !distribution.version_id.is_empty() {
        return major("Debian", distribution);
    }
    let codename = distribution.codename.as_deref();
    let known = DEBIAN_CODENAMES.iter().find(|(name, _)| Some(*name) == codename);
    known.map_or(Release::Rolling, |(_, number)| Release::Of(vec![format!("Debian:{number}")]))
}

/// `22.04` is `Ubuntu:22.04:LTS`, `23.10` is `Ubuntu:23.10`. What only Ubuntu Pro fixes is another channel.
fn ubuntu(distribution: &Distribution) -> Release {
    let version = distribution.version_id.as_str();
    let Some((year, month)) = version.split_once('.') else { return Release::Rolling };
    if !is_number(year) || !is_number(month) {
        return Release::Rolling;
    }
    let is_even_year = year.parse::<u16>().is_ok_and(|year| year % 2 == 0);
    let suffix = if is_even_year && month == "04" { ":LTS" } else { "" };
    Release::Of(vec![format!("Ubuntu:{version}{suffix}")])
}

/// `v3.19` of `3.19.1`. Edge calls itself by the next release with a date: `3.23_alpha20260901`.
fn alpine(distribution: &Distribution) -> Release {
    let mut parts = distribution.version_id.split('.');
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) if is_number(major) && is_number(minor) => {
            Release::Of(vec![format!("Alpine:v{major}.{minor}")])
        }
        _ => Release::Rolling,
    }
}

/// Red Hat names each repository; images are made of the two that every release has.
fn red_hat(distribution: &Distribution) -> Release {
    let Release::Of(plain) = major("Red Hat:enterprise_linux", distribution) else { return Release::Rolling };
    let repositories = ["baseos", "appstream"];
    Release::Of(
        plain
            .iter()
            .flat_map(|name| repositories.map(|repository| format!("{name}::{repository}")))
            .collect(),
    )
}

/// `4.0`, which has no shorter form.
fn photon(distribution: &Distribution) -> Release {
    match distribution.version_id.split_once('.') {
        Some((major, minor)) if is_number(major) && is_number(minor) => {
            whole(&format!("Photon OS:{}", distribution.version_id))
        }
        _ => Release::Rolling,
    }
}

/// `22.03-LTS-SP3`, of which the second half stands in `PRETTY_NAME` alone: `openEuler 22.03 (LTS-SP3)`. Advisories are
/// published for releases with long support only.
fn open_euler(distribution: &Distribution) -> Release {
    let version = distribution.version_id.as_str();
    let name = distribution.pretty_name.as_deref().unwrap_or_default();
    let rest = name.split_once(version).map_or("", |(_, rest)| rest);
    let support = rest.trim().trim_start_matches('(').trim_end_matches(')').replace(' ', "-");
    if version.is_empty() || !support.starts_with("LTS") {
        return Release::Rolling;
    }
    whole(&format!("openEuler:{version}-{support}"))
}

/// `23`, or `stream`, which is a release of its own.
fn alpaquita(distribution: &Distribution) -> Release {
    match distribution.version_id.as_str() {
        version if version == "stream" || is_number(version) => whole(&format!("Alpaquita:{version}")),
        _ => Release::Rolling,
    }
}

fn leap(distribution: &Distribution) -> Release {
    whole(&format!("openSUSE:Leap {}", distribution.version_id))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
