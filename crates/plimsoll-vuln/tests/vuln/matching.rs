//! The rules of matching, each on records of its own that go through the real index; then on real advisories.

use jiff::Timestamp;
use plimsoll_sbom::{Component, Distribution, PackageType, SourcePackage};
use plimsoll_vuln::feed::Terms;
use plimsoll_vuln::index::{Builder, Index};
use plimsoll_vuln::matching::{Matches, match_component};
use plimsoll_vuln::osv::Record;

mod distributions;
mod gates;
mod languages;
mod real;
mod verdicts;

/// The index of these records.
fn index(records: &[String]) -> Index {
    let mut builder = Builder::new();
    let source = builder.source("test", None, None);
    for json in records {
        builder.add(source, &Record::parse(json.as_bytes()).unwrap());
    }
    assert!(builder.tally(source).refused.is_empty(), "{:?}", builder.tally(source));
    Index::open(builder.finish().unwrap().shards).unwrap()
}

/// A record on one package. `events` are written `introduced 0, fixed 1.2`; `more` are further fields.
fn record(id: &str, ecosystem: &str, package: &str, events: &str, more: &str) -> String {
    let event = |event: &str| {
        let (kind, version) = event.trim().split_once(' ').unwrap();
        format!(r#"{{"{kind}":"{version}"}}"#)
    };
    let events: Vec<String> = events.split(',').map(event).collect();
    let range = format!(r#"[{{"type":"ECOSYSTEM","events":[{}]}}]"#, events.join(","));
    format!(
        r#"{{"id":"{id}","modified":"2026-11-20T00:00:00Z",
            "affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"{package}"}},"ranges":{range}}}]{more}}}"#
    )
}

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn terms() -> Terms {
    Terms { now: now(), age_days_max: Some(7) }
}

fn distribution(id: &str, version_id: &str) -> Distribution {
    Distribution { id: id.to_owned(), version_id: version_id.to_owned(), ..Distribution::default() }
}

/// A binary package of a source package.
fn package(package_type: PackageType, name: &str, version: &str, source: Option<(&str, &str)>) -> Component {
    let mut component = Component::new(package_type, name, version);
    component.source =
        source.map(|(name, version)| SourcePackage { name: name.to_owned(), version: version.to_owned() });
    component
}

/// The ids found, each with its fix.
fn told(matches: &Matches) -> Vec<(&str, Option<&str>)> {
    let mut told: Vec<(&str, Option<&str>)> =
        matches.findings.iter().map(|finding| (finding.id.as_str(), finding.fixed.as_deref())).collect();
    told.sort_unstable();
    told
}

/// What the records say of a component of a language.
fn of_language(component: &Component, records: &[String]) -> Matches {
    match_component(component, None, &index(records), &terms())
}
