//! CISA's catalogue of vulnerabilities that are known to be exploited.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::index::Refusal;
use crate::osv::Text;

use super::{ImportError, Reading};

const FORMAT: &str = "KEV catalogue";
const RANSOMWARE: &str = "Known";

#[derive(Deserialize)]
struct Catalogue<'a> {
    #[serde(borrow, default, rename = "dateReleased")]
    released: Option<Text<'a>>,
    #[serde(borrow, default)]
    vulnerabilities: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, rename = "cveID")]
    cve: Text<'a>,
    #[serde(borrow, rename = "dateAdded")]
    added: Text<'a>,
    #[serde(borrow, default, rename = "knownRansomwareCampaignUse")]
    ransomware: Option<Text<'a>>,
}

pub(super) fn import(reading: &mut Reading<'_>, json: &[u8]) -> Result<(), ImportError> {
    let catalogue: Catalogue<'_> =
        serde_json::from_slice(json).map_err(|error| reading.is_no(FORMAT, error))?;
    let released = catalogue.released.as_deref().and_then(crate::index::timestamp);
    reading.note(released);
    for entry in &catalogue.vulnerabilities {
        if let Err(reason) = add(reading, entry) {
            reading.builder.refuse(reading.id, reason, &entry.cve);
        }
    }
    Ok(())
}

/// A line that is an entry of the catalogue.
pub(super) fn line(reading: &mut Reading<'_>, line: &[u8]) -> Result<(), Refusal> {
    let entry: Entry<'_> = serde_json::from_slice(line).map_err(|_| Refusal::Malformed)?;
    add(reading, &entry)
}

fn add(reading: &mut Reading<'_>, entry: &Entry<'_>) -> Result<(), Refusal> {
    let added: Date = entry.added.parse().map_err(|_| Refusal::Malformed)?;
    let is_ransomware = entry.ransomware.as_deref() == Some(RANSOMWARE);
    if !reading.builder.enrichment().kev(&entry.cve, added, is_ransomware) {
        return Err(Refusal::Malformed);
    }
    reading.note(midnight(added));
    reading.count();
    Ok(())
}

pub(super) fn midnight(day: Date) -> Option<Timestamp> {
    day.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp())
}

impl Reading<'_> {
    /// Notes how new enrichments are.
    pub(super) fn note(&mut self, time: Option<Timestamp>) {
        let time = self.builder.credible(time);
        self.builder.note_time(self.id, time);
        self.builder.enrichment().note(self.id, time);
    }

    /// Counts an enrichment.
    pub(super) fn count(&mut self) {
        let tally = self.builder.tally_mut(self.id);
        tally.read += 1;
        tally.kept += 1;
    }
}
