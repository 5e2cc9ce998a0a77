//! How bad a vulnerability is: the word of whoever knows the software best, with the scores beside it.

use std::fmt;

use serde::{Deserialize, Serialize};

use publisher::publisher;

mod publisher;

/// A longer CVSS vector is not read: version 4.0 with all its metrics needs about 200 bytes.
const VECTOR_BYTES_MAX: usize = 512;

/// How bad it is, in a word. What nobody rated is `Unknown`, which is no statement that it is harmless.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nobody said.
    #[default]
    Unknown,
    /// Said to be of no practical concern, or scored 0.0.
    Negligible,
    /// CVSS 0.1 to 3.9.
    Low,
    /// CVSS 4.0 to 6.9.
    Medium,
    /// CVSS 7.0 to 8.9.
    High,
    /// CVSS 9.0 to 10.0.
    Critical,
}

/// A severity, and who said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// In a word.
    pub severity: Severity,
    /// The publisher whose word, or else whose score, it is; nothing where nobody rated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// All scores that are known, the newest version of CVSS first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cvss: Vec<Cvss>,
}

/// A CVSS vector with its score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cvss {
    /// As published: `CVSS:3.1/AV:N/…`, or without a prefix for version 2.
    pub vector: String,
    /// What the formula of its version makes of it.
    pub score: Score,
    /// Who published it.
    pub source: String,
}

/// A CVSS score, kept in tenths so that it has an order: 0.0 to 10.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub struct Score(u8);

/// What one record says of a vulnerability's severity.
#[derive(Clone, Copy, Debug)]
pub struct Opinion<'a> {
    /// The id of the record, from which the publisher is known, or the publisher itself.
    pub by: &'a str,
    /// The publisher's word.
    pub label: Option<&'a str>,
    /// The publisher's vectors.
    pub vectors: &'a [&'a str],
}

impl Severity {
    /// All, the worst first.
    pub const WORST_FIRST: [Self; 6] =
        [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Negligible, Self::Unknown];

    /// The word that people write and read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Negligible => "negligible",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Reads a publisher's word. Each has its own: Red Hat's `Important` is a high, GitHub's `MODERATE` a medium.
    pub fn of_label(label: &str) -> Option<Self> {
        const WORDS: [(&str, Severity); 12] = [
            ("critical", Severity::Critical),
            ("high", Severity::High),
            ("important", Severity::High),
            ("medium", Severity::Medium),
            ("moderate", Severity::Medium),
            ("low", Severity::Low),
            ("minor", Severity::Low),
            ("negligible", Severity::Negligible),
            ("unimportant", Severity::Negligible),
            ("none", Severity::Negligible),
            ("unknown", Severity::Unknown),
            ("untriaged", Severity::Unknown),
        ];
        let found = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(label.trim()));
        found.map(|(_, severity)| *severity)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Score {
    /// The word that CVSS has for it since version 3.
    pub fn severity(self) -> Severity {
        match self.0 {
            0 => Severity::Negligible,
            1..=39 => Severity::Low,
            40..=69 => Severity::Medium,
            70..=89 => Severity::High,
            _ => Severity::Critical,
        }
    }
}

impl From<f64> for Score {
    /// The nearest tenth within CVSS's bounds.
    fn from(score: f64) -> Self {
        let tenths = (score * 10.0).round();
        Self((0..100).find(|whole| f64::from(*whole) >= tenths).unwrap_or(100))
    }
}

impl From<Score> for f64 {
    fn from(score: Score) -> Self {
        Self::from(score.0) / 10.0
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

impl Cvss {
    /// Reads and scores a vector; nothing where it is none, or lacks a base metric, without which a score means
    /// nothing.
    pub fn parse(vector: &str, source: &str) -> Option<Self> {
        let vector = vector.trim();
        if vector.len() > VECTOR_BYTES_MAX {
            return None;
        }
        let parsed: cvss::Cvss = vector.parse().ok()?;
        if !has_metrics(vector, base_metrics(&parsed)) {
            return None;
        }
        Some(Self {
            vector: vector.to_owned(),
            score: Score::from(parsed.score()),
            source: source.to_owned(),
        })
    }

    /// Which version of CVSS, as a number that grows: 20, 30, 31, 40.
    fn version(&self) -> u8 {
        match self.vector.get(..9) {
            Some("CVSS:4.0/") => 40,
            Some("CVSS:3.1/") => 31,
            Some("CVSS:3.0/") => 30,
            _ => 20,
        }
    }
}

impl Rating {
    /// Forms a rating from what is said: the vendor's word, else the vendor's score, else the score that others gave.
    ///
    /// `vendor` holds the records that matched; a distribution knows how its build differs from the upstream's, so
    /// its word goes before any score. Of several words the worst counts.
    pub fn of(vendor: &[Opinion<'_>], others: &[Opinion<'_>]) -> Self {
        let cvss = newest_first(vendor.iter().chain(others));
        let words = vendor.iter().filter_map(|opinion| Some((word(opinion)?, publisher(opinion.by))));
        let of_vendor = |score: &&Cvss| vendor.iter().any(|opinion| publisher(opinion.by) == score.source);
        let said = words.max_by_key(|(severity, _)| *severity);
        let scored = cvss.iter().find(of_vendor).or(cvss.first());
        let (severity, source) = match (said, scored) {
            (Some((severity, source)), _) => (severity, Some(source.to_owned())),
            (None, Some(score)) => (score.score.severity(), Some(score.source.clone())),
            (None, None) => (Severity::Unknown, None),
        };
        Self { severity, source, cvss }
    }
}

/// The metrics without which the formula has no value. The parser counts missing ones as harmless.
fn base_metrics(parsed: &cvss::Cvss) -> &'static [&'static str] {
    match parsed {
        cvss::Cvss::CvssV20(_) => &["AV", "AC", "Au", "C", "I", "A"],
        cvss::Cvss::CvssV30(_) | cvss::Cvss::CvssV31(_) => &["AV", "AC", "PR", "UI", "S", "C", "I", "A"],
        _ => &["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"],
    }
}

fn has_metrics(vector: &str, names: &[&str]) -> bool {
    let has = |name: &str| vector.split('/').any(|part| part.split_once(':').is_some_and(|(n, _)| n == name));
    names.iter().all(|name| has(name))
}

fn word(opinion: &Opinion<'_>) -> Option<Severity> {
    Severity::of_label(opinion.label?).filter(|severity| *severity != Severity::Unknown)
}

/// The scores without repetition: by version of CVSS, then the worst.
fn newest_first<'a>(opinions: impl Iterator<Item = &'a Opinion<'a>>) -> Vec<Cvss> {
    let mut cvss: Vec<Cvss> = Vec::new();
    for opinion in opinions {
        let scores = opinion.vectors.iter().filter_map(|vector| Cvss::parse(vector, publisher(opinion.by)));
        for score in scores {
            if !cvss.iter().any(|known| known.vector == score.vector) {
                cvss.push(score);
            }
        }
    }
    cvss.sort_by_key(|score| std::cmp::Reverse((score.version(), score.score)));
    cvss
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG4SHELL: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H";

