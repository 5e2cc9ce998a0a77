//! What is known of CVEs whatever package they touch, in one shard.
//!
//! | section | content |
//! |---|---|
//! | 0 | time of the newest data, in seconds |
//! | 1 | the first CVE of each block, eight bytes each |
//! | 2 | blocks of 64 CVEs, each with its distance from the one before |
//! | 3 | CVSS vectors |

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::advisory::date;
use super::builder::{SourceId, listed};
use super::catalogue::ListedShard;
use super::container::{Container, OpenShardError, ShardKind, frame};
use super::identifier::Identifier;
use super::table::{Table, TableWriter};
use super::wire::{Reader, put_number};

const ROWS_PER_BLOCK: usize = 64;
const KEY_BYTES: usize = size_of::<u64>();
/// EPSS is published with five decimals.
const SCORE_SCALE: f64 = 100_000.0;

const KEV: u8 = 1;
const RANSOMWARE: u8 = 1 << 1;
const EPSS: u8 = 1 << 2;
/// Above the flags stands the number of vectors.
const VECTORS_SHIFT: u32 = 3;
/// More are of no use to anybody.
const VECTORS_MAX: usize = 31;

/// What is known of a CVE.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Enrichment<'s> {
    /// Since when CISA lists it as exploited.
    pub kev_date: Option<Date>,
    /// Whether CISA knows it to be used for ransomware.
    pub is_ransomware: bool,
    /// The probability that it is exploited within 30 days, from 0 to 1.
    pub epss: Option<f64>,
    /// The share of CVEs that have at most this probability.
    pub percentile: Option<f64>,
    /// CVSS vectors from others than the advisory's publisher.
    pub vectors: Vec<&'s str>,
}

/// An opened shard of enrichments.
#[derive(Clone, Debug)]
pub struct Enrichments {
    container: Container,
    data_time: Option<Timestamp>,
}

impl Enrichments {
    /// Opens a shard of enrichments.
    pub fn open(bytes: Vec<u8>) -> Result<Self, OpenShardError> {
        let container = Container::open(bytes, ShardKind::Enrichment)?;
        let seconds =
            container.section(0).try_into().map_err(|_| OpenShardError::damaged("it has no time"))?;
        let data_time = Timestamp::from_second(i64::from_le_bytes(seconds)).ok();
        if (2..4).any(|section| Table::read(container.section(section)).is_none()) {
            return Err(OpenShardError::damaged("a table is cut short"));
        }
        Ok(Self { container, data_time })
    }

    /// Compares the check sum.
    pub fn verify(&self) -> Result<(), OpenShardError> {
        self.container.verify()
    }

    /// How new its newest data is.
    pub fn data_time(&self) -> Option<Timestamp> {
        self.data_time
    }

    /// What is known of a CVE.
    pub fn get(&self, cve: &str) -> Option<Enrichment<'_>> {
        let wanted = key(cve)?;
        let firsts = self.container.section(1);
        let (keys, _) = firsts.as_chunks::<KEY_BYTES>();
        let block = keys.partition_point(|key| u64::from_le_bytes(*key) <= wanted).checked_sub(1)?;
        let mut at = u64::from_le_bytes(*keys.get(block)?);
        let blocks = Table::read(self.container.section(2))?;
        let mut rows = Reader::new(blocks.get(u32::try_from(block).ok()?)?);
        while !rows.is_empty() {
            at = at.checked_add(rows.long()?)?;
            let enrichment = self.read(&mut rows)?;
            if at >= wanted {
                return (at == wanted).then_some(enrichment);
            }
        }
        None
    }

    fn read(&self, rows: &mut Reader<'_>) -> Option<Enrichment<'_>> {
        let flags = rows.byte()?;
        let mut enrichment = Enrichment { is_ransomware: flags & RANSOMWARE != 0, ..Enrichment::default() };
        if flags & KEV != 0 {
            enrichment.kev_date = date(rows.number()?.try_into().ok()?);
        }
        if flags & EPSS != 0 {
            enrichment.epss = Some(f64::from(rows.number()?) / SCORE_SCALE);
            enrichment.percentile = Some(f64::from(rows.number()?) / SCORE_SCALE);
        }
        let vectors = Table::read(self.container.section(3))?;
        for _ in 0..flags >> VECTORS_SHIFT {
            enrichment.vectors.extend(vectors.text(rows.number()?));
        }
        Some(enrichment)
    }
}

