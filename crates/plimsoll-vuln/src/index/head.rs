//! What a record says of the flaw itself, whatever package it touches.

use jiff::Timestamp;

use crate::Ecosystem;
use crate::osv::{Affected, Record, Severity, Text};

use super::Identifier;

/// A longer line is cut: it is shown in tables.
const SUMMARY_CHARS_MAX: usize = 120;
/// Words that Red Hat and those who rebuild its advisories put in front of a title.
const TITLE_LABELS: [&str; 4] = ["Critical", "Important", "Moderate", "Low"];
const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// The flaw as one shard keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) aliases: Vec<String>,
    pub(super) upstream: Vec<String>,
    pub(super) vectors: Vec<String>,
    pub(super) label: Option<String>,
    pub(super) information: Option<Information>,
    /// Days since 1970.
    pub(super) published: Option<u16>,
    pub(super) summary: String,
}

/// Why an advisory is information rather than a vulnerability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Information {
    /// Nobody looks after the package any more.
    Unmaintained,
    /// Correct-looking code can break memory safety with it.
    Unsound,
    /// Anything else that its users should know.
    Notice,
    /// A distribution's update that mends no flaw of security.
    BugFix,
    /// A distribution's update that brings something new.
    Enhancement,
}

impl Information {
    pub(super) const ALL: [Self; 5] =
        [Self::Unmaintained, Self::Unsound, Self::Notice, Self::BugFix, Self::Enhancement];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unmaintained => "unmaintained",
            Self::Unsound => "unsound",
            Self::Notice => "notice",
            Self::BugFix => "bug-fix",
            Self::Enhancement => "enhancement",
        }
    }
}

impl Head {
    /// Reads a record as the shard of `ecosystem` keeps it; `affected` are the parts of it that belong there.
    pub(super) fn read(record: &Record<'_>, ecosystem: Ecosystem<'_>, affected: &[&Affected<'_>]) -> Self {
        let mut head = Self {
            id: record.id.to_string(),
            aliases: ids(&record.aliases, &record.id),
            upstream: upstream(record, ecosystem),
            vectors: vectors(record, affected),
            label: label(record, ecosystem),
            published: record.published.as_deref().and_then(timestamp).and_then(day),
            summary: summary(record),
            ..Self::default()
        };
        head.information = information(&head, ecosystem, affected);
        head
    }
}

pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// The day of a time; `None` before 1970, as the year 1 that stands for "unknown".
fn day(time: Timestamp) -> Option<u16> {
    u16::try_from(time.as_second().div_euclid(SECONDS_PER_DAY)).ok()
}

fn ids(list: &[Text<'_>], own: &str) -> Vec<String> {
    let mut ids: Vec<String> =
        list.iter().map(|id| id.to_string()).filter(|id| id != own && !id.is_empty()).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Distributions that know no `upstream` name the CVEs that an update mends among what is `related`.
fn upstream(record: &Record<'_>, ecosystem: Ecosystem<'_>) -> Vec<String> {
    let mut all = record.upstream.clone();
    if ecosystem.is_distribution() {
        all.extend(record.related.iter().filter(|id| Identifier::parse(id).is_cve()).cloned());
    }
    ids(&all, &record.id)
}

fn vectors(record: &Record<'_>, affected: &[&Affected<'_>]) -> Vec<String> {
    let of_parts = affected.iter().flat_map(|affected| &affected.severity);
    let is_vector = |severity: &&Severity<'_>| severity.kind.starts_with("CVSS");
    let mut vectors: Vec<String> = record
        .severity
        .iter()
        .chain(of_parts)
        .filter(is_vector)
        .map(|severity| severity.score.to_string())
        .collect();
    vectors.sort();
    vectors.dedup();
    vectors
}

fn label(record: &Record<'_>, ecosystem: Ecosystem<'_>) -> Option<String> {
    let word = || record.severity.iter().find(|severity| !severity.kind.starts_with("CVSS"));
    record
        .database_specifics()
        .severity
        .or_else(|| word().map(|severity| severity.score.to_string()))
        .or_else(|| title_label(record, ecosystem).map(str::to_owned))
}

fn title_label(record: &Record<'_>, ecosystem: Ecosystem<'_>) -> Option<&'static str> {
    let (first, _) = record.summary.as_deref().filter(|_| ecosystem.is_distribution())?.split_once(':')?;
    TITLE_LABELS.into_iter().find(|label| *label == first)
}

fn information(head: &Head, ecosystem: Ecosystem<'_>, affected: &[&Affected<'_>]) -> Option<Information> {
    let said = affected.iter().find_map(|affected| affected.database_specifics().informational);
    match said.as_deref() {
        Some("unmaintained") => return Some(Information::Unmaintained),
        Some("unsound") => return Some(Information::Unsound),
        Some(_) => return Some(Information::Notice),
        None => {}
    }
    // RHBA-2024:1, ALEA-2024:1 and their kin; some mend a CVE in passing, and then count.
    let names_cve = head.upstream.iter().chain(&head.aliases).any(|id| Identifier::parse(id).is_cve());
    let (kind, _) = head.id.split_once('-').filter(|_| ecosystem.is_distribution() && !names_cve)?;
    match kind.get(2..) {
        Some("BA") => Some(Information::BugFix),
        Some("EA") => Some(Information::Enhancement),
        _ => None,
    }
}

