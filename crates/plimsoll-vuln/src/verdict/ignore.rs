use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::vex::{Installed, PurlPattern};

/// A vulnerability that somebody accepts until a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignore {
    /// Any id of the vulnerability, or of an advisory on it.
    pub id: String,
    /// In which components; in all where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purl: Option<PurlPattern>,
    /// Why it is acceptable.
    pub reason: String,
    /// Who says so.
    pub owner: String,
    /// The last day on which it counts (UTC).
    pub expires: Date,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoreUse {
    /// The entry.
    pub ignore: Ignore,
    /// Whether it counted.
    pub state: IgnoreState,
}

/// Whether an entry counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IgnoreState {
    /// It suppressed this many findings.
    Used(usize),
    /// It counts, and nothing in the image has the vulnerability.
    Unused,
    /// Its last day is over.
    Expired,
    /// It names no reason or no owner.
    Incomplete,
}

impl Ignore {
    /// Whether the entry counts on a day.
    pub(super) fn standing(&self, today: Date) -> IgnoreState {
        if self.reason.trim().is_empty() || self.owner.trim().is_empty() {
            IgnoreState::Incomplete
        } else if today > self.expires {
            IgnoreState::Expired
        } else {
            IgnoreState::Unused
        }
    }

    /// Whether it speaks of this finding in this component.
    pub(super) fn covers(&self, finding: &Finding, installed: &Installed<'_>) -> bool {
        finding.is_called(&self.id) && self.purl.as_ref().is_none_or(|pattern| pattern.matches(installed))
    }
}
