use super::*;

fn distribution(id: &str, version_id: &str) -> Distribution {
    Distribution { id: id.to_owned(), version_id: version_id.to_owned(), ..Distribution::default() }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn package(package_type: PackageType, properties: &[(&str, &str)]) -> Component {
    let mut component = Component::new(package_type, "some", "1.0-1");
    component.properties =
        properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    component
}

#[test]
fn a_release_is_called_as_osv_calls_it() {
    for (id, version, ecosystem) in [
        ("debian", "12", "Debian:12"),
        ("debian", "11.6", "Debian:11"),
        ("ubuntu", "22.04", "Ubuntu:22.04:LTS"),
        ("ubuntu", "23.10", "Ubuntu:23.10"),
        ("ubuntu", "23.04", "Ubuntu:23.04"),
        ("alpine", "3.19.1", "Alpine:v3.19"),
        ("alpine", "3.9.6", "Alpine:v3.9"),
        ("almalinux", "9.4", "AlmaLinux:9"),
        ("rocky", "8.10", "Rocky Linux:8"),
        ("azurelinux", "3.0", "Azure Linux:3"),
        ("mariner", "2.0", "Azure Linux:2"),
        ("photon", "4.0", "Photon OS:4.0"),
        ("alpaquita", "stream", "Alpaquita:stream"),
        ("opensuse-tumbleweed", "20261120", "openSUSE:Tumbleweed"),
        ("rhel", "9.4", "Red Hat:enterprise_linux:9::baseos"),
        ("opensuse-leap", "15.6", "openSUSE:Leap 15.6"),
        ("wolfi", "20230201", "Wolfi"),
        ("pop", "22.04", "Ubuntu:22.04:LTS"),
    ] {
        let feed = system_feed(&distribution(id, version)).unwrap();
        assert_eq!(feed.ecosystems.first().map(String::as_str), Some(ecosystem), "{id} {version}");
        assert!(crate::Ecosystem::parse(ecosystem).is_some(), "{ecosystem} has no order");
    }
}

#[test]
fn openeulers_support_stands_in_its_pretty_name() {
    let named = |pretty_name: &str| {
        let mut distribution = distribution("openeuler", "22.03");
        distribution.pretty_name = Some(pretty_name.to_owned());
        system_feed(&distribution).map(|feed| feed.ecosystems)
    };
    assert_eq!(named("openEuler 22.03 (LTS-SP3)").unwrap(), ["openEuler:22.03-LTS-SP3"]);
    assert_eq!(named("openEuler 22.03 LTS").unwrap(), ["openEuler:22.03-LTS"]);
    assert!(matches!(named("openEuler 22.03"), Err(Reason::DistributionRolls(_))));
}

#[test]
fn debian_testing_is_known_by_its_code_name_and_sid_has_no_release() {
    let mut testing = distribution("debian", "");
    testing.codename = Some("forky".to_owned());
    assert_eq!(system_feed(&testing).unwrap().ecosystems, ["Debian:14"]);
    testing.codename = Some("sid".to_owned());
    assert!(matches!(system_feed(&testing), Err(Reason::DistributionRolls(_))));
}

#[test]
fn a_development_branch_has_no_release() {
    for (id, version) in
        [("alpine", "3.23_alpha20260901"), ("alpine", "edge"), ("ubuntu", "rolling"), ("rocky", "")]
    {
        assert!(
            matches!(system_feed(&distribution(id, version)), Err(Reason::DistributionRolls(_))),
            "{id} {version}"
        );
    }
}

#[test]
fn a_derivative_is_not_judged_by_its_parents_feed() {
    let mut kali = distribution("kali", "2026.3");
    kali.like = vec!["debian".to_owned()];
    let reason = system_feed(&kali).unwrap_err();
    assert_eq!(reason.to_string(), "kali 2026.3 descends from debian, but its packages may differ");
    let reason = system_feed(&distribution("ol", "9.3")).unwrap_err();
    assert_eq!(reason.to_string(), "no advisories are read for ol 9.3");
    let reason = system_feed(&distribution("nixos", "25.11")).unwrap_err();
    assert_eq!(reason.to_string(), "no advisories are read for nixos 25.11");
}

#[test]
fn a_release_past_its_last_day_says_so() {
    let bullseye = distribution("debian", "11");
    let last_day = Terms { now: time("2026-08-31T12:00:00Z"), age_days_max: None };
    assert_eq!(last_day.end_of_life(&bullseye), None);
    let after = Terms { now: time("2026-09-01T00:00:00Z"), age_days_max: None };
    let reason = after.end_of_life(&bullseye).unwrap();
    assert_eq!(
        reason.to_string(),
        "debian 11 is past its end of life (2026-08-31): no new advisories are published"
    );
    assert_eq!(after.end_of_life(&distribution("alpine", "3.2.1")), None, "3.2 is not 3.20");
    assert!(after.end_of_life(&distribution("alpine", "3.20.3")).is_some());
    assert_eq!(after.end_of_life(&distribution("almalinux", "8.10")), None);
}

#[test]
fn data_older_than_the_limit_is_stale() {
    let terms = Terms { now: time("2026-11-22T12:00:00Z"), age_days_max: Some(7) };
    assert_eq!(terms.staleness("PyPI", time("2026-11-15T12:00:00Z")), None);
    let reason = terms.staleness("PyPI", time("2026-11-15T11:59:59Z")).unwrap();
    assert_eq!(
        reason.to_string(),
        "the advisories of PyPI are of 2026-11-15, older than the limit of 7 days"
    );
    assert_eq!(
        terms.staleness("PyPI", time("2026-11-23T12:00:00Z")),
        None,
        "data may be newer than a slow clock"
    );
    let reason = terms.staleness("PyPI", time("2027-07-09T00:00:00Z")).unwrap();
    assert_eq!(
        reason.to_string(),
        "the advisories of PyPI are dated 2027-07-09, which is to come: their age is not known"
    );
    assert_eq!(Terms { age_days_max: None, ..terms }.staleness("PyPI", time("1999-01-01T00:00:00Z")), None);
}

#[test]
fn packages_of_other_repositories_are_not_the_distributions() {
    let debian = distribution("debian", "12");
    let alma = distribution("almalinux", "9.4");
    for (expected, distribution, component) in [
        (
            Some("Docker <support@docker.com>"),
            &debian,
            package(PackageType::Deb, &[("vendor", "Docker <support@docker.com>")]),
        ),
        (None, &debian, package(PackageType::Deb, &[("vendor", "Matthias Klose <doko@debian.org>")])),
        (None, &debian, package(PackageType::Deb, &[])),
        (None, &debian, package(PackageType::Deb, &[("origin", "Debian")])),
        (Some("LP-PPA-deadsnakes"), &debian, package(PackageType::Deb, &[("origin", "LP-PPA-deadsnakes")])),
        (None, &alma, package(PackageType::Rpm, &[("vendor", "AlmaLinux")])),
        (Some("Fedora Project"), &alma, package(PackageType::Rpm, &[("vendor", "Fedora Project")])),
        (None, &alma, package(PackageType::Rpm, &[])),
    ] {
        assert_eq!(third_party(&component, distribution), expected, "{component:?}");
    }
    let mut postgres = package(PackageType::Deb, &[("vendor", "Debian PostgreSQL Maintainers")]);
    postgres.version = "16.4-1.pgdg120+1".to_owned();
    assert_eq!(third_party(&postgres, &debian), Some("apt.postgresql.org"));
}

#[test]
fn a_program_is_looked_up_only_under_a_name_that_is_certain() {
    assert_eq!(program("node"), Some("node"));
    assert_eq!(program("go"), Some("golang"));
    assert_eq!(program("busybox"), None);
}
