use plimsoll_sbom::{Component, Kinship, PackageType};
use plimsoll_vuln::feed::{Evaluation, Reason, Terms};
use plimsoll_vuln::finding::Mark;
use plimsoll_vuln::matching::{Matches, match_component};
use plimsoll_vuln::severity::Severity;

use super::{distribution, index, now, package, record, terms, told};

const TRIXIE: (&str, &str) = ("debian", "13");

/// What the records say of a package of a distribution.
fn matches(component: &Component, (id, version): (&str, &str), records: &[String]) -> Matches {
    match_component(component, Some(&distribution(id, version)), &index(records), &terms())
}

#[test]
fn debian_is_asked_for_the_source_package_and_its_version() {
    let records = [
        record(
            "DSA-1-1",
            "Debian:13",
            "openssl",
            "introduced 0, fixed 3.5.1-1+deb13u1",
            r#","upstream":["CVE-2026-1001"]"#,
        ),
        record("DSA-2-1", "Debian:13", "libssl3t64", "introduced 0", r#","upstream":["CVE-2026-1002"]"#),
    ];
    for (version, source, expected) in [
        ("3.5.1-1", Some(("openssl", "3.5.1-1")), vec![("CVE-2026-1001", Some("3.5.1-1+deb13u1"))]),
        // A rebuild of the binary (`+b1`) is no other source.
        ("3.5.1-1+deb13u1+b1", Some(("openssl", "3.5.1-1+deb13u1")), vec![]),
        // Sub-packages have versions of their own.
        ("9:9.9-9", Some(("openssl", "3.5.1-1")), vec![("CVE-2026-1001", Some("3.5.1-1+deb13u1"))]),
        // Without a source the package is its own.
        ("3.5.1-1", None, vec![("CVE-2026-1002", None)]),
    ] {
        let libssl = package(PackageType::Deb, "libssl3t64", version, source);
        assert_eq!(told(&matches(&libssl, TRIXIE, &records)), expected, "{version}");
    }
}

#[test]
fn an_advisory_of_another_release_is_not_asked() {
    let records = [
        record("DSA-1-1", "Debian:12", "openssl", "introduced 0", ""),
        record("DSA-2-1", "Debian:13", "other", "introduced 0", ""),
    ];
    let openssl = package(PackageType::Deb, "openssl", "3.5.1-1", None);
    let matches = matches(&openssl, TRIXIE, &records);
    assert_eq!((told(&matches), &*matches.evaluation), (vec![], &Evaluation::By("Debian:13".to_owned())));
}

#[test]
fn an_advisory_for_several_cves_is_a_finding_for_each_and_keeps_its_id() {
    let more = r#","upstream":["CVE-2026-1001","CVE-2026-1002"]"#;
    let records = [record("DSA-1-1", "Debian:13", "openssl", "introduced 0, fixed 3.5.2-1", more)];
    let openssl = package(PackageType::Deb, "openssl", "3.5.1-1", None);
    let matches = matches(&openssl, TRIXIE, &records);
    assert_eq!(told(&matches), [("CVE-2026-1001", Some("3.5.2-1")), ("CVE-2026-1002", Some("3.5.2-1"))]);
    for finding in &matches.findings {
        assert_eq!((finding.advisories.as_slice(), finding.ids.len()), (&["DSA-1-1".to_owned()][..], 1));
        assert!(finding.is_called("dsa-1-1") && finding.is_called(&finding.id));
    }
    assert_eq!(matches.clears.as_deref(), Some("3.5.2-1"));
}

#[test]
fn alpine_names_sources_and_its_zero_says_never() {
    let records = [
        record(
            "ALPINE-CVE-2026-1001",
            "Alpine:v3.22",
            "openssl",
            "introduced 0, fixed 3.5.1-r1",
            r#","upstream":["CVE-2026-1001"]"#,
        ),
        record(
            "ALPINE-CVE-2026-1002",
            "Alpine:v3.22",
            "openssl",
            "introduced 0, fixed 0",
            r#","upstream":["CVE-2026-1002"]"#,
        ),
    ];
    let libcrypto = package(PackageType::Apk, "libcrypto3", "3.5.1-r0", Some(("openssl", "3.5.1-r0")));
    let matches = matches(&libcrypto, ("alpine", "3.22.1"), &records);
    assert_eq!(told(&matches), [("CVE-2026-1001", Some("3.5.1-r1"))]);
    assert!(matches.not_affected.contains(&"CVE-2026-1002".to_owned()));
}

#[test]
fn rpm_versions_compare_with_their_epoch_and_an_advisory_without_release_by_the_version_alone() {
    let alma = ("almalinux", "9.6");
    for (events, installed, is_affected) in [
        ("introduced 0, fixed 1:1.2-3.el9", "1.3-1.el9", true),
        ("introduced 0, fixed 1:1.2-3.el9", "1:1.2-2.el9", true),
        ("introduced 0, fixed 1:1.2-3.el9", "1:1.2-3.el9", false),
        ("introduced 0, fixed 1.2-3.el9", "1:0.1-1.el9", false),
        ("introduced 0, fixed 1.2", "1.2-0.1.el9", false),
        ("introduced 0, fixed 1.2", "1.1-9.el9", true),
        ("introduced 0, last_affected 1.2", "1.2-7.el9", true),
        ("introduced 0, last_affected 1.2", "1.3-1.el9", false),
    ] {
        let records = [record("ALSA-2026:1", "AlmaLinux:9", "some", events, "")];
        let some = package(PackageType::Rpm, "some", installed, Some(("other", "9-9")));
        assert_eq!(
            told(&matches(&some, alma, &records)).len(),
            usize::from(is_affected),
            "{events} {installed}"
        );
    }
}

#[test]
fn the_name_of_a_source_rpm_has_lost_the_epoch_which_its_packages_have() {
    let records =
        [record("RLSA-2026:1", "Rocky Linux:9", "openssl", "introduced 0, fixed 1:3.0.7-28.el9", "")];
    let libs =
        |version| package(PackageType::Rpm, "openssl-libs", version, Some(("openssl", "3.0.7-28.el9")));
    assert_eq!(told(&matches(&libs("1:3.0.7-28.el9"), ("rocky", "9.6"), &records)), []);
    assert_eq!(told(&matches(&libs("3.0.7-28.el9"), ("rocky", "9.6"), &records)).len(), 1);
}

#[test]
fn an_advisory_on_a_module_speaks_of_builds_of_its_stream() {
    let more = r#","summary":"Important: nodejs:18 security update","related":["CVE-2026-1001"]"#;
    let fix = "introduced 0, fixed 1:18.20.1-1.module_el8.9.0+3758+4cd27c9a";
    let records = [
        record("ALSA-2026:1", "AlmaLinux:8", "nodejs", fix, more),
        record(
            "ALSA-2026:2",
            "AlmaLinux:8",
            "perl",
            "introduced 0, fixed 4:5.32.1-474.module_el8.9.0+1+a",
            "",
        ),
        record("ALSA-2026:3", "AlmaLinux:8", "perl", "introduced 0, fixed 4:5.26.3-423.el8_10", ""),
    ];
    for (name, version, label, expected) in [
        (
            "nodejs",
            "1:18.1.0-1.module_el8.6.0+1+b",
            Some("nodejs:18:8060020230306170237:ad008a3a"),
            vec!["CVE-2026-1001"],
        ),
        ("nodejs", "1:16.1.0-1.module_el8.6.0+1+b", Some("nodejs:16:8060020230306170237:ad008a3a"), vec![]),
        ("nodejs", "1:18.1.0-1.module_el8.6.0+1+b", Some("nodejs:180:806:ad"), vec![]),
        ("nodejs", "1:18.1.0-1.module_el8.6.0+1+b", None, vec!["CVE-2026-1001"]),
        ("nodejs", "1:10.1.0-1.el8", None, vec![]),
        ("perl", "4:5.26.3-416.el8", None, vec!["ALSA-2026:3"]),
        ("perl", "4:5.30.0-1.module_el8.1+1+c", Some("perl:5.30:801:ad"), vec!["ALSA-2026:2"]),
    ] {
        let mut component = package(PackageType::Rpm, name, version, None);
        if let Some(label) = label {
            component.properties.insert(Component::MODULE_STREAM.to_owned(), label.to_owned());
        }
        let matches = matches(&component, ("almalinux", "8.10"), &records);
        let ids: Vec<&str> = matches.findings.iter().map(|finding| finding.id.as_str()).collect();
        assert_eq!(ids, expected, "{name} {version} {label:?}");
    }
}

#[test]
fn an_update_that_mends_no_flaw_is_no_finding() {
    let fix = "introduced 0, fixed 2-1.el9";
    let records = [
        record("ALBA-2026:1", "AlmaLinux:9", "some", fix, ""),
        record("ALEA-2026:1", "AlmaLinux:9", "some", fix, ""),
    ];
    let some = package(PackageType::Rpm, "some", "1-1.el9", None);
    assert_eq!(told(&matches(&some, ("almalinux", "9"), &records)), []);
}

#[test]
fn a_vendors_word_is_read_from_its_title() {
    let more = r#","summary":"Important: some security update","related":["CVE-2026-1001"]"#;
    let records = [record("ALSA-2026:1", "AlmaLinux:9", "some", "introduced 0, fixed 2-1.el9", more)];
    let matches = matches(&package(PackageType::Rpm, "some", "1-1.el9", None), ("almalinux", "9"), &records);
    let rating = &matches.findings[0].rating;
    assert_eq!((rating.severity, rating.source.as_deref()), (Severity::High, Some("AlmaLinux")));
}

#[test]
fn headers_are_marked() {
    let records = [record("DSA-1-1", "Debian:13", "linux", "introduced 0", "")];
    let mut headers = package(PackageType::Deb, "linux-libc-dev", "6.12.1-1", Some(("linux", "6.12.1-1")));
    headers.kinship = Kinship::HeadersOnly;
    assert_eq!(matches(&headers, TRIXIE, &records).findings[0].marks, [Mark::HeadersOnly]);
}

#[test]
fn what_nobody_can_judge_says_why() {
    let records = [record("DSA-1-1", "Debian:13", "openssl", "introduced 0", "")];
    let index = index(&records);
    let openssl = package(PackageType::Deb, "openssl", "3.5.1-1", None);
    let reason = |component: &Component, distribution: Option<&plimsoll_sbom::Distribution>| {
        let matches = match_component(component, distribution, &index, &terms());
        assert!(matches.findings.is_empty());
        match &*matches.evaluation {
            Evaluation::NotEvaluated(reason) => reason.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let trixie = distribution("debian", "13");
    assert_eq!(reason(&openssl, Some(&distribution("debian", "12"))), "no feed for Debian:12");
    assert_eq!(reason(&openssl, None), "the distribution is unknown: there is no os-release");
    let mut docker = package(PackageType::Deb, "docker-ce", "5:28.0-1", None);
    docker.properties.insert(Component::VENDOR.to_owned(), "Docker <support@docker.com>".to_owned());
    assert_eq!(
        reason(&docker, Some(&trixie)),
        "packaged by Docker <support@docker.com>, of whom the distribution's advisories say nothing"
    );
    let rpm = package(PackageType::Rpm, "openssl", "3-1", None);
    assert_eq!(reason(&rpm, Some(&trixie)), "a package of type rpm is not the distribution's");
    let odd = package(PackageType::Deb, "openssl", "3.5é", None);
    assert!(reason(&odd, Some(&trixie)).starts_with("`3.5é` is no version of Dpkg"));
    let empty = package(PackageType::Deb, "openssl", "", None);
    assert_eq!(reason(&empty, Some(&trixie)), "no version is known");
}

#[test]
fn past_its_end_or_with_old_data_what_is_found_counts_and_silence_proves_nothing() {
    let records = [record("DSA-1-1", "Debian:11", "openssl", "introduced 0", "")];
    let index = index(&records);
    let bullseye = distribution("debian", "11");
    let late = Terms { now: "2026-12-22T00:00:00Z".parse().unwrap(), ..terms() };
    let openssl = package(PackageType::Deb, "openssl", "1.1.1k-1", None);
    let matches = match_component(&openssl, Some(&bullseye), &index, &late);
    assert_eq!(told(&matches), [("DSA-1-1", None)]);
    let reasons: Vec<bool> = matches
        .evaluation
        .reasons()
        .iter()
        .map(|reason| matches!(reason, Reason::EndOfLife { .. }))
        .collect();
    assert_eq!(reasons, [true, false], "{:?}", matches.evaluation);
    // Seen from then, the data is of a day to come, which only a limit of age minds.
    let early = Terms { now: "2026-08-01T00:00:00Z".parse().unwrap(), age_days_max: None };
    let matches = match_component(&openssl, Some(&bullseye), &index, &early);
    assert_eq!(*matches.evaluation, Evaluation::By("Debian:11".to_owned()));
    assert!(now() > early.now);
}
