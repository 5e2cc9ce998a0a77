//! On the real advisories, where they are at hand.

use std::fs::File;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Instant;

use plimsoll_peers::left_out;
use plimsoll_sbom::{Component, PackageType};
use plimsoll_vuln::feed::{Evaluation, Terms};
use plimsoll_vuln::import::{Source, import};
use plimsoll_vuln::index::{Builder, Index};
use plimsoll_vuln::matching::{Matcher, Matches, match_component};
use plimsoll_vuln::severity::Severity;

use super::{distribution, now, package};

/// What these tests ask; the whole of the data takes longer to read.
const SOURCES: [&str; 9] =
    ["bitnami", "crates", "cve-cvss-ssvc", "debian", "ghsa-extra", "kev", "maven-ghsa", "npm", "pypi"];

static REAL: LazyLock<Option<Index>> = LazyLock::new(|| {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/advisories"));
    if !directory.exists() {
        left_out(&format!("no advisories in {}", directory.display()));
        return None;
    }
    let mut builder = Builder::new();
    for name in SOURCES {
        let file = File::open(directory.join(format!("{name}.jsonl.zst"))).unwrap();
        import(&mut builder, &Source { name, licence: None, time: None }, file).unwrap();
    }
    Some(Index::open(builder.finish().unwrap().shards).unwrap())
});

fn real_index() -> Option<&'static Index> {
    REAL.as_ref()
}

fn terms() -> Terms {
    Terms { now: now(), age_days_max: None }
}

fn of_language(index: &Index, package_type: PackageType, name: &str, version: &str) -> Matches {
    match_component(&Component::new(package_type, name, version), None, index, &terms())
}

fn ids(matches: &Matches) -> Vec<&str> {
    matches.findings.iter().map(|finding| finding.id.as_str()).collect()
}

#[test]
fn bullseye_without_its_security_updates_has_what_debians_advisories_say() {
    let Some(index) = real_index() else { return };
    let bullseye = distribution("debian", "11");
    let mut matcher = Matcher::new(index, Some(&bullseye), &terms());
    let libssl = package(PackageType::Deb, "libssl1.1", "1.1.1k-1", Some(("openssl", "1.1.1k-1")));
    let matches = matcher.matches(&libssl);
    let mut found = ids(&matches);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "CVE-2021-3711",
            "CVE-2021-3712",
            "CVE-2021-4160",
            "CVE-2022-0778",
            "CVE-2022-1292",
            "CVE-2022-2068",
            "CVE-2022-2097",
            "CVE-2022-4304",
            "CVE-2022-4450",
            "CVE-2023-0215",
            "CVE-2023-0286",
        ]
    );
    assert_eq!(matches.clears.as_deref(), Some("1.1.1n-0+deb11u4"));
    let infinite_loop = matches.findings.iter().find(|finding| finding.id == "CVE-2022-0778").unwrap();
    assert_eq!(infinite_loop.advisories, ["DSA-5103-1"]);
    assert_eq!(infinite_loop.fixed.as_deref(), Some("1.1.1k-1+deb11u2"));
    assert!(matches!(&*matches.evaluation, Evaluation::Partly { reasons, .. } if reasons.len() == 1));
    let mended =
        package(PackageType::Deb, "libssl1.1", "1.1.1n-0+deb11u4", Some(("openssl", "1.1.1n-0+deb11u4")));
    assert_eq!(ids(&matcher.matches(&mended)), Vec::<&str>::new());
}

#[test]
fn bookworm_is_not_evaluated_on_data_without_it() {
    let Some(index) = real_index() else { return };
    let curl = package(PackageType::Deb, "curl", "7.88.1-10", None);
    let matches = match_component(&curl, Some(&distribution("debian", "12")), index, &terms());
    assert_eq!(matches.evaluation.reasons()[0].to_string(), "no feed for Debian:12");
}

#[test]
fn old_python_packages_have_their_cves_with_a_rating() {
    let Some(index) = real_index() else { return };
    let requests = of_language(index, PackageType::Pypi, "requests", "2.19.0");
    assert!(ids(&requests).contains(&"CVE-2018-18074"), "{:?}", ids(&requests));
    let jinja = of_language(index, PackageType::Pypi, "jinja2", "2.10");
    let of = |id: &str| jinja.findings.iter().find(|finding| finding.id == id).unwrap();
    assert_eq!(of("CVE-2019-10906").fixed.as_deref(), Some("2.10.1"));
    assert_eq!(of("CVE-2019-10906").rating.severity, Severity::Unknown, "nobody rated it, which is no low");
    let attributes = &of("CVE-2024-22195").rating;
    assert_eq!((attributes.severity, attributes.source.as_deref()), (Severity::Medium, Some("PyPA")));
    assert_eq!((jinja.clears.as_deref(), jinja.leaves_some), (Some("3.1.6"), false));
}

#[test]
fn lodash_4_17_15_has_its_command_injection() {
    let Some(index) = real_index() else { return };
    let lodash = of_language(index, PackageType::Npm, "lodash", "4.17.15");
    let injection = lodash.findings.iter().find(|finding| finding.id == "CVE-2021-23337").unwrap();
    assert_eq!((injection.fixed.as_deref(), injection.rating.severity), (Some("4.17.21"), Severity::High));
}

#[test]
fn log4shell_comes_first_because_it_is_exploited() {
    let Some(index) = real_index() else { return };
    let mut log4j = Component::new(PackageType::Maven, "log4j-core", "2.14.1");
    log4j.namespace = Some("org.apache.logging.log4j".to_owned());
    let matches = match_component(&log4j, None, index, &terms());
    let shell = matches.findings.iter().find(|finding| finding.id == "CVE-2021-44228").unwrap();
    assert!(
        shell.priority.to_string().starts_with("known to be exploited since 2021-12-10"),
        "{}",
        shell.priority
    );
}

#[test]
fn an_unmaintained_crate_is_information_and_no_vulnerability() {
    let Some(index) = real_index() else { return };
    let matches = of_language(index, PackageType::Cargo, "ansi_term", "0.12.1");
    let kinds: Vec<Option<&str>> =
        matches.findings.iter().map(|finding| finding.informational.as_deref()).collect();
    assert_eq!(kinds, [Some("unmaintained")]);
}

/// Every package that advisories name, at a version that is old enough for findings in most.
#[test]
fn every_advised_package_is_matched_in_microseconds() {
    let Some(index) = real_index() else { return };
    let shard = index.shard("PyPI").unwrap();
    let components: Vec<Component> =
        shard.packages().map(|name| Component::new(PackageType::Pypi, name, "99999.0")).collect();
    let mut matcher = Matcher::new(index, None, &terms());
    let start = Instant::now();
    let found: usize = components.iter().map(|component| matcher.matches(component).findings.len()).sum();
    let each = start.elapsed() / u32::try_from(components.len()).unwrap();
    eprintln!("{} components, {found} findings, {each:?} each", components.len());
    assert!(each.as_micros() < 500, "{each:?}");
}