/// CVEs in their order: year, then number.
fn key(cve: &str) -> Option<u64> {
    match Identifier::parse(cve) {
        Identifier::Cve { year, number } => Some(u64::from(year) << 32 | u64::from(number)),
        _ => None,
    }
}

/// Enrichments before they are written. Of two statements on one CVE the one stays that would also stay if they came
/// the other way round.
#[derive(Default)]
pub(crate) struct EnrichmentDraft {
    rows: BTreeMap<u64, Row>,
    sources: Vec<SourceId>,
    newest: Option<Timestamp>,
}

#[derive(Default)]
struct Row {
    kev_days: Option<u16>,
    is_ransomware: bool,
    epss: Option<Epss>,
    vectors: BTreeSet<String>,
}

/// A score of EPSS, which is computed anew every day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Epss {
    /// The day, in seconds since 1970.
    pub(crate) second: i64,
    score: u32,
    percentile: u32,
}

impl Epss {
    /// A score and its percentile, both from 0 to 1.
    pub(crate) fn new(time: Option<Timestamp>, score: f64, percentile: f64) -> Option<Self> {
        let second = time.map_or(i64::MIN, |time| time.as_second());
        Some(Self { second, score: scaled(score)?, percentile: scaled(percentile)? })
    }
}

fn scaled(score: f64) -> Option<u32> {
    let is_share = (0.0..=1.0).contains(&score);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100,000")]
    is_share.then(|| (score * SCORE_SCALE).round() as u32)
}

impl EnrichmentDraft {
    /// Notes a source, and how new its data is.
    pub(crate) fn note(&mut self, source: SourceId, time: Option<Timestamp>) {
        if !self.sources.contains(&source) {
            self.sources.push(source);
        }
        self.newest = time.max(self.newest);
    }

    /// The sources that something came from.
    pub(super) fn sources(&self) -> impl Iterator<Item = SourceId> {
        self.sources.iter().copied()
    }

    /// Notes that a CVE is exploited; `false` where `cve` is none.
    pub(crate) fn kev(&mut self, cve: &str, listed_on: Date, is_ransomware: bool) -> bool {
        let midnight = listed_on.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp().as_second());
        let days = midnight.ok().and_then(|second| u16::try_from(second / (24 * 60 * 60)).ok());
        self.change(cve, |row| {
            row.kev_days = [row.kev_days, days].into_iter().flatten().min();
            row.is_ransomware |= is_ransomware;
        })
    }

    /// Notes how probable exploitation is.
    pub(crate) fn epss(&mut self, cve: &str, epss: Epss) -> bool {
        self.change(cve, |row| row.epss = row.epss.max(Some(epss)))
    }

    /// Notes a CVSS vector.
    pub(crate) fn vector(&mut self, cve: &str, vector: &str) -> bool {
        self.change(cve, |row| {
            row.vectors.insert(vector.to_owned());
        })
    }

    fn change(&mut self, cve: &str, change: impl FnOnce(&mut Row)) -> bool {
        key(cve).map(|key| change(self.rows.entry(key).or_default())).is_some()
    }

    /// The shard, if there is anything in it; its name where it is too large.
    pub(super) fn write(&self, sources: Vec<String>) -> Result<Option<(ListedShard, Vec<u8>)>, String> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        let bytes = self.frame().ok_or("enrichment")?;
        let records = self.rows.len() as u64;
        let shard = ListedShard {
            records,
            data_time: self.newest,
            sources,
            ..listed("", ShardKind::Enrichment, &bytes)
        };
        Ok(Some((shard, bytes)))
    }

    fn frame(&self) -> Option<Vec<u8>> {
        let vectors: BTreeSet<&str> =
            self.rows.values().flat_map(|row| &row.vectors).map(String::as_str).collect();
        let numbers: BTreeMap<&str, u32> = vectors.into_iter().zip(0..).collect();
        let (mut firsts, mut blocks) = (Vec::new(), TableWriter::default());
        let rows: Vec<(&u64, &Row)> = self.rows.iter().collect();
        for block in rows.chunks(ROWS_PER_BLOCK) {
            let mut last = block.first().map_or(0, |(key, _)| **key);
            firsts.extend(last.to_le_bytes());
            blocks.push(|out| {
                for (key, row) in block {
                    put_number(out, **key - last);
                    row.put(out, &numbers);
                    last = **key;
                }
            });
        }
        let mut strings = TableWriter::default();
        numbers.keys().for_each(|vector| strings.push(|out| out.extend_from_slice(vector.as_bytes())));
        let time = self.newest.map_or(i64::MIN, |time| time.as_second()).to_le_bytes().to_vec();
        frame(ShardKind::Enrichment, &[time, firsts, blocks.finish()?, strings.finish()?])
    }
}

