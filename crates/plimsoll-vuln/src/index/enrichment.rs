//! What is known of CVEs whatever package they touch, in one shard.
//!
//! | section | content |
//! |---|---|
//! | 0 | time of the newest data, in seconds |
//! | 1 | the first CVE of each block, eight bytes each |
//! | 2 | blocks of 64 CVEs, each with its distance from the one before |
//! | 3 | CVSS vectors, each with how much it shares with the one before |

use jiff::Timestamp;
use jiff::civil::Date;

use super::advisory::date;
use super::container::{Container, OpenShardError, ShardKind};
use super::difference;
use super::identifier::Identifier;
use super::table::Table;
use super::wire::Reader;

pub(crate) use draft::{EnrichmentDraft, Epss};

mod draft;

const KEY_BYTES: usize = size_of::<u64>();
/// EPSS is published with five decimals.
const SCORE_SCALE: f64 = 100_000.0;

/// Bits that say what is known of a CVE.
mod flag {
    pub(super) const KEV: u8 = 1;
    pub(super) const RANSOMWARE: u8 = 1 << 1;
    pub(super) const EPSS: u8 = 1 << 2;
    /// Above the flags stands the number of vectors.
    pub(super) const VECTORS_SHIFT: u32 = 3;
}

/// What is known of a CVE.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Enrichment {
    /// Since when CISA lists it as exploited.
    pub kev_date: Option<Date>,
    /// Whether CISA knows it to be used for ransomware.
    pub is_ransomware: bool,
    /// The probability that it is exploited within 30 days, from 0 to 1.
    pub epss: Option<f64>,
    /// The share of CVEs that have at most this probability.
    pub percentile: Option<f64>,
    /// CVSS vectors from others than the advisory's publisher.
    pub vectors: Vec<String>,
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
    pub fn get(&self, cve: &str) -> Option<Enrichment> {
        let wanted = key(cve)?;
        let keys = self.first_keys();
        let block = keys.partition_point(|key| u64::from_le_bytes(*key) <= wanted).checked_sub(1)?;
        let rows = self.blocks().get(u32::try_from(block).ok()?)?;
        let (at, row) = rows_of(keys.get(block)?, rows).find(|(at, _)| *at >= wanted)?;
        if at == wanted { self.unpack(row) } else { None }
    }

    /// The CVEs of which two states know something else, in their order.
    pub fn changed(old: Option<&Self>, new: Option<&Self>) -> Vec<String> {
        if old.zip(new).is_some_and(|(old, new)| old.container.is_same(&new.container)) {
            return Vec::new();
        }
        let (olds, news) = (old.into_iter().flat_map(Self::rows), new.into_iter().flat_map(Self::rows));
        let keys = difference::changed(olds, news);
        keys.into_iter().map(name).collect()
    }

    fn rows(&self) -> impl Iterator<Item = (u64, Option<Enrichment>)> {
        let blocks = self.first_keys().iter().zip(self.blocks().iter());
        blocks.flat_map(|(first, rows)| rows_of(first, rows)).map(|(key, row)| (key, self.unpack(row)))
    }

    fn first_keys(&self) -> &[[u8; KEY_BYTES]] {
        self.container.section(1).as_chunks().0
    }

    fn blocks(&self) -> Table<'_> {
        Table::read(self.container.section(2)).unwrap_or(Table::EMPTY)
    }

    fn unpack(&self, mut row: Row<'_>) -> Option<Enrichment> {
        let score = |scaled| f64::from(scaled) / SCORE_SCALE;
        let mut vectors = Vec::new();
        for _ in 0..row.flags >> flag::VECTORS_SHIFT {
            vectors.extend(self.vector(row.vectors.number()?));
        }
        Some(Enrichment {
            kev_date: row.kev_days.and_then(date),
            is_ransomware: row.flags & flag::RANSOMWARE != 0,
            epss: row.epss.map(|(probability, _)| score(probability)),
            percentile: row.epss.map(|(_, percentile)| score(percentile)),
            vectors,
        })
    }

    fn vector(&self, number: u32) -> Option<String> {
        let mut text = Vec::new();
        for row in Table::read(self.container.section(3))?.rows_to(number)? {
            let mut row = Reader::new(row);
            let shared = usize::try_from(row.number()?).ok()?;
            text.truncate(shared);
            text.extend_from_slice(row.rest());
        }
        String::from_utf8(text).ok()
    }
}

