//! Advisories in the Open Source Vulnerability format 1.7, as much of it as matching needs.
//!
//! Feeds differ in what they leave out, write as `null` or fill with text of their own, and new ecosystems appear at
//! any time. So an ecosystem is text here, unknown fields are passed over, and free-form parts are read only when
//! somebody asks for them. Strings are borrowed from the input wherever it has no escapes in them.

use serde::Deserialize;
use serde_json::value::RawValue;

mod lenient;
mod specifics;

pub use lenient::Text;
pub use specifics::{DatabaseSpecifics, EcosystemSpecifics, Import, Restrictions};

/// One advisory.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Record<'a> {
    /// Its id in the database that it comes from.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// When it was last changed (RFC 3339).
    #[serde(borrow, default)]
    pub modified: Option<Text<'a>>,
    /// When it was first published.
    #[serde(borrow, default)]
    pub published: Option<Text<'a>>,
    /// When it was taken back: it is then no advisory any more.
    #[serde(borrow, default)]
    pub withdrawn: Option<Text<'a>>,
    /// Other ids of the same flaw.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub aliases: Vec<Text<'a>>,
    /// Ids of the flaws that it stands for downstream: one of Debian's advisories covers many CVEs.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub upstream: Vec<Text<'a>>,
    /// Ids that have something to do with it. Distributions named their CVEs here before `upstream` was invented.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub related: Vec<Text<'a>>,
    /// One line.
    #[serde(borrow, default)]
    pub summary: Option<Text<'a>>,
    /// Many lines.
    #[serde(borrow, default)]
    pub details: Option<Text<'a>>,
    /// How bad it is.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub severity: Vec<Severity<'a>>,
    /// What it is about.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub affected: Vec<Affected<'a>>,
    /// What the database adds, see [`Record::database_specifics`].
    #[serde(borrow, default)]
    pub(crate) database_specific: Option<&'a RawValue>,
}

/// A score, or a word that some databases use instead.
#[derive(Clone, Debug, Deserialize)]
pub struct Severity<'a> {
    /// `CVSS_V2`, `CVSS_V3`, `CVSS_V4`, or the name of who uses words, such as `Ubuntu`.
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    /// The vector or the word.
    #[serde(borrow)]
    pub score: Text<'a>,
}

/// One package, with its versions that are affected.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Affected<'a> {
    /// Which package; missing where only a source repository is known.
    #[serde(borrow, default)]
    pub package: Option<Package<'a>>,
    /// Versions from–to.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub ranges: Vec<Range<'a>>,
    /// Versions one by one.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub versions: Vec<Text<'a>>,
    /// How bad it is for this package.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub severity: Vec<Severity<'a>>,
    /// What the ecosystem adds, see [`Affected::ecosystem_specifics`].
    #[serde(borrow, default)]
    pub(crate) ecosystem_specific: Option<&'a RawValue>,
    /// What the database adds, see [`Affected::database_specifics`].
    #[serde(borrow, default)]
    pub(crate) database_specific: Option<&'a RawValue>,
}

/// The name of a package.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Package<'a> {
    /// `PyPI`, `Debian:12`, `Packagist:https://packages.drupal.org/8`.
    #[serde(borrow)]
    pub ecosystem: Text<'a>,
    /// As the ecosystem writes it.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// As a package URL, whose qualifiers some databases use.
    #[serde(borrow, default)]
    pub purl: Option<Text<'a>>,
}

/// A line of versions.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Range<'a> {
    /// `SEMVER`, `ECOSYSTEM` or `GIT`.
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    /// Where the flaw comes and goes.
    #[serde(borrow, default, deserialize_with = "lenient::list")]
    pub events: Vec<Event<'a>>,
}

/// A point on a line of versions. Each object should hold one; old records hold several.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Event<'a> {
    /// The first version with the flaw; `0` stands for before all versions.
    #[serde(borrow, default)]
    pub introduced: Option<Text<'a>>,
    /// The first version without it.
    #[serde(borrow, default)]
    pub fixed: Option<Text<'a>>,
    /// The last version that is known to have it.
    #[serde(borrow, default)]
    pub last_affected: Option<Text<'a>>,
    /// The range says nothing of versions from here on.
    #[serde(borrow, default)]
    pub limit: Option<Text<'a>>,
}

impl<'a> Record<'a> {
    /// Reads one JSON document.
    pub fn parse(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// What is known of `database_specific`; what is not of the expected form counts as absent.
    pub fn database_specifics(&self) -> DatabaseSpecifics<'a> {
        specifics::read(self.database_specific)
    }
}

impl<'a> Affected<'a> {
    /// What is known of `ecosystem_specific`; what is not of the expected form counts as absent.
    pub fn ecosystem_specifics(&self) -> EcosystemSpecifics<'a> {
        specifics::read(self.ecosystem_specific)
    }

    /// What is known of `database_specific`; what is not of the expected form counts as absent.
    pub fn database_specifics(&self) -> DatabaseSpecifics<'a> {
        specifics::read(self.database_specific)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_and_unknown_fields_are_passed_over() {
        let json = br#"{"id":"X-1","aliases":null,"severity":null,"credits":[1,{}],"withdrawn":null,"affected":[
            {"package":{"ecosystem":"PyPI","name":"a"},"ranges":null,"versions":["1",null],"database_specific":7}]}"#;
        let record = Record::parse(json).unwrap();
        assert_eq!(&*record.id, "X-1");
        assert!(record.withdrawn.is_none() && record.aliases.is_empty());
        let affected = &record.affected[0];
        assert_eq!(affected.versions.iter().map(|version| &**version).collect::<Vec<_>>(), ["1"]);
        assert!(affected.database_specifics().informational.is_none());
    }

    #[test]
    fn strings_without_escapes_are_borrowed() {
        let json = br#"{"id":"plain","summary":"with \"quotes\""}"#;
        let record = Record::parse(json).unwrap();
        assert!(record.id.is_borrowed());
        assert_eq!(record.summary.as_deref(), Some("with \"quotes\""));
    }

    #[test]
    fn a_record_without_an_id_is_none() {
        assert!(Record::parse(br#"{"affected":[]}"#).is_err());
        assert!(Record::parse(br#"{"id":5}"#).is_err());
        assert!(Record::parse(b"[]").is_err());
    }
}
