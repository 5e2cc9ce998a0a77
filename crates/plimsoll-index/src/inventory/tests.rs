use std::io::Cursor;

use jiff::Timestamp;
use plimsoll_sbom::PackageType;
use plimsoll_vuln::import::{Source, import};
use plimsoll_vuln::index::Builder;

use super::*;
use crate::{EventKind, FindingState};

/// An OSV record that says a Python package is affected below a version.
fn record(id: &str, package: &str, fixed: &str) -> String {
    format!(
        r#"{{"id":"{id}","modified":"2026-01-01T00:00:00Z","affected":[{{"package":{{"ecosystem":"PyPI","name":"{package}"}},
        "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
    )
    .replace('\n', "")
}

fn index(records: &[String]) -> Arc<Index> {
    let mut builder = Builder::new();
    let source = Source { name: "made", licence: None, time: None };
    for record in records {
        import(&mut builder, &source, Cursor::new(record.clone().into_bytes())).unwrap();
    }
    let built = builder.finish().unwrap();
    Arc::new(Index::open(built.shards).unwrap())
}

fn python(name: &str, version: &str) -> Interned {
    Interned::new(Component::new(PackageType::Pypi, name, version), None)
}

fn image(name: &str) -> Digest {
    Digest::sha256_of(name.as_bytes())
}

fn terms() -> Terms {
    Terms { now: Timestamp::UNIX_EPOCH, age_days_max: None }
}

/// Two images with an old `requests`, one of them with `jinja2` too.
fn inventory(index: Arc<Index>) -> Inventory {
    let mut inventory = Inventory::new(index, terms());
    inventory.add_components([(1, python("requests", "2.19.0")), (2, python("jinja2", "2.10"))]);
    inventory.put_image(image("one"), &[1, 2]);
    inventory.put_image(image("two"), &[1]);
    inventory
}

#[test]
fn a_new_advisory_finds_its_images() {
    let mut inventory = inventory(index(&[record("PYSEC-1", "unrelated", "1")]));
    assert!(inventory.locate("PYSEC-2").is_empty());

    let events = inventory.replace_index(index(&[record("PYSEC-2", "Requests", "2.20.0")]));
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(
        (events[0].kind, events[0].component, &*events[0].vulnerability),
        (EventKind::Appeared, 1, "PYSEC-2")
    );
    let found = inventory.locate("PYSEC-2");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].images, [image("one"), image("two")]);
    assert_eq!(found[0].component.component.name, "requests");
    assert_eq!(inventory.images_with(events.iter().map(|event| event.component)).len(), 2);
    assert_eq!(inventory.counts().values().sum::<u64>(), 1, "one component, though two images hold it");
}

#[test]
fn an_advisory_that_changes_or_goes_is_an_event() {
    let mut inventory = inventory(index(&[record("PYSEC-2", "requests", "2.20.0")]));
    let changed = inventory.replace_index(index(&[record("PYSEC-2", "requests", "2.21.0")]));
    assert_eq!(changed.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::Changed]);
    let resolved = inventory.replace_index(index(&[record("PYSEC-2", "requests", "2.18.0")]));
    assert_eq!(resolved.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::Resolved]);
    assert!(inventory.locate("PYSEC-2").is_empty());
    assert_eq!(inventory.counts().values().sum::<u64>(), 0);
}

