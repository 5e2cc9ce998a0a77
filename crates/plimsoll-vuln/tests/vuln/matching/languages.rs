use plimsoll_sbom::symbol::{NOTHING_LINKED, package_hash, symbol_hash};
use plimsoll_sbom::{Component, Kinship, PackageType};
use plimsoll_vuln::feed::{Evaluation, Reason};
use plimsoll_vuln::finding::Mark;
use plimsoll_vuln::matching::Matcher;
use plimsoll_vuln::severity::Severity;

use super::{index, of_language, record, terms, told};

fn named(package_type: PackageType, namespace: &str, name: &str, version: &str) -> Component {
    let mut component = Component::new(package_type, name, version);
    component.namespace = Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty());
    component
}

#[test]
fn each_language_is_asked_under_the_name_that_its_tools_write() {
    for (package_type, ecosystem, namespace, name, advised) in [
        (PackageType::Pypi, "PyPI", "", "zope-interface", "Zope.Interface"),
        (PackageType::Npm, "npm", "@babel", "traverse", "@babel/traverse"),
        (PackageType::Maven, "Maven", "org.apache", "core", "org.apache:core"),
        (PackageType::Golang, "Go", "golang.org/x", "crypto", "golang.org/x/crypto"),
        (PackageType::Cargo, "crates.io", "", "time", "time"),
        (PackageType::Gem, "RubyGems", "", "rack", "rack"),
        (PackageType::Nuget, "NuGet", "", "Newtonsoft.Json", "newtonsoft.json"),
        (PackageType::Composer, "Packagist", "symfony", "http-kernel", "symfony/http-kernel"),
    ] {
        let records = [record("X-1", ecosystem, advised, "introduced 0, fixed 2.0.0", "")];
        let component = named(package_type, namespace, name, "1.0.0");
        assert_eq!(told(&of_language(&component, &records)), [("X-1", Some("2.0.0"))], "{ecosystem}");
        let fixed = named(package_type, namespace, name, "2.0.0");
        assert_eq!(told(&of_language(&fixed, &records)), [], "{ecosystem}");
    }
}

#[test]
fn a_similar_name_is_another_package() {
    let records = [record("X-1", "npm", "lodash", "introduced 0", "")];
    for (namespace, name) in [("", "lodash-es"), ("@types", "lodash"), ("", "Lodash")] {
        let component = named(PackageType::Npm, namespace, name, "1.0.0");
        assert_eq!(told(&of_language(&component, &records)), [], "{namespace} {name}");
    }
}

#[test]
fn records_of_several_databases_are_one_finding_with_the_fix_that_satisfies_all() {
    let github = r#","aliases":["CVE-2026-1001"],"database_specific":{"severity":"MODERATE"},
        "published":"2026-02-03T00:00:00Z""#;
    let records = [
        record(
            "PYSEC-2026-1",
            "PyPI",
            "requests",
            "introduced 0, fixed 2.20",
            r#","aliases":["CVE-2026-1001"]"#,
        ),
        record("GHSA-2222-3333-4444", "PyPI", "requests", "introduced 2.0, fixed 2.20.1", github),
    ];
    let matches = of_language(&named(PackageType::Pypi, "", "requests", "2.19.0"), &records);
    assert_eq!(told(&matches), [("CVE-2026-1001", Some("2.20.1"))]);
    let finding = &matches.findings[0];
    assert_eq!(finding.ids, ["CVE-2026-1001", "GHSA-2222-3333-4444", "PYSEC-2026-1"]);
    assert_eq!(finding.advisories, ["GHSA-2222-3333-4444", "PYSEC-2026-1"]);
    assert_eq!(
        (finding.rating.severity, finding.rating.source.as_deref()),
        (Severity::Medium, Some("GitHub"))
    );
    assert_eq!(finding.published, Some(jiff::civil::date(2026, 2, 3)));
}

#[test]
fn a_withdrawn_record_is_no_finding() {
    let kept = record("X-1", "PyPI", "requests", "introduced 0, fixed 1.0", "");
    let withdrawn =
        record("X-2", "PyPI", "requests", "introduced 0", r#","withdrawn":"2026-01-01T00:00:00Z""#);
    let mut builder = plimsoll_vuln::index::Builder::new();
    let source = builder.source("test", None, None);
    for json in [&kept, &withdrawn] {
        builder.add(source, &plimsoll_vuln::osv::Record::parse(json.as_bytes()).unwrap());
    }
    let index = plimsoll_vuln::index::Index::open(builder.finish().unwrap().shards).unwrap();
    let requests = named(PackageType::Pypi, "", "requests", "2.0");
    let matches = plimsoll_vuln::matching::match_component(&requests, None, &index, &terms());
    assert_eq!(told(&matches), []);
}

fn go_record(imports: &str) -> String {
    format!(
        r#"{{"id":"GO-2026-1","modified":"2026-11-20T00:00:00Z","affected":[{{
            "package":{{"ecosystem":"Go","name":"golang.org/x/crypto"}},
            "ranges":[{{"type":"SEMVER","events":[{{"introduced":"0"}},{{"fixed":"0.31.0"}}]}}],
            "ecosystem_specific":{{"imports":[{imports}]}}}}]}}"#
    )
}