/// What is known of a CVE, as it is packed.
struct Row<'a> {
    flags: u8,
    kev_days: Option<u16>,
    /// Probability and percentile.
    epss: Option<(u32, u32)>,
    /// The numbers of the vectors, and what follows them.
    vectors: Reader<'a>,
}

impl<'a> Row<'a> {
    /// Takes a row off the reader.
    fn read(rows: &mut Reader<'a>) -> Option<Self> {
        let flags = rows.byte()?;
        let has = |bit| flags & bit != 0;
        let kev_days = if has(flag::KEV) { Some(rows.number()?.try_into().ok()?) } else { None };
        let epss = if has(flag::EPSS) { Some((rows.number()?, rows.number()?)) } else { None };
        let vectors = *rows;
        for _ in 0..flags >> flag::VECTORS_SHIFT {
            rows.number()?;
        }
        Some(Self { flags, kev_days, epss, vectors })
    }
}

/// The CVEs of a block.
fn rows_of<'a>(first: &[u8; KEY_BYTES], rows: &'a [u8]) -> impl Iterator<Item = (u64, Row<'a>)> + use<'a> {
    let (mut at, mut rows) = (u64::from_le_bytes(*first), Reader::new(rows));
    std::iter::from_fn(move || {
        if rows.is_empty() {
            return None;
        }
        at = at.checked_add(rows.long()?)?;
        Some((at, Row::read(&mut rows)?))
    })
}

/// CVEs in their order: year, then number.
fn key(cve: &str) -> Option<u64> {
    match Identifier::parse(cve) {
        Identifier::Cve { year, number } => Some(u64::from(year) << 32 | u64::from(number)),
        _ => None,
    }
}

/// The CVE of a key. What no [`key`] has made is of a damaged shard, and names no CVE that anything has.
fn name(key: u64) -> String {
    let year = u16::try_from(key >> 32).unwrap_or_default();
    let number = u32::try_from(key & u64::from(u32::MAX)).unwrap_or_default();
    Identifier::Cve { year, number }.to_string()
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

    fn enrichments(vectors: &[(&str, &str)], kev: &[&str]) -> Enrichments {
        let mut draft = EnrichmentDraft::default();
        vectors.iter().for_each(|(cve, vector)| assert!(draft.vector(cve, vector)));
        kev.iter().for_each(|cve| assert!(draft.kev(cve, jiff::civil::date(2021, 12, 10), false)));
        Enrichments::open(draft.write(Vec::new()).unwrap().unwrap().1).unwrap()
    }

    #[test]
    fn vectors_that_begin_alike_are_told_apart() {
        let vectors = [
            "CVSS:3.0/AV:L",
            "CVSS:3.1/AV:L",
            "CVSS:3.1/AV:L/AC:H",
            "CVSS:3.1/AV:N",
            "CVSS:4.0/é",
            "CVSS:4.0/è",
        ];
        let all: Vec<(String, String)> = (1000..1100)
            .map(|number| (format!("CVE-2020-{number}"), format!("{}/{}", vectors[number % 6], number / 7)))
            .collect();
        let pairs: Vec<(&str, &str)> =
            all.iter().map(|(cve, vector)| (cve.as_str(), vector.as_str())).collect();
        let enrichments = enrichments(&pairs, &[]);
        for (cve, vector) in pairs {
            assert_eq!(enrichments.get(cve).unwrap().vectors, [vector]);
        }
    }

    #[test]
    fn what_changed_between_two_states_is_known_by_cve() {
        let old = enrichments(&[("CVE-2020-1000", "a"), ("CVE-2020-1001", "b"), ("CVE-2020-1002", "c")], &[]);
        let new = enrichments(
            &[("CVE-2020-1000", "a"), ("CVE-2020-1001", "bb"), ("CVE-2021-0007", "d")],
            &["CVE-2020-1000"],
        );
        assert_eq!(
            Enrichments::changed(Some(&old), Some(&new)),
            ["CVE-2020-1000", "CVE-2020-1001", "CVE-2020-1002", "CVE-2021-0007"]
        );
        assert!(Enrichments::changed(Some(&old), Some(&old)).is_empty());
        assert_eq!(Enrichments::changed(None, Some(&old)).len(), 3);
        assert_eq!(Enrichments::changed(Some(&old), None).len(), 3);
    }

    #[test]
    fn scores_that_are_no_share_are_refused() {
        assert_eq!(Epss::new(None, 1.5, 0.5), None);
        assert_eq!(Epss::new(None, 0.5, f64::NAN), None);
    }
}