#[test]
fn what_has_changed_since_older_advisories_is_told_without_having_held_them() {
    let old = index(&[record("PYSEC-2", "requests", "2.20.0"), record("PYSEC-3", "jinja2", "2.11")]);
    let mut inventory =
        inventory(index(&[record("PYSEC-3", "jinja2", "2.12"), record("PYSEC-4", "requests", "3")]));
    inventory.add_components([(3, python("requests", "2.18.0"))]);
    assert_eq!(inventory.last_component(), 3);
    let affected = inventory.affected_since(&old);
    assert_eq!(affected, [1, 2, 3]);
    let mut events = inventory.events_since(&old, &affected);
    events.sort_by_key(|event| (event.component, event.kind));
    let told: Vec<_> =
        events.iter().map(|event| (event.component, event.kind, &*event.vulnerability)).collect();
    let expected = [
        (1, EventKind::Appeared, "PYSEC-4"),
        (1, EventKind::Resolved, "PYSEC-2"),
        (2, EventKind::Changed, "PYSEC-3"),
    ];
    assert_eq!(told, expected, "and nothing of the component that no image holds");
    let fixed = |state: &Option<FindingState>| state.as_ref().and_then(|state| state.fixed.clone());
    let changed = &events[2];
    assert_eq!((fixed(&changed.before), fixed(&changed.after)), (Some("2.11".into()), Some("2.12".into())));
    assert_eq!((&events[0].before, fixed(&events[0].after)), (&None, Some("3".into())));
    assert_eq!(inventory.events_since(&old, &[2]), [events[2].clone()], "a part at a time");
    let index = inventory.index().clone();
    assert_eq!(inventory.events_since(&index, &affected), []);
}

#[test]
fn a_finding_that_goes_by_another_id_is_the_same_one() {
    let with_cve = record("PYSEC-2", "requests", "2.20.0")
        .replace(r#""modified""#, r#""aliases":["CVE-2018-18074"],"modified""#);
    let mut inventory = inventory(index(&[record("PYSEC-2", "requests", "2.20.0")]));
    assert_eq!(inventory.replace_index(index(&[with_cve])), []);
    assert_eq!(inventory.locate("CVE-2018-18074").len(), 1);
}

#[test]
fn the_same_advisories_change_nothing() {
    let records = [record("PYSEC-2", "requests", "2.20.0"), record("PYSEC-3", "jinja2", "2.11")];
    let mut inventory = inventory(index(&records));
    assert_eq!(inventory.replace_index(index(&records)), []);
    assert_eq!(inventory.locate("PYSEC-3")[0].images, [image("one")]);
}

#[test]
fn a_cve_that_comes_to_be_exploited_is_an_event_though_no_advisory_changed() {
    let cve = record("CVE-2020-1000", "requests", "2.20.0");
    let records = [cve.clone(), record("CVE-2020-1001", "jinja2", "2.11")];
    let kev = r#"{"title":"CISA Catalog of Known Exploited Vulnerabilities","catalogVersion":"2026.01.02",
        "dateReleased":"2026-01-02T00:00:00Z","count":1,"vulnerabilities":[{"cveID":"CVE-2020-1000",
        "dateAdded":"2026-01-02","knownRansomwareCampaignUse":"Known"}]}"#;
    let mut inventory = inventory(index(&records));
    let exploited = [records.to_vec(), vec![kev.replace('\n', "")]].concat();
    let events = inventory.replace_index(index(&exploited));
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].kind, &*events[0].vulnerability), (EventKind::Changed, "CVE-2020-1000"));
    let finding = &inventory.locate("CVE-2020-1000")[0].matches.findings[0];
    assert!(finding.priority.exploited_since.is_some());
    assert_eq!(inventory.replace_index(index(&records)).len(), 1, "and no longer");
}

#[test]
fn an_image_that_is_built_anew_no_longer_holds_what_it_held() {
    let mut inventory = inventory(index(&[record("PYSEC-2", "requests", "2.20.0")]));
    inventory.add_components([(3, python("requests", "2.32.0"))]);
    inventory.put_image(image("two"), &[3]);
    assert_eq!(inventory.locate("PYSEC-2")[0].images, [image("one")]);
    inventory.put_image(image("one"), &[3]);
    assert!(inventory.locate("PYSEC-2").is_empty(), "no image holds the component any more");
    assert_eq!(inventory.image_count(), 2);
}

#[test]
fn language_packages_are_the_same_in_every_distribution() {
    let debian =
        Distribution { id: "debian".to_owned(), version_id: "12".to_owned(), ..Distribution::default() };
    let package = Component::new(PackageType::Pypi, "requests", "1");
    assert_eq!(Interned::new(package.clone(), Some(&debian)), Interned::new(package, None));
    let package = Component::new(PackageType::Deb, "curl", "1");
    assert_eq!(Interned::new(package, Some(&debian)).distribution, Some(debian));
}
