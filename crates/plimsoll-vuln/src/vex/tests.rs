use plimsoll_sbom::{Component, Distribution, PackageType, SourcePackage};

use super::*;
use crate::priority::Priority;
use crate::severity::{Rating, Severity};

fn finding(ids: &[&str], advisories: &[&str]) -> Finding {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Finding {
        id: ids[0].to_owned(),
        ids: owned(ids),
        advisories: owned(advisories),
        ecosystem: "Debian:11".to_owned(),
        package: "openssl".to_owned(),
        installed: "1.1.1k-1".to_owned(),
        fixed: None,
        rating: Rating { severity: Severity::High, source: None, cvss: Vec::new() },
        priority: Priority { exploited_since: None, epss: None, severity: Severity::High },
        summary: None,
        published: None,
        informational: None,
        marks: Vec::new(),
    }
}

fn libssl() -> Component {
    let mut component = Component::new(PackageType::Deb, "libssl1.1", "1.1.1k-1");
    component.architecture = Some("amd64".to_owned());
    component.source = Some(SourcePackage { name: "openssl".to_owned(), version: "1.1.1k-1".to_owned() });
    component
}

fn bullseye() -> Distribution {
    Distribution { id: "debian".to_owned(), version_id: "11".to_owned(), ..Distribution::default() }
}

fn image() -> Image {
    let digest = format!("sha256:{}", "a".repeat(64));
    let purl = format!("pkg:oci/shop@{digest}?repository_url=registry.example.org/team/shop");
    Image { purls: vec![purl.parse().unwrap()], digests: vec![digest] }
}

fn document(statements: &str) -> String {
    format!(
        r#"{{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.org/vex/1","author":"Security Team",
            "timestamp":"2026-01-02T00:00:00Z","version":1,"statements":[{statements}]}}"#
    )
}

fn statement(products: &str, rest: &str) -> String {
    format!(
        r#"{{"vulnerability":{{"name":"CVE-2021-3711","aliases":["DSA-9-9"]}},"products":[{products}],{rest}}}"#
    )
}

const NOT_AFFECTED: &str = r#""status":"not_affected","justification":"vulnerable_code_not_in_execute_path""#;

/// What a document with one statement on these products says of libssl in the image.
fn said(products: &str, rest: &str) -> Option<Status> {
    let mut statements = Statements::new();
    statements.add(document(&statement(products, rest)).as_bytes()).unwrap();
    let (component, distribution) = (libssl(), bullseye());
    let installed = Installed { component: &component, distribution: Some(&distribution) };
    let finding = finding(&["CVE-2021-3711"], &["DSA-4963-1"]);
    statements.about(&finding, &installed, &image()).map(|said| said.status)
}

