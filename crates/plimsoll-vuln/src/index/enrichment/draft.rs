use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::index::builder::{SourceId, listed};
use crate::index::catalogue::ListedShard;
use crate::index::container::{ShardKind, frame};
use crate::index::table::TableWriter;
use crate::index::wire::put_number;

use super::{SCORE_SCALE, flag, key};

const ROWS_PER_BLOCK: usize = 64;
/// More vectors are of no use to anybody.
const VECTORS_MAX: usize = 31;

/// Enrichments before they are written. Of two statements on one CVE the one stays that would also stay if they came
/// the other way round.
#[derive(Default)]
pub(crate) struct EnrichmentDraft {
    rows: BTreeMap<u64, RowDraft>,
    sources: Vec<SourceId>,
    newest: Option<Timestamp>,
}

#[derive(Default)]
struct RowDraft {
    kev_days: Option<u16>,
    is_ransomware: bool,
    epss: Option<Epss>,
    vectors: BTreeSet<String>,
}

/// A score of flag::EPSS, which is computed anew every day.
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
    pub(crate) fn sources(&self) -> impl Iterator<Item = SourceId> {
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

    fn change(&mut self, cve: &str, change: impl FnOnce(&mut RowDraft)) -> bool {
        key(cve).map(|key| change(self.rows.entry(key).or_default())).is_some()
    }

    /// The shard, if there is anything in it; its name where it is too large.
    pub(crate) fn write(&self, sources: Vec<String>) -> Result<Option<(ListedShard, Vec<u8>)>, String> {
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
        let rows: Vec<(&u64, &RowDraft)> = self.rows.iter().collect();
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
        let mut last = "";
        for vector in numbers.keys() {
            let before = if strings.is_at_block() { "" } else { last };
            let shared = vector.bytes().zip(before.bytes()).take_while(|(left, right)| left == right).count();
            strings.push(|out| {
                put_number(out, shared as u64);
                out.extend(vector.bytes().skip(shared));
            });
            last = vector;
        }
        let time = self.newest.map_or(i64::MIN, |time| time.as_second()).to_le_bytes().to_vec();
        frame(ShardKind::Enrichment, &[time, firsts, blocks.finish()?, strings.finish()?])
    }
}

impl RowDraft {
    fn put(&self, out: &mut Vec<u8>, numbers: &BTreeMap<&str, u32>) {
        let bit_if = |bit, is_set| if is_set { bit } else { 0 };
        let count = u8::try_from(self.vectors.len().min(VECTORS_MAX)).unwrap_or_default();
        out.push(
            count << flag::VECTORS_SHIFT
                | bit_if(flag::KEV, self.kev_days.is_some())
                | bit_if(flag::RANSOMWARE, self.is_ransomware)
                | bit_if(flag::EPSS, self.epss.is_some()),
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
