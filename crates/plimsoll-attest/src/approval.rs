//! Approvals: a named person accepts one image for one purpose until a time, or no longer does.
//!
//! Each approver signs a statement of their own, so that copies of the evidence keep the quorum and other tools read it.

mod gate;
mod seen;

use jiff::Timestamp;
use plimsoll_oci::Digest;
use serde::{Deserialize, Serialize};

pub use self::gate::{Ballot, Gate, NotCounted, Ruling};
use crate::{Fact, PredicateType, Role};

/// What an approver says: the predicate of [`PredicateType::APPROVAL`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Yes, no, or no longer.
    pub decision: Decision,
    /// In which role.
    pub role: Role,
    /// For which purpose, such as `prod`.
    pub gate: String,
    /// Where it holds; everywhere, if nothing is said.
    #[serde(default, skip_serializing_if = "Scope::is_everywhere")]
    pub scope: Scope,
    /// What the approver had before them, which makes visible what came later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Seen>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where it was discussed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<Ticket>,
    /// When it was said.
    pub issued_at: Timestamp,
    /// From when on it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The earlier statements that hold no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revokes: Vec<Named>,
}

/// What an approver decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The image is accepted.
    Approved,
    /// It is not, and no number of others makes it so.
    Rejected,
    /// What was said earlier holds no longer.
    Revoked,
}

/// Where an approval holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// The environments; all of them, if none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// The repository: a signature alone does not bind an image to a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_uri: Option<String>,
}

/// A piece of evidence that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// What it said.
    pub predicate_type: PredicateType,
    /// Which it was.
    #[serde(flatten)]
    pub which: Named,
}

/// Something named by the digest of its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Algorithm and hash.
    pub digest: std::collections::BTreeMap<String, String>,
}

/// An entry in somebody's tracker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its address.
    pub uri: String,
}

impl Scope {
    pub(crate) fn is_everywhere(&self) -> bool {
        self.environments.is_empty() && self.resource_uri.is_none()
    }
}

impl Named {
    /// Names what has this digest.
    pub fn of(digest: &Digest) -> Self {
        Self { digest: [(digest.algorithm().name().to_owned(), digest.encoded())].into() }
    }

    pub(crate) fn is(&self, digest: &Digest) -> bool {
        self.digest.get(digest.algorithm().name()) == Some(&digest.encoded())
    }
}

impl Approval {
    /// Reads what a fact says, if it is an approval. One whose decision is not understood is none.
    pub fn of(fact: &Fact) -> Option<Self> {
        let is_approval = *fact.predicate_type() == PredicateType::APPROVAL;
        is_approval.then(|| serde_json::from_str(fact.statement().predicate.get()).ok()).flatten()
    }
}
