use plimsoll_sbom::{Component, Distribution, Kinship, PackageType};
use plimsoll_vuln::index::Index;
use plimsoll_vuln::matching::{Matcher, Matches};
use plimsoll_vuln::verdict::{Because, Case, Coverage, Data, Ignore, IgnoreState, Subject, Upgrade, Verdict};
use plimsoll_vuln::vex::{Image, Statements};

use super::{distribution, index, now, package, record, terms};

/// An image with everything that goes into its verdict.
pub(super) struct Scene {
    pub(super) components: Vec<Component>,
    pub(super) owners: Vec<Option<usize>>,
    pub(super) distribution: Distribution,
    pub(super) index: Index,
    pub(super) statements: Statements,
    pub(super) ignores: Vec<Ignore>,
    pub(super) coverage: Option<Coverage>,
}

impl Scene {
    /// An image of Alpine in which nobody owns a file.
    pub(super) fn new(components: Vec<Component>, records: &[String]) -> Self {
        Self {
            owners: vec![None; components.len()],
            components,
            distribution: distribution("alpine", "3.22.1"),
            index: index(records),
            statements: Statements::new(),
            ignores: Vec::new(),
            coverage: None,
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        let mut matcher = Matcher::new(&self.index, Some(&self.distribution), &terms());
        let matches: Vec<Matches> =
            self.components.iter().map(|component| matcher.matches(component)).collect();
        let parts = self.components.iter().zip(&matches).zip(&self.owners);
        let subjects: Vec<Subject<'_>> = parts
            .map(|((component, matches), owner)| Subject { component, matches, owner: *owner })
            .collect();
        let case = Case {
            distribution: Some(&self.distribution),
            image: &Image::default(),
            statements: &self.statements,
            ignores: &self.ignores,
            now: now(),
            coverage: self.coverage,
            mismatches: &[],
            data: &Data { index: "sha256:1234".to_owned(), time: None },
        };
        Verdict::of(&subjects, &case)
    }
}

pub(super) fn records() -> Vec<String> {
    vec![
        record(
            "ALPINE-CVE-2026-1001",
            "Alpine:v3.22",
            "py3-requests",
            "introduced 0, fixed 0",
            r#","upstream":["CVE-2026-1001"]"#,
        ),
        record(
            "PYSEC-2026-1",
            "PyPI",
            "requests",
            "introduced 0, fixed 2.20.0",
            r#","aliases":["CVE-2026-1001"]"#,
        ),
        record("PYSEC-2026-2", "PyPI", "requests", "introduced 0", r#","aliases":["CVE-2026-1002"]"#),
        record(
            "ALPINE-CVE-2026-1003",
            "Alpine:v3.22",
            "busybox",
            "introduced 0, fixed 1.38.0-r0",
            r#","upstream":["CVE-2026-1003"],"database_specific":{"severity":"HIGH"}"#,
        ),
    ]
}

pub(super) fn busybox() -> Component {
    package(PackageType::Apk, "busybox", "1.37.0-r1", None)
}

pub(super) fn requests(version: &str) -> Component {
    Component::new(PackageType::Pypi, "requests", version)
}

fn ids(verdict: &Verdict) -> Vec<&str> {
    verdict.findings.iter().map(|found| found.finding.id.as_str()).collect()
}

fn suppressed(verdict: &Verdict) -> Vec<(&str, &Because)> {
    verdict.suppressed.iter().map(|one| (one.found.finding.id.as_str(), &one.because)).collect()
}

#[test]
fn a_file_that_a_package_of_the_distribution_owns_is_judged_by_the_distribution_alone() {
    let owner = package(PackageType::Apk, "py3-requests", "2.19.0-r0", None);
    let mut scene = Scene::new(vec![requests("2.19.0"), owner], &records());
    assert_eq!(ids(&scene.verdict()), ["CVE-2026-1001", "CVE-2026-1002"]);
    scene.owners[0] = Some(1);
    let verdict = scene.verdict();
    assert!(verdict.is_clean(), "{:?}", verdict.findings);
    let denied =
        Because::NotAffected { ecosystem: "Alpine:v3.22".to_owned(), package: "py3-requests".to_owned() };
    let owned = Because::OwnedByPackage("py3-requests".to_owned());
    assert_eq!(suppressed(&verdict), [("CVE-2026-1001", &denied), ("CVE-2026-1002", &owned)]);
}

#[test]
fn what_another_publisher_packaged_is_judged_as_if_nobody_had() {
    let mut owner = package(PackageType::Deb, "vendor-tool", "1.0", None);
    owner.properties.insert(Component::VENDOR.to_owned(), "NVIDIA CORPORATION <x@nvidia.com>".to_owned());
    let mut scene = Scene::new(vec![requests("2.19.0"), owner], &records());
    scene.distribution = distribution("debian", "13");
    scene.owners[0] = Some(1);
    assert_eq!(ids(&scene.verdict()).len(), 2);
}

#[test]
fn a_file_of_a_package_without_a_feed_is_not_judged_either() {
    let owner = package(PackageType::Deb, "python3-requests", "2.19.0-1", None);
    let mut scene = Scene::new(vec![requests("2.19.0"), owner], &records());
    scene.distribution = distribution("debian", "12");
    scene.owners[0] = Some(1);
    let verdict = scene.verdict();
    assert!(verdict.findings.is_empty() && !verdict.is_clean());
    assert_eq!(verdict.suppressed.len(), 2);
    let [gap] = verdict.gaps.as_slice() else { panic!("{:?}", verdict.gaps) };
    assert_eq!((gap.reason.to_string().as_str(), gap.components.len()), ("no feed for Debian:12", 2));
}

#[test]
fn an_owner_that_is_not_there_owns_nothing() {
    let mut scene = Scene::new(vec![requests("2.19.0")], &records());
    scene.owners[0] = Some(7);
    assert_eq!(ids(&scene.verdict()).len(), 2);
}

#[test]
fn the_worst_comes_first_and_the_numbers_agree() {
    let scene = Scene::new(vec![requests("2.19.0"), busybox()], &records());
    let verdict = scene.verdict();
    assert_eq!(ids(&verdict), ["CVE-2026-1003", "CVE-2026-1001", "CVE-2026-1002"]);
    let counts: Vec<(String, usize)> =
        verdict.counts.by_severity.iter().map(|(severity, count)| (severity.to_string(), *count)).collect();
    let expected =
        [("unknown", 2), ("negligible", 0), ("low", 0), ("medium", 0), ("high", 1), ("critical", 0)];
    assert_eq!(counts, expected.map(|(severity, count)| (severity.to_owned(), count)));
    let numbers = &verdict.counts;
    assert_eq!(
        (numbers.fixable, numbers.exploited, numbers.vulnerabilities, numbers.components),
        (2, 0, 3, 2)
    );
    let goals: Vec<(&str, &str, bool)> = verdict
        .upgrades
        .iter()
        .map(|Upgrade { place, to, leaves_some }| (place.name.as_str(), to.as_str(), *leaves_some))
        .collect();
    assert_eq!(goals, [("requests", "2.20.0", true), ("busybox", "1.38.0-r0", false)]);
    assert_eq!((verdict.data.index.as_str(), verdict.judged_at), ("sha256:1234", now()));
}

#[test]
fn headers_are_shown_and_do_not_count() {
    let mut headers = busybox();
    headers.kinship = Kinship::HeadersOnly;
    let verdict = Scene::new(vec![headers], &records()).verdict();
    assert!(verdict.findings.is_empty());
    assert_eq!(suppressed(&verdict), [("CVE-2026-1003", &Because::HeadersOnly)]);
}

#[test]
fn vex_moves_a_finding_and_keeps_its_author_or_stands_beside_it() {
    let document = |status: &str| {
        format!(
            r#"{{"@context":"https://openvex.dev/ns/v0.2.0","@id":"urn:1","author":"Team","statements":[{{
                "vulnerability":{{"name":"CVE-2026-1003"}},"products":[{{"@id":"pkg:apk/alpine/busybox"}}],{status}}}]}}"#
        )
    };
    let mut scene = Scene::new(vec![busybox()], &records());
    scene.statements.add(document(r#""status":"affected""#).as_bytes()).unwrap();
    let verdict = scene.verdict();
    assert_eq!(verdict.findings[0].said.as_ref().map(|said| said.status.as_str()), Some("affected"));
    let denial = document(r#""status":"not_affected","justification":"inline_mitigations_already_exist""#);
    scene.statements.add(denial.as_bytes()).unwrap();
    let verdict = scene.verdict();
    assert!(verdict.findings.is_empty() && verdict.upgrades.is_empty());
    let [("CVE-2026-1003", Because::Vex(said))] = suppressed(&verdict)[..] else {
        panic!("{:?}", verdict.suppressed)
    };
    assert_eq!(
        (said.author.as_str(), said.reason.as_deref()),
        ("Team", Some("inline_mitigations_already_exist"))
    );
}

fn ignore(id: &str, purl: Option<&str>, expires: &str) -> Ignore {
    let purl = purl.map(|purl| format!(r#""purl":"{purl}","#)).unwrap_or_default();
    let json = format!(
        r#"{{"id":"{id}",{purl}"reason":"not reachable","owner":"ops@example.org","expires":"{expires}"}}"#
    );
    serde_json::from_str(&json).unwrap()
}

#[test]
fn an_entry_ignores_until_its_last_day_where_it_says_and_is_accounted_for() {
    let mut scene = Scene::new(vec![busybox(), requests("2.19.0")], &records());
    scene.ignores = vec![
        ignore("ALPINE-CVE-2026-1003", Some("pkg:apk/alpine/busybox"), "2026-11-22"),
        ignore("CVE-2026-1001", None, "2026-11-21"),
        ignore("CVE-2026-1002", Some("pkg:pypi/requests@9"), "2027-01-01"),
        Ignore { owner: " ".to_owned(), ..ignore("CVE-2026-1002", None, "2027-01-01") },
    ];
    let verdict = scene.verdict();
    assert_eq!(ids(&verdict), ["CVE-2026-1001", "CVE-2026-1002"]);
    assert!(
        matches!(suppressed(&verdict)[..], [("CVE-2026-1003", Because::Ignored(by))] if by.owner == "ops@example.org")
    );
    let states: Vec<IgnoreState> = verdict.ignores.iter().map(|one| one.state).collect();
    assert_eq!(
        states,
        [IgnoreState::Used(1), IgnoreState::Expired, IgnoreState::Unused, IgnoreState::Incomplete]
    );
}

#[test]
fn an_entry_without_an_owner_or_with_a_word_too_many_is_not_read() {
    for json in [
        r#"{"id":"X","reason":"r","expires":"2027-01-01"}"#,
        r#"{"id":"X","reason":"r","owner":"o"}"#,
        r#"{"id":"X","reason":"r","owner":"o","expires":"2027-01-01","pakage":"x"}"#,
        r#"{"id":"X","purl":"busybox","reason":"r","owner":"o","expires":"2027-01-01"}"#,
    ] {
        assert!(serde_json::from_str::<Ignore>(json).is_err(), "{json}");
    }
}

#[test]
fn information_is_kept_apart() {
    let json = r#"{"id":"RUSTSEC-2026-1","modified":"2026-11-20T00:00:00Z","affected":[{
        "package":{"ecosystem":"crates.io","name":"ansi_term"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],
        "database_specific":{"informational":"unmaintained"}}]}"#;
    let crates = vec![Component::new(PackageType::Cargo, "ansi_term", "0.12.1")];
    let verdict = Scene::new(crates, &[json.to_owned()]).verdict();
    assert_eq!((verdict.findings.len(), verdict.informational.len()), (0, 1));
}

#[test]
fn only_what_a_change_adds_is_new() {
    let base = Scene::new(vec![busybox(), requests("2.18.0")], &records()).verdict();
    let mut newer = busybox();
    newer.version = "1.37.0-r9".to_owned();
    let gem = Component::new(PackageType::Gem, "rack", "3.0");
    let change = Scene::new(vec![gem, newer, requests("2.19.0")], &records()).verdict();
    let new = change.new_since(&base);
    assert!(new.findings.is_empty() && new.upgrades.is_empty(), "{:?}", new.findings);
    assert_eq!(
        new.gaps.iter().map(|gap| gap.reason.to_string()).collect::<Vec<_>>(),
        ["no feed for RubyGems"]
    );
    let without = Scene::new(vec![requests("2.20.0")], &records()).verdict();
    let new = change.new_since(&without);
    assert_eq!(ids(&new), ["CVE-2026-1003", "CVE-2026-1001"]);
    assert_eq!((new.counts.vulnerabilities, new.upgrades.len()), (2, 2));
}

#[test]
fn a_verdict_is_the_same_after_a_way_through_json() {
    let mut scene = Scene::new(vec![busybox(), requests("2.19.0")], &records());
    scene.components.push(package(PackageType::Rpm, "bash", "5-1", None));
    scene.owners.push(None);
    scene.ignores = vec![ignore("CVE-2026-1002", None, "2027-01-01")];
    scene.coverage = Some(Coverage { executables: 9, accounted: 8 });
    let verdict = scene.verdict();
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(json["counts"]["bySeverity"]["high"], 1);
    assert_eq!(json["findings"][0]["finding"]["id"], "CVE-2026-1003");
    assert_eq!(json["gaps"][0]["reason"]["foreign-package"], "rpm");
    assert_eq!(serde_json::from_value::<Verdict>(json).unwrap(), verdict);
}
