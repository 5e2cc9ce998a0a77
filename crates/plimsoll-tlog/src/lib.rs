//! In which order it was said: an append-only Merkle tree, and proofs of what is in it.
//!
//! - [`Edge`] grows a tree: leaves in, tiles to write and a root out.
//! - [`ProofPlan`] says which tiles a proof needs; [`InclusionProof`] and [`ConsistencyProof`] are checked without any.
//! - [`Checkpoint`] names a tree by origin, size and root; [`LogSigner`] signs it and states the time, [`LogVerifier`]
//!   opens what was signed.
//! - [`TransparencyLogEntry`] and [`LogProof`] are a leaf's proof, to be checked where no log can be reached.
//!   [`LoggedEntry`] is what a [`RekorLog`] that others run says of a signature.
//!
//! Hashes are those of RFC 6962, tiles and notes those of C2SP, entries those of Sigstore. Nothing here reads a clock, a
//! file or the network: whoever keeps the tiles brings them.

mod append;
mod checkpoint;
mod entries;
mod hash;
mod key;
mod leaf;
mod note;
mod plan;
mod portable;
mod proof;
mod rekor;
mod sign;
mod text;
mod tile;
mod trust;

pub use append::{Appended, Edge, EdgeError, WrittenTile};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use entries::{BundleError, ENTRY_BYTES_MAX, EntryBundle};
pub use hash::{Hash, ParseHashError, leaf_hash, node_hash};
pub use key::{KeyError, KeyKind, VerifyingKey};
pub use leaf::{EventLeaf, FactLeaf, Leaf, LeafError};
pub use note::{NOTE_BYTES_MAX, NoteError, NoteSignature, SignedNote};
pub use plan::{MissingTile, ProofPlan, Tiles};
pub use portable::{LogProof, LogProofError};
pub use proof::{ConsistencyProof, InclusionProof, ProofError, ProofMismatch};
pub use rekor::{
    Covered, EntryError, HashedRekord, KeyDetails, Logged, LoggedEntry, LoggedRecord, OldRecord, RekorLog,
    RekorLogError, RekordError, RekordKey, TransparencyLogEntry,
};
pub use sign::{LogSigner, LogVerifier, OpenError, Opened};
pub use tile::{ParsePathError, Resource, TILE_WIDTH, TileError, TileId};
pub use trust::{signing_config, trusted_root};
