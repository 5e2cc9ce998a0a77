//! Alpine's secdb: for each package the versions that mended something, with what they mended.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::index::{Identifier, Refusal};
use crate::osv::{Affected, Event, Package, Range, Record, Text};

use super::{ImportError, Reading};

const FORMAT: &str = "Alpine secdb";

#[derive(Deserialize)]
struct Secdb<'a> {
    #[serde(borrow, default)]
    distroversion: Option<Text<'a>>,
    #[serde(borrow, default)]
    packages: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    pkg: SecuredPackage<'a>,
}

#[derive(Deserialize)]
struct SecuredPackage<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow, default)]
    secfixes: BTreeMap<Text<'a>, Option<Vec<Text<'a>>>>,
}

pub(super) fn import(reading: &mut Reading<'_>, json: &[u8]) -> Result<(), ImportError> {
    let secdb: Secdb<'_> = serde_json::from_slice(json).map_err(|error| reading.is_no(FORMAT, error))?;
    let Some(version) = secdb.distroversion else {
        reading.builder.refuse(reading.id, Refusal::UnknownEcosystem, reading.source.name);
        return Ok(());
    };
    let ecosystem = format!("Alpine:{}", &*version);
    for (flaw, affected) in by_flaw(&secdb.packages, &ecosystem) {
        reading.builder.add(reading.id, &record(flaw, affected));
    }
    Ok(())
}

/// What each flaw affects. The fixed version `0` stays: it says that the package never had the flaw.
fn by_flaw<'a>(entries: &'a [Entry<'a>], ecosystem: &'a str) -> BTreeMap<&'a str, Vec<Affected<'a>>> {
    let mut flaws: BTreeMap<&str, Vec<Affected<'_>>> = BTreeMap::new();
    for Entry { pkg } in entries {
        for (fixed, mended) in &pkg.secfixes {
            for flaw in mended.iter().flatten().flat_map(|text| flaws_of(text)) {
                flaws.entry(flaw).or_default().push(affected(ecosystem, &pkg.name, fixed));
            }
        }
    }
    flaws
}

/// The CVEs of an entry such as `CVE-2018-19961 XSA-275`, or its first word where it names none.
fn flaws_of(text: &str) -> Vec<&str> {
    let words = || text.split([' ', ',', '/', '(', ')']).filter(|word| !word.is_empty());
    let cves: Vec<&str> = words().filter(|word| Identifier::parse(word).is_cve()).collect();
    if cves.is_empty() { words().take(1).collect() } else { cves }
}

fn affected<'a>(ecosystem: &'a str, package: &'a str, fixed: &'a str) -> Affected<'a> {
    Affected {
        package: Some(Package { ecosystem: ecosystem.into(), name: package.into(), purl: None }),
        ranges: vec![Range {
            kind: "ECOSYSTEM".into(),
            events: vec![
                Event { introduced: Some("0".into()), ..Event::default() },
                Event { fixed: Some(fixed.into()), ..Event::default() },
            ],
        }],
        ..Affected::default()
    }
}

/// OSV names these records after the flaw, with the distribution in front.
fn record<'a>(flaw: &'a str, affected: Vec<Affected<'a>>) -> Record<'a> {
    Record { id: format!("ALPINE-{flaw}").into(), upstream: vec![flaw.into()], affected, ..Record::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_names_one_flaw_or_several() {
        assert_eq!(flaws_of("CVE-2018-19961 XSA-275"), ["CVE-2018-19961"]);
        assert_eq!(flaws_of("CVE-2017-2616 (+ regression fix)"), ["CVE-2017-2616"]);
        assert_eq!(flaws_of("CVE-2020-1234,CVE-2020-1235"), ["CVE-2020-1234", "CVE-2020-1235"]);
        assert_eq!(flaws_of("XSA-248"), ["XSA-248"]);
        assert!(flaws_of(" ").is_empty());
    }
}