impl Row {
    fn put(&self, out: &mut Vec<u8>, numbers: &BTreeMap<&str, u32>) {
        let flag = |bit, is_set| if is_set { bit } else { 0 };
        let count = u8::try_from(self.vectors.len().min(VECTORS_MAX)).unwrap_or_default();
        out.push(
            count << VECTORS_SHIFT
                | flag(KEV, self.kev_days.is_some())
                | flag(RANSOMWARE, self.is_ransomware)
                | flag(EPSS, self.epss.is_some()),
        );
        if let Some(days) = self.kev_days {
            put_number(out, days);
        }
        if let Some(epss) = self.epss {
            put_number(out, epss.score);
            put_number(out, epss.percentile);
        }
        for vector in self.vectors.iter().take(VECTORS_MAX) {
            put_number(out, numbers.get(vector.as_str()).copied().unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cve_is_found_among_many() {
        let mut draft = EnrichmentDraft::default();
        for number in 1000..1200 {
            assert!(draft.vector(&format!("CVE-2020-{number}"), "CVSS:3.1/AV:N"));
        }
        assert!(draft.kev("CVE-2021-44228", jiff::civil::date(2021, 12, 10), true));
        assert!(draft.kev("CVE-2021-44228", jiff::civil::date(2021, 12, 24), false));
        let epss = Epss::new(None, 0.943_58, 0.999).unwrap();
        assert!(draft.epss("CVE-2021-44228", epss));
        assert!(!draft.vector("GHSA-jfh8-c2jp-5v3q", "x"));
        let (listed, bytes) = draft.write(Vec::new()).unwrap().unwrap();
        assert_eq!(listed.records, 201);
        let enrichments = Enrichments::open(bytes).unwrap();
        for number in [1000, 1063, 1064, 1199] {
            assert_eq!(enrichments.get(&format!("CVE-2020-{number}")).unwrap().vectors, ["CVSS:3.1/AV:N"]);
        }
        let log4shell = enrichments.get("CVE-2021-44228").unwrap();
        assert_eq!(log4shell.kev_date, Some(jiff::civil::date(2021, 12, 10)));
        assert_eq!(
            (log4shell.is_ransomware, log4shell.epss, log4shell.percentile),
            (true, Some(0.943_58), Some(0.999))
        );
        for absent in ["CVE-2020-999", "CVE-2020-1200", "CVE-1999-0001", "CVE-2030-1000", "x"] {
            assert_eq!(enrichments.get(absent), None, "{absent}");
        }
    }

    #[test]
    fn scores_that_are_no_share_are_refused() {
        assert_eq!(Epss::new(None, 1.5, 0.5), None);
        assert_eq!(Epss::new(None, 0.5, f64::NAN), None);
    }
}