#[test]
fn a_statement_on_the_component_or_the_image_around_it_applies() {
    for products in [
        r#"{"@id":"pkg:deb/debian/libssl1.1"}"#,
        r#"{"@id":"pkg:deb/debian/libssl1.1@1.1.1k-1?arch=amd64&distro=debian-11"}"#,
        r#"{"@id":"pkg:deb/debian/openssl?arch=source"}"#,
        r#"{"@id":"pkg:deb/libssl1.1"}"#,
        r#""pkg:deb/debian/libssl1.1""#,
        r#"{"@id":"urn:x","identifiers":{"purl":"pkg:deb/debian/libssl1.1"}}"#,
        r#"{"@id":"pkg:oci/shop"}"#,
        r#"{"@id":"pkg:oci/shop?repository_url=registry.example.org/team/shop"}"#,
        r#"{"@id":"pkg:oci/shop","subcomponents":[{"@id":"pkg:npm/x"},{"@id":"pkg:deb/debian/libssl1.1"}]}"#,
    ] {
        assert_eq!(said(products, NOT_AFFECTED), Some(Status::NotAffected), "{products}");
    }
    let by_hash = format!(r#"{{"@id":"urn:x","hashes":{{"sha-256":"{}"}}}}"#, "A".repeat(64));
    assert_eq!(said(&by_hash, NOT_AFFECTED), Some(Status::NotAffected));
}

#[test]
fn a_statement_on_something_else_does_not() {
    let other = format!(r#"{{"@id":"pkg:oci/shop@sha256:{}"}}"#, "b".repeat(64));
    for products in [
        other.as_str(),
        r#"{"@id":"pkg:deb/debian/libssl3"}"#,
        r#"{"@id":"pkg:deb/debian/libssl1.1@1.1.1n-1"}"#,
        r#"{"@id":"pkg:deb/ubuntu/libssl1.1"}"#,
        r#"{"@id":"pkg:deb/debian/libssl1.1?arch=arm64"}"#,
        r#"{"@id":"pkg:deb/debian/libssl1.1?distro=debian-1"}"#,
        r#"{"@id":"pkg:deb/debian/libssl1.1?vcs_url=x"}"#,
        r#"{"@id":"pkg:oci/shop?repository_url=registry.example.org/other/shop"}"#,
        r#"{"@id":"pkg:oci/shop","subcomponents":[{"@id":"pkg:npm/x"}]}"#,
        r#"{"@id":"pkg:oci/shop","subcomponents":[{"@id":"urn:not-a-package-url"}]}"#,
        r#"{"@id":"pkg:oci/other","subcomponents":[{"@id":"pkg:deb/debian/libssl1.1"}]}"#,
        r#"{"@id":"https://example.org/shop"}"#,
    ] {
        assert_eq!(said(products, NOT_AFFECTED), None, "{products}");
    }
}

#[test]
fn the_newest_statement_counts() {
    let product = r#"{"@id":"pkg:deb/debian/libssl1.1"}"#;
    let early = statement(product, &format!(r#"{NOT_AFFECTED},"timestamp":"2026-01-01T00:00:00Z""#));
    let late = statement(product, r#""status":"affected","timestamp":"2026-03-01T00:00:00Z""#);
    for order in [[&early, &late], [&late, &early]] {
        let mut statements = Statements::new();
        statements.add(document(&format!("{},{}", order[0], order[1])).as_bytes()).unwrap();
        let (component, distribution) = (libssl(), bullseye());
        let installed = Installed { component: &component, distribution: Some(&distribution) };
        let said =
            statements.about(&finding(&["CVE-2021-3711"], &[]), &installed, &Image::default()).unwrap();
        assert_eq!(said.status, Status::Affected);
    }
}

#[test]
fn the_author_and_the_reason_are_kept() {
    let mut statements = Statements::new();
    let rest = format!(r#"{NOT_AFFECTED},"impact_statement":"the cipher is switched off""#);
    statements.add(document(&statement(r#"{"@id":"pkg:oci/shop"}"#, &rest)).as_bytes()).unwrap();
    let component = libssl();
    let installed = Installed { component: &component, distribution: None };
    let by_advisory = finding(&["CVE-1999-0001"], &["dsa-9-9"]);
    let said = statements.about(&by_advisory, &installed, &image()).unwrap();
    assert_eq!(said.author, "Security Team");
    assert_eq!(
        said.reason.as_deref(),
        Some("vulnerable_code_not_in_execute_path; the cipher is switched off")
    );
    assert_eq!(said.time, Some("2026-01-02T00:00:00Z".parse().unwrap()));
}

#[test]
fn a_statement_that_breaks_the_rules_is_passed_over_and_said() {
    let product = r#"{"@id":"pkg:oci/shop"}"#;
    for (entry, why) in [
        (
            statement(product, r#""status":"not_affected""#),
            "a statement says `not_affected` with neither justification nor impact statement",
        ),
        (statement(product, r#""status":"fine""#), "a statement has a status that OpenVEX does not define"),
        (statement("", NOT_AFFECTED), "a statement names no product"),
    ] {
        let both = format!("{entry},{entry}");
        let reading = Statements::new().add(document(&both).as_bytes()).unwrap();
        assert_eq!(reading, Reading { statements: 0, passed_over: vec![why] });
    }
}

#[test]
fn what_is_no_openvex_document_is_refused() {
    let nobodys = r#"{"@context":"https://openvex.dev/ns/v0.2.0","author":" ","statements":[]}"#;
    assert!(matches!(Statements::new().add(nobodys.as_bytes()), Err(VexFault::Author)));
    assert!(matches!(Statements::new().add(br#"{"author":"x"}"#), Err(VexFault::Context)));
    assert!(matches!(Statements::new().add(b"[["), Err(VexFault::Json(_))));
    assert!(matches!(Statements::new().add(&vec![b' '; DOCUMENT_BYTES_MAX + 1]), Err(VexFault::Length)));
}
