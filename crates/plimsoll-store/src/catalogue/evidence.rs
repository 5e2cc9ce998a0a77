//! The evidence graph: facts, what they connect, and where images ran.
//!
//! - A manifest that carries statements, or lists others, is queued in the transaction that shows or deletes it.
//! - Whoever takes it reads it, and [`note_evidence`](super::Catalogue::note_evidence) replaces all that the graph has
//!   of it by what it says now. So the graph follows from manifests, blobs and the log alone, in whichever order they were read.
//! - Nothing here is a judgement: whether a signature counts depends on who is trusted, and is found out by who asks.
//!
//! Four times are told apart: *stated* in the statement, *logged* by the leaf, *observed* by the registry when it was pushed,
//! and *attested* by a log or authority that the asker trusts, which is no column for that reason.

mod look;
mod node;
mod note;
mod queue;
mod runs;

use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_tlog::Hash;

use crate::Timestamp;

pub use node::{Edge, EdgeKind, Node, ParseNodeError};
pub use queue::{AnyManifest, EvidenceTask, LogRow, Retracted};
pub(super) use queue::{enqueue, enqueue_deleted};
pub use runs::{Run, RunToTell};

/// What one manifest says, as it is to be noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceToNote {
    /// The manifest.
    pub manifest: Digest,
    /// Its leaf in the log, if it is of the kind that is logged.
    pub leaf: Option<Hash>,
    /// The leaf that tells of its deletion, as the queue knows it.
    pub retraction: Option<String>,
    /// When the registry got it.
    pub observed_at: Option<Timestamp>,
    /// What it says, part by part.
    pub facts: Vec<FactToNote>,
    /// The images that it lists, if it is an index.
    pub listed: Vec<Digest>,
    /// Until when the task was taken: one that was put again meanwhile stays in the queue.
    pub taken_until: Timestamp,
}

/// One statement, as it is to be noted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactToNote {
    /// Which layer of its manifest it is.
    pub part: u32,
    /// The layer's digest; none where the manifest was deleted.
    pub layer: Option<Digest>,
    /// The image that it is about.
    pub subject: Option<Digest>,
    /// What kind of statement it is.
    pub predicate_type: Option<String>,
    /// Whether it is signed, by whomever.
    pub is_signed: bool,
    /// The key that it names. Nobody has checked that yet.
    pub key_id: Option<String>,
    /// What it says, as far as lists show it: JSON.
    pub summary: String,
    /// Why it cannot be read.
    pub problem: Option<String>,
    /// When it says that it was made.
    pub stated_at: Option<Timestamp>,
    /// From when on it says to hold.
    pub valid_from: Option<Timestamp>,
    /// Until when.
    pub valid_until: Option<Timestamp>,
    /// What it connects.
    pub edges: Vec<Edge>,
}

/// One statement, as it is noted. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedFact {
    /// The manifest that carries it.
    pub manifest: Digest,
    /// What it says.
    pub fact: FactToNote,
    /// When the registry got it.
    pub observed_at: Option<Timestamp>,
    /// Its leaf in the published log.
    pub log_index: Option<u64>,
    /// The leaf that tells of its deletion.
    pub retracted_at_index: Option<u64>,
}

/// An image whose repository is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The repository.
    pub repository: RepositoryName,
    /// The manifest.
    pub manifest: Digest,
}
