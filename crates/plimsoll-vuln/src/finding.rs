//! A vulnerability in a component, told once however many records speak of it.

use jiff::civil::Date;
use plimsoll_sbom::Kinship;
use serde::{Deserialize, Serialize};

use crate::priority::Priority;
use crate::severity::Rating;

pub(crate) use merge::{Claim, Group, is_cve, merge};

mod merge;

/// This vulnerability matches this component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The CVE, if it is exactly one; else the first publisher's own id.
    pub id: String,
    /// All ids of the vulnerability, [`Finding::id`] among them, sorted.
    pub ids: Vec<String>,
    /// The records that matched, which may cover other vulnerabilities too, as Debian's and Red Hat's advisories do.
    pub advisories: Vec<String>,
    /// Whose advisories they are: `Debian:11`, `PyPI`.
    pub ecosystem: String,
    /// The package's name in them: the source package where a distribution goes by that.
    pub package: String,
    /// The version that was compared.
    pub installed: String,
    /// The smallest version in which it is fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    /// How bad it is.
    pub rating: Rating,
    /// When to look at it, and why.
    pub priority: Priority,
    /// One line about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// When the first of the records was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Date>,
    /// Why it is information and no vulnerability: `unmaintained`, `unsound`, `notice`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub informational: Option<String>,
    /// What weakens or qualifies the match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
}

/// What qualifies a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// The package brings only headers or metadata of the source that has the flaw.
    HeadersOnly,
    /// A lock file names the component; its files were not seen.
    LockFileOnly,
    /// The program is known by its bytes, and its advisories by the program's name.
    KnownByBytes,
    /// The advisory names functions, but the binary does not tell which it has: the whole module counts.
    WholeModule,
}

impl Mark {
    /// What a component's kinship says of every match.
    pub(crate) fn of_kinship(kinship: Kinship) -> Option<Self> {
        match kinship {
            Kinship::HeadersOnly => Some(Self::HeadersOnly),
            Kinship::Locked => Some(Self::LockFileOnly),
            Kinship::Installed | Kinship::Embedded => None,
        }
    }

    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HeadersOnly => "only headers of it are installed",
            Self::LockFileOnly => "only a lock file names it",
            Self::KnownByBytes => "known by its bytes",
            Self::WholeModule => "not known whether its affected functions are linked",
        }
    }
}

impl Finding {
    /// Whether it has this id, or a record with this id told of it.
    pub fn is_called(&self, id: &str) -> bool {
        let names = self.ids.iter().chain(&self.advisories);
        names.into_iter().any(|name| name.eq_ignore_ascii_case(id))
    }

    /// Whether the other is the same vulnerability, by any id that both have.
    pub fn is_same_vulnerability(&self, other: &Self) -> bool {
        self.ids.iter().any(|id| other.ids.contains(id))
    }

    /// Whether it counts against an image, as far as its component decides that: information and headers do not.
    pub fn counts(&self) -> bool {
        self.informational.is_none() && !self.marks.contains(&Mark::HeadersOnly)
    }

    /// Whether a release without it exists.
    pub fn is_fixable(&self) -> bool {
        self.fixed.is_some()
    }
}