#[test]
fn a_go_advisory_that_names_functions_is_about_programs_that_link_one() {
    let functions = r#"{"path":"golang.org/x/crypto/openpgp","symbols":["ReadMessage"]}"#;
    let whole_package = r#"{"path":"golang.org/x/crypto/openpgp"}"#;
    let no_imports = "";
    let linked = symbol_hash("golang.org/x/crypto/openpgp", "ReadMessage");
    let other = symbol_hash("golang.org/x/crypto/ssh", "Dial");
    for (imports, symbols, expected) in [
        (functions, vec![linked], Some(vec![])),
        (functions, vec![other], None),
        (functions, vec![NOTHING_LINKED], None),
        (functions, vec![], Some(vec![Mark::WholeModule])),
        (whole_package, vec![package_hash("golang.org/x/crypto/openpgp")], Some(vec![])),
        (whole_package, vec![package_hash("golang.org/x/crypto/ssh")], None),
        (no_imports, vec![other], Some(vec![])),
        (no_imports, vec![], Some(vec![])),
    ] {
        let mut crypto = named(PackageType::Golang, "golang.org/x", "crypto", "v0.30.0");
        crypto.kinship = Kinship::Embedded;
        crypto.symbols = symbols;
        crypto.symbols.sort_unstable();
        let matches = of_language(&crypto, &[go_record(imports)]);
        let marks = matches.findings.first().map(|finding| finding.marks.clone());
        assert_eq!(marks, expected, "{imports} {:?}", crypto.symbols);
    }
}

#[test]
fn a_go_toolchain_is_asked_as_the_standard_library() {
    let records = [record(
        "GO-2026-2",
        "Go",
        "stdlib",
        "introduced 0, fixed 1.22.5, introduced 1.23.0-0, fixed 1.23.2",
        "",
    )];
    for (version, expected) in [("1.22.4", 1), ("1.22.5", 0), ("1.23.0-rc.2", 1), ("1.23.2", 0)] {
        let stdlib = named(PackageType::Golang, "", "stdlib", version);
        assert_eq!(told(&of_language(&stdlib, &records)).len(), expected, "{version}");
    }
}

#[test]
fn a_go_program_of_no_release_is_not_judged_and_its_dependencies_are() {
    let records = [record("GO-2026-3", "Go", "example.org/shop", "introduced 0, fixed 1.4.0", "")];
    let shop = |version: &str, kinship| {
        let mut component = named(PackageType::Golang, "example.org", "shop", version);
        component.kinship = kinship;
        of_language(&component, &records)
    };
    for version in ["(devel)", "v0.0.0-20260101120000-0123456789ab"] {
        let matches = shop(version, Kinship::Installed);
        assert_eq!(*matches.evaluation, Evaluation::NotEvaluated(Reason::NotReleased), "{version}");
        assert!(matches.findings.is_empty());
    }
    // Derived from a tag, such a version has its place between the releases.
    assert_eq!(told(&shop("v1.3.1-0.20260101120000-0123456789ab", Kinship::Installed)).len(), 1);
    assert_eq!(told(&shop("v1.4.1-0.20260101120000-0123456789ab", Kinship::Installed)).len(), 0);
    // A dependency without an earlier tag really precedes every release.
    assert_eq!(told(&shop("v0.0.0-20260101120000-0123456789ab", Kinship::Embedded)).len(), 1);
}

#[test]
fn an_unmaintained_crate_is_information() {
    let json = r#"{"id":"RUSTSEC-2026-1","modified":"2026-11-20T00:00:00Z","affected":[{
        "package":{"ecosystem":"crates.io","name":"ansi_term"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0.0.0-0"}]}],
        "database_specific":{"informational":"unmaintained"}}]}"#;
    let matches = of_language(&named(PackageType::Cargo, "", "ansi_term", "0.12.1"), &[json.to_owned()]);
    assert_eq!(matches.findings[0].informational.as_deref(), Some("unmaintained"));
    assert!(!matches.leaves_some, "there is nothing to mend");
}

#[test]
fn a_program_known_by_its_bytes_is_asked_under_a_certain_name_only() {
    let records = [record(
        "BIT-node-2026-1",
        "Bitnami",
        "node",
        "introduced 20.0.0, fixed 20.9.0",
        r#","aliases":["CVE-2026-1001"]"#,
    )];
    let matches = of_language(&named(PackageType::Generic, "", "node", "20.1.0"), &records);
    assert_eq!(told(&matches), [("CVE-2026-1001", Some("20.9.0"))]);
    assert_eq!(matches.findings[0].marks, [Mark::KnownByBytes]);
    let unknown = of_language(&named(PackageType::Generic, "", "my-program", "1.0"), &records);
    assert_eq!(*unknown.evaluation, Evaluation::NotEvaluated(Reason::ProgramNotCovered));
}