    #[test]
    fn each_version_of_cvss_is_scored_by_its_own_formula() {
        for (vector, score, severity) in [
            ("AV:N/AC:L/Au:N/C:P/I:P/A:P", "7.5", Severity::High),
            ("CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H", "8.1", Severity::High),
            (LOG4SHELL, "10.0", Severity::Critical),
            ("CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", "0.0", Severity::Negligible),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "9.3", Severity::Critical),
        ] {
            let cvss = Cvss::parse(vector, "NVD").unwrap();
            assert_eq!(
                (cvss.score.to_string().as_str(), cvss.score.severity()),
                (score, severity),
                "{vector}"
            );
        }
    }

    #[test]
    fn what_is_no_vector_is_not_scored() {
        let long = format!("{LOG4SHELL}{}", "/E:X".repeat(200));
        for vector in ["", "7.5", "CVSS:3.1", "CVSS:3.1/", "CVSS:9.9/AV:N", "CVSS:3.1/AV:N", "ÄÖ/ü", &long]
        {
            assert_eq!(Cvss::parse(vector, "NVD"), None, "{vector}");
        }
    }

    #[test]
    fn the_vendors_word_goes_before_any_score_and_the_score_is_shown_beside_it() {
        let vendor = Opinion { by: "ALSA-2021:5206", label: Some("Moderate"), vectors: &[] };
        let other = Opinion { by: "NVD", label: None, vectors: &[LOG4SHELL] };
        let rating = Rating::of(&[vendor], &[other]);
        assert_eq!((rating.severity, rating.source.as_deref()), (Severity::Medium, Some("AlmaLinux")));
        assert_eq!(rating.cvss.first().map(|cvss| cvss.source.as_str()), Some("NVD"));
    }

    #[test]
    fn a_vendor_without_a_word_is_believed_by_its_score_before_others() {
        let vendor = Opinion { by: "PYSEC-2024-1", label: None, vectors: &["AV:N/AC:L/Au:N/C:P/I:P/A:P"] };
        let other = Opinion { by: "NVD", label: Some("LOW"), vectors: &[LOG4SHELL] };
        let rating = Rating::of(&[vendor], &[other]);
        assert_eq!((rating.severity, rating.source.as_deref()), (Severity::High, Some("PyPA")));
        assert_eq!(rating.cvss.len(), 2);
    }

    #[test]
    fn what_nobody_rated_is_unknown_and_not_harmless() {
        let silent = Opinion { by: "DSA-5343-1", label: Some("unknown"), vectors: &["nonsense"] };
        let rating = Rating::of(&[silent], &[]);
        assert_eq!(rating, Rating { severity: Severity::Unknown, source: None, cvss: Vec::new() });
    }

    #[test]
    fn scores_keep_their_tenth_through_json() {
        let score: Score = serde_json::from_str("7.3").unwrap();
        assert_eq!(serde_json::to_string(&score).unwrap(), "7.3");
        assert_eq!(
            (Score::from(-1.0), Score::from(f64::NAN), Score::from(11.0)),
            (Score(0), Score(100), Score(100))
        );
    }
}