/// The title, or else the first sentence of the description.
fn summary(record: &Record<'_>) -> String {
    let title = record.summary.as_deref().map(str::trim).filter(|title| !title.is_empty());
    let line = title.or_else(|| first_sentence(record.details.as_deref()?)).unwrap_or_default();
    let line = line.lines().next().unwrap_or_default();
    let mut characters = line.chars().map(|character| if character.is_control() { ' ' } else { character });
    let mut summary: String = characters.by_ref().take(SUMMARY_CHARS_MAX).collect();
    summary.extend(characters.next().map(|_| '…'));
    summary
}

fn first_sentence(text: &str) -> Option<&str> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    line.split_inclusive(". ").next().map(str::trim_end)
}

/// The rpm modules that a title names, as `Important: nodejs:12 security update` does.
pub(super) fn module_streams<'r>(record: &'r Record<'_>, ecosystem: Ecosystem<'_>) -> Vec<&'r str> {
    let title = record.summary.as_deref().filter(|_| ecosystem.is_distribution()).unwrap_or_default();
    let is_stream = |word: &&str| {
        word.split_once(':').is_some_and(|(module, stream)| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
            !module.is_empty() && !stream.is_empty() && module.bytes().chain(stream.bytes()).all(is_plain)
        })
    };
    title.split([' ', ',']).filter(is_stream).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(ecosystem: &str, json: &str) -> Head {
        let record = Record::parse(json.as_bytes()).unwrap();
        Head::read(&record, Ecosystem::parse(ecosystem).unwrap(), &record.affected.iter().collect::<Vec<_>>())
    }

    #[test]
    fn an_update_that_mends_no_flaw_is_information() {
        let kind = |json| head("AlmaLinux:8", json).information;
        assert_eq!(kind(r#"{"id":"ALBA-2019:0973"}"#), Some(Information::BugFix));
        assert_eq!(kind(r#"{"id":"ALEA-2019:0973","related":["CVE-2019-1234"]}"#), None);
        assert_eq!(kind(r#"{"id":"ALSA-2019:0973"}"#), None);
        assert_eq!(head("PyPI", r#"{"id":"XXBA-1"}"#).information, None);
    }

    #[test]
    fn a_distribution_s_related_cves_are_what_its_advisory_stands_for() {
        let json =
            r#"{"id":"ALSA-1","related":["CVE-2020-2000","RHSA-1"],"summary":"Moderate: x security update"}"#;
        let head = head("AlmaLinux:8", json);
        assert_eq!(
            (head.upstream, head.label.as_deref()),
            (vec!["CVE-2020-2000".to_owned()], Some("Moderate"))
        );
    }

    #[test]
    fn a_title_names_its_modules() {
        let json = br#"{"id":"x","summary":"Important: virt:rhel and virt-devel:rhel security update"}"#;
        let record = Record::parse(json).unwrap();
        let streams = module_streams(&record, Ecosystem::parse("AlmaLinux:8").unwrap());
        assert_eq!(streams, ["virt:rhel", "virt-devel:rhel"]);
        assert!(module_streams(&record, Ecosystem::parse("PyPI").unwrap()).is_empty());
    }

    #[test]
    fn a_summary_is_one_line() {
        assert_eq!(
            head("PyPI", r##"{"id":"x","details":"# Title\n\nIt is\tbad. Very."}"##).summary,
            "It is bad."
        );
        let long = format!(r#"{{"id":"x","summary":"{}"}}"#, "é".repeat(300));
        assert_eq!(head("PyPI", &long).summary.chars().count(), SUMMARY_CHARS_MAX + 1);
    }

    #[test]
    fn a_time_before_1970_is_none() {
        let published = |time| head("Go", &format!(r#"{{"id":"x","published":"{time}"}}"#)).published;
        assert_eq!(published("0001-01-01T00:00:00Z"), None);
        assert_eq!(published("1970-01-03T05:00:00Z"), Some(2));
    }
}