#[test]
fn a_lock_file_is_evidence_of_another_kind() {
    let records = [record("X-1", "npm", "lodash", "introduced 0", "")];
    let mut lodash = named(PackageType::Npm, "", "lodash", "4.17.15");
    lodash.kinship = Kinship::Locked;
    assert_eq!(of_language(&lodash, &records).findings[0].marks, [Mark::LockFileOnly]);
}

#[test]
fn a_version_without_an_order_is_not_judged_where_anything_is_known_of_the_package() {
    let records = [record("X-1", "NuGet", "some", "introduced 0, fixed 2.0.0", "")];
    let odd = of_language(&named(PackageType::Nuget, "", "some", "what?"), &records);
    assert!(matches!(&*odd.evaluation, Evaluation::NotEvaluated(Reason::VersionNotOrdered(_))));
    let harmless = of_language(&named(PackageType::Nuget, "", "other", "what?"), &records);
    assert_eq!(*harmless.evaluation, Evaluation::By("NuGet".to_owned()));
}

#[test]
fn a_version_without_an_order_that_is_named_as_written_is_found() {
    let json = r#"{"id":"X-1","modified":"2026-11-20T00:00:00Z","affected":[{
        "package":{"ecosystem":"NuGet","name":"some"},"versions":["what?"]}]}"#;
    let matches = of_language(&named(PackageType::Nuget, "", "some", "what?"), &[json.to_owned()]);
    assert_eq!(told(&matches), [("X-1", None)]);
    assert!(
        matches!(matches.evaluation.reasons(), [Reason::VersionNotOrdered(_)]),
        "{:?}",
        matches.evaluation
    );
}

#[test]
fn the_version_that_clears_a_component_is_held_against_all_its_advisories() {
    let records = [
        record("X-1", "npm", "some", "introduced 0, fixed 1.5.0", ""),
        record("X-2", "npm", "some", "introduced 0, fixed 2.0.0", ""),
        record("X-3", "npm", "some", "introduced 2.0.0, fixed 2.0.3", ""),
        record("X-4", "npm", "some", "introduced 3.0.0", ""),
    ];
    let matches = of_language(&named(PackageType::Npm, "", "some", "1.0.0"), &records);
    assert_eq!(told(&matches), [("X-1", Some("1.5.0")), ("X-2", Some("2.0.0"))]);
    assert_eq!((matches.clears.as_deref(), matches.leaves_some), (Some("2.0.3"), false));
    let matches = of_language(&named(PackageType::Npm, "", "some", "3.1.0"), &records);
    assert_eq!((matches.clears, matches.leaves_some), (None, true));
}

#[test]
fn summaries_are_left_out_where_nobody_looks() {
    let index = index(&[record("X-1", "npm", "some", "introduced 0", r#","summary":"It leaks.""#)]);
    let some = named(PackageType::Npm, "", "some", "1.0.0");
    let summary = |mut matcher: Matcher<'_>| matcher.matches(&some).findings[0].summary.clone();
    assert_eq!(summary(Matcher::new(&index, None, &terms())).as_deref(), Some("It leaks."));
    assert_eq!(summary(Matcher::new(&index, None, &terms()).without_summaries()), None);
}

#[test]
fn a_fingerprint_is_another_where_findings_are() {
    let print = |version: &str, records: &[String]| {
        let index = index(records);
        let some = named(PackageType::Npm, "", "some", version);
        let mut matcher = Matcher::new(&index, None, &terms());
        (matcher.fingerprint(&some), matcher.matches(&some).findings.len())
    };
    let older = record("X-1", "npm", "some", "introduced 0, fixed 1.0.0", "");
    let of = |fixed: &str, rest: &str| {
        [older.clone(), record("X-2", "npm", "some", &format!("introduced 0, fixed {fixed}"), rest)]
    };
    let (same, count) = print("1.2.0", &of("2.0.0", ""));
    assert_eq!(count, 1);
    assert_eq!(print("1.3.0", &of("2.0.0", "")).0, same, "the same record matches");
    assert_eq!(print("1.2.0", &of("2.0.0", r#","summary":"It leaks.""#)).0, same, "titles are left out");
    assert_eq!(print("1.2.0", &of("2.0.0", "")[1..]).0, same, "a record that does not match is gone");
    let others = [
        print("0.9.0", &of("2.0.0", "")).0,
        print("1.2.0", &of("2.0.1", "")).0,
        print("1.2.0", &of("2.0.0", r#","aliases":["CVE-2020-1000"]"#)).0,
        print("1.2.0", &of("2.0.0", r#","upstream":["CVE-2020-1000"]"#)).0,
        print("1.2.0", &of("2.0.0", r#","database_specific":{"severity":"HIGH"}"#)).0,
        print("1.2.0", &of("1.1.0", "")).0,
    ];
    let distinct: std::collections::BTreeSet<u64> = others.into_iter().chain([same]).collect();
    assert_eq!(distinct.len(), 7, "{others:?}");
}
