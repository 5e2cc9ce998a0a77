//! CVEs with the CVSS vectors that others than their advisories' publishers gave them, one on each line.

use jiff::civil::Date;
use serde::Deserialize;

use crate::index::Refusal;
use crate::osv::Text;

use super::Reading;

#[derive(Deserialize)]
struct Score<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, default)]
    cvss: Option<Text<'a>>,
    /// Since when CISA lists it as exploited.
    #[serde(borrow, default)]
    kev: Option<Text<'a>>,
}

pub(super) fn line(reading: &mut Reading<'_>, line: &[u8]) -> Result<(), Refusal> {
    let score: Score<'_> = serde_json::from_slice(line).map_err(|_| Refusal::Malformed)?;
    let listed_on: Option<Date> = score.kev.as_deref().and_then(|day| day.parse().ok());
    if score.cvss.is_none() && listed_on.is_none() {
        return Err(Refusal::NothingToMatch);
    }
    reading.note(None);
    let enrichment = reading.builder.enrichment();
    let is_scored = score.cvss.is_none_or(|vector| enrichment.vector(&score.id, &vector));
    let is_listed = listed_on.is_none_or(|day| enrichment.kev(&score.id, day, false));
    if !(is_scored && is_listed) {
        return Err(Refusal::Malformed);
    }
    reading.count();
    Ok(())
}
