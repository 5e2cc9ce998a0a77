//! FIRST's table of how probable exploitation is: a remark with the day, the names of the columns, then a row a CVE.

use std::io::{BufRead, Read as _};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::index::{Epss, Refusal};

use super::kev::midnight;
use super::{ImportError, Reading};

/// A longer line is no row of the table.
const LINE_BYTES_MAX: u64 = 4096;

pub(super) fn import(mut reading: Reading<'_>, input: &mut impl BufRead) -> Result<(), ImportError> {
    let mut time = reading.source.time;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let count = input
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .map_err(|error| reading.failed(error))?;
        if count == 0 {
            break;
        }
        let text = std::str::from_utf8(&line).unwrap_or_default().trim();
        if let Some(remark) = text.strip_prefix('#') {
            time = score_time(remark).or(time);
            reading.note(time);
        } else if text.is_empty() || text.starts_with("cve,") {
            continue;
        } else if row(&mut reading, text, time).is_some() {
            reading.count();
        } else {
            reading.builder.refuse(reading.id, Refusal::Malformed, &format!("line {number}"));
        }
    }
    Ok(())
}

/// `model_version:v2025.03.14,score_date:2025-08-25T12:55:00Z`.
fn score_time(remark: &str) -> Option<Timestamp> {
    let (_, rest) = remark.split_once("score_date:")?;
    let text = rest.split(',').next()?.trim();
    // Older tables write the zone without its colon.
    crate::index::timestamp(text).or_else(|| midnight(text.get(..10)?.parse::<Date>().ok()?))
}

fn row(reading: &mut Reading<'_>, text: &str, time: Option<Timestamp>) -> Option<()> {
    let mut columns = text.split(',').map(|column| column.trim().trim_matches('"'));
    let (cve, score, percentile) = (columns.next()?, columns.next()?, columns.next()?);
    let epss = Epss::new(time, score.parse().ok()?, percentile.parse().ok()?)?;
    reading.builder.enrichment().epss(cve, epss).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_stands_in_the_remark() {
        let day = |remark| score_time(remark).map(|time| time.to_string());
        assert_eq!(day("model_version:v2,score_date:2025-08-25T12:55:00Z").unwrap(), "2025-08-25T12:55:00Z");
        assert_eq!(
            day("model_version:v2,score_date:2023-01-05T00:00:00+0000").unwrap(),
            "2023-01-05T00:00:00Z"
        );
        assert_eq!(day("model_version:v2"), None);
    }
}
