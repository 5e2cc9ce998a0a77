//! Debian's security tracker: for each source package and flaw, how each release stands.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::index::Refusal;
use crate::osv::{Affected, Event, Package, Range, Record, Severity, Text};

use super::{ImportError, Reading};

const FORMAT: &str = "Debian security tracker";
/// What the tracker writes where nobody has judged yet.
const NO_URGENCY: &str = "not yet assigned";

/// Releases by their code names.
const RELEASES: [(&str, &str); 10] = [
    ("forky", "Debian:14"),
    ("trixie", "Debian:13"),
    ("bookworm", "Debian:12"),
    ("bullseye", "Debian:11"),
    ("buster", "Debian:10"),
    ("stretch", "Debian:9"),
    ("jessie", "Debian:8"),
    ("wheezy", "Debian:7"),
    ("squeeze", "Debian:6.0"),
    ("sid", "Debian:sid"),
];

type Tracker<'a> = BTreeMap<Text<'a>, BTreeMap<Text<'a>, Issue<'a>>>;

#[derive(Deserialize)]
struct Issue<'a> {
    #[serde(borrow, default)]
    description: Option<Text<'a>>,
    #[serde(borrow, default)]
    releases: BTreeMap<Text<'a>, Release<'a>>,
}

#[derive(Deserialize)]
struct Release<'a> {
    #[serde(borrow, default)]
    status: Text<'a>,
    #[serde(borrow, default)]
    fixed_version: Option<Text<'a>>,
    #[serde(borrow, default)]
    urgency: Option<Text<'a>>,
}

pub(super) fn import(reading: &mut Reading<'_>, json: &[u8]) -> Result<(), ImportError> {
    #[derive(Deserialize)]
    struct Whole<'a>(#[serde(borrow)] Tracker<'a>);
    let Whole(tracker) = serde_json::from_slice(json).map_err(|error| reading.is_no(FORMAT, error))?;
    let mut records: BTreeMap<&str, Record<'_>> = BTreeMap::new();
    for (package, issues) in &tracker {
        for (flaw, issue) in issues {
            let record = records.entry(flaw).or_insert_with(|| record(flaw, issue));
            for (codename, release) in &issue.releases {
                match affected(package, codename, release) {
                    Ok(affected) => record.affected.push(affected),
                    Err(reason) => reading.builder.tally_mut(reading.id).leave_out(reason, &record.id),
                }
            }
        }
    }
    records.values().for_each(|record| reading.builder.add(reading.id, record));
    Ok(())
}

/// OSV names these records after the flaw, with the distribution in front; flaws without a CVE have names of the
/// tracker's own.
fn record<'a>(flaw: &'a str, issue: &'a Issue<'a>) -> Record<'a> {
    let id = if flaw.starts_with("CVE-") { format!("DEBIAN-{flaw}").into() } else { Text::from(flaw) };
    let upstream = if flaw.starts_with("CVE-") { vec![flaw.into()] } else { Vec::new() };
    Record { id, upstream, details: issue.description.clone(), ..Record::default() }
}

fn affected<'a>(package: &'a str, codename: &str, release: &'a Release<'a>) -> Result<Affected<'a>, Refusal> {
    let (_, ecosystem) =
        RELEASES.iter().find(|(name, _)| *name == codename).ok_or(Refusal::UnknownEcosystem)?;
    let fixed = match (&*release.status, &release.fixed_version) {
        ("open", _) => None,
        ("resolved", Some(fixed)) => Some(Event { fixed: Some((&**fixed).into()), ..Event::default() }),
        _ => return Err(Refusal::Undetermined),
    };
    let introduced = Event { introduced: Some("0".into()), ..Event::default() };
    let urgency = release.urgency.as_deref().filter(|urgency| !urgency.is_empty() && *urgency != NO_URGENCY);
    Ok(Affected {
        package: Some(Package { ecosystem: (*ecosystem).into(), name: package.into(), purl: None }),
        ranges: vec![Range {
            kind: "ECOSYSTEM".into(),
            events: std::iter::once(introduced).chain(fixed).collect(),
        }],
        severity: urgency
            .map(|word| Severity { kind: "Debian".into(), score: word.into() })
            .into_iter()
            .collect(),
        ..Affected::default()
    })
}
