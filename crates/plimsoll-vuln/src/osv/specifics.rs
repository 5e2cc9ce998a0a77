//! The free-form parts of a record that some database is known to fill.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Text, lenient};

/// What ecosystems add to an affected package.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct EcosystemSpecifics<'a> {
    /// Go: the packages of the module that are affected.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub imports: Vec<Import<'a>>,
    /// Rust: where it matters.
    #[serde(borrow, default)]
    pub affects: Option<Restrictions<'a>>,
    /// Debian's word for how bad it is.
    #[serde(borrow, default)]
    pub urgency: Option<Text<'a>>,
    /// Other distributions' word.
    #[serde(borrow, default)]
    pub severity: Option<Text<'a>>,
}

/// A package of a Go module.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Import<'a> {
    /// Its import path.
    #[serde(borrow)]
    pub path: Text<'a>,
    /// Its functions and methods that are affected; none stands for all.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub symbols: Vec<Text<'a>>,
    /// The operating systems that are; none stands for all.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub goos: Vec<Text<'a>>,
    /// The processors that are; none stands for all.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub goarch: Vec<Text<'a>>,
}

/// Where a flaw of a Rust crate matters; an empty list stands for everywhere.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Restrictions<'a> {
    /// Processors as Rust names them.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub arch: Vec<Text<'a>>,
    /// Operating systems as Rust names them.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub os: Vec<Text<'a>>,
}

/// What databases add to a record or an affected package.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct DatabaseSpecifics<'a> {
    /// Rust: why it is information and no vulnerability.
    #[serde(borrow, default)]
    pub informational: Option<Text<'a>>,
    /// A word or a number from 0 to 10.
    #[serde(default, deserialize_with = "word")]
    pub severity: Option<String>,
}

/// Reads what is of the expected form.
pub(super) fn read<'a, T: Deserialize<'a> + Default>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// A word as it is, and a CVSS score as the word of its band (CVSS 3.1, section 5).
fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Label {
        Word(String),
        Score(f64),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Option::<Label>::deserialize(deserializer)? {
        Some(Label::Word(word)) if !word.is_empty() => Some(word),
        Some(Label::Score(score)) => Some(band(score).to_owned()),
        _ => None,
    })
}

fn band(score: f64) -> &'static str {
    match score {
        score if score >= 9.0 => "critical",
        score if score >= 7.0 => "high",
        score if score >= 4.0 => "medium",
        score if score > 0.0 => "low",
        _ => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(json: &str) -> Option<String> {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        read::<DatabaseSpecifics<'_>>(Some(raw)).severity
    }

    #[test]
    fn a_severity_is_a_word_or_a_number() {
        assert_eq!(severity(r#"{"severity":"MODERATE"}"#).as_deref(), Some("MODERATE"));
        assert_eq!(severity(r#"{"severity":7.1}"#).as_deref(), Some("high"));
        assert_eq!(severity(r#"{"severity":10}"#).as_deref(), Some("critical"));
        assert_eq!(severity(r#"{"severity":null}"#), None);
        assert_eq!(severity(r#"{"severity":["x"]}"#), None);
    }
}
