//! The log of what was accepted. The registry has facts logged and hands requests on; whoever puts the server together
//! keeps the tree.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use plimsoll_attest::PredicateType;
use plimsoll_oci::{Digest, Manifest, RepositoryName};

use crate::access::CanLog;

/// Types of layers that hold signed statements, by how they begin: Sigstore's bundles in all versions, and what cosign
/// kept under tags before.
const STATEMENTS: [&str; 3] = [
    "application/vnd.dev.sigstore.bundle",
    "application/vnd.dev.cosign.simplesigning",
    "application/vnd.dsse.envelope",
];

/// A transparency log.
pub trait Ledger: Send + Sync {
    /// Waits until a manifest that was pushed with signed statements is a leaf below a signed checkpoint.
    fn await_fact(&self, manifest: Digest, subject: Option<Digest>)
    -> BoxFuture<'_, Result<(), LedgerError>>;

    /// Logs a record that a client sends, and answers with its proof, as JSON.
    fn submit<'a>(&'a self, can_log: &'a CanLog, request: Bytes)
    -> BoxFuture<'a, Result<Bytes, LedgerError>>;

    /// Looks something up.
    fn read<'a>(&'a self, what: &'a LogRead) -> BoxFuture<'a, Result<Option<LogAnswer>, LedgerError>>;
}

/// What can be read of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogRead {
    /// The newest signed checkpoint.
    Checkpoint,
    /// The first signed checkpoint of a tree that holds an entry.
    CheckpointOf(u64),
    /// A tile or a bundle of entries, by its path below `tile/`.
    Tile(String),
    /// The number of a leaf, by its hash in hexadecimal.
    Leaf(String),
    /// What the event of a leaf was.
    Payload(u64),
    /// The keys that the log signs with.
    Keys,
}

/// What was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogAnswer {
    /// The bytes.
    pub bytes: Bytes,
    /// Their media type.
    pub media_type: &'static str,
    /// Whether they stay as they are for ever.
    pub is_final: bool,
    /// Who may read them.
    pub readers: Readers,
}

/// Who may read something of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Whoever may come in: it is hashes and keys.
    Everybody,
    /// Who may pull from a repository.
    PullersOf(RepositoryName),
    /// Who may do everything: it is about accounts.
    Administrators,
}

/// Why the log did not do as it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// What was asked for cannot be.
    #[error("{0}")]
    Refused(String),
    /// The entry was not signed in time. It may be later.
    #[error("the transparency log did not take the entry in time")]
    Late,
    /// The server failed; this is for its log.
    #[error("{0}")]
    Failed(String),
}

/// Whether a manifest says to carry an exception. Its annotation only tells where to look.
pub(crate) fn carries_exception(manifest: &Manifest) -> bool {
    let named = manifest.annotations().get("dev.sigstore.bundle.predicateType");
    named.is_some_and(|named| named == PredicateType::EXCEPTION.as_str())
}

/// Whether a manifest carries signed statements.
pub(crate) fn carries_statements(manifest: &Manifest) -> bool {
    manifest.blobs().any(|blob| {
        let kind = blob.media_type.as_str();
        STATEMENTS.iter().any(|statements| kind.starts_with(statements))
    })
}
