//! The record of a layer: what reading it once has told, in one immutable piece of bytes.
//!
//! ```text
//! magic · facts (Zstandard, one JSON object a line) · file index · outline · head (JSON) · tail
//! ```
//!
//! The tail says where the head is, the head where all else is. A record is named by the layer's *measured* `DiffId`
//! and by the version of the analyser, so the same layer is never read twice by the same analyser.

mod outline;
mod read;
mod write;

use plimsoll_image::LayerMeasures;
use serde::{Deserialize, Serialize};

use crate::{Facts, IndexPlace};

pub use outline::{Outline, Outlined};
pub use read::{LayerRecord, ReadRecordError};
pub(crate) use write::RecordWriter;

/// Grows with every change that makes the same layer yield another record.
pub const ANALYSER_VERSION: u32 = 3;

const MAGIC: [u8; 8] = *b"PLIMREC1";

/// Length of the tail: where the head begins, its length, and the magic once more.
const TAIL_BYTES: usize = 8 + 4 + MAGIC.len();

/// What is known of the layer as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordHead {
    /// The version of the analyser that wrote it.
    pub analyser: u32,
    /// The layer's bytes, measured.
    pub measures: LayerMeasures,
    /// Where the file index stands.
    pub index: IndexPlace,
    facts: Span,
    outline: Span,
    /// What could not be read in full, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<FileNote>,
}

/// Something about one file that could not be told in full.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileNote {
    /// The file; empty for the layer as a whole.
    pub path: String,
    /// Lower case, without a full stop.
    pub text: String,
    /// Whether components may be missing: something that tells of them could not be read, or not in full.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unread: bool,
}

/// What one file of the layer tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// The file's path in its normal form.
    pub path: String,
    /// The name of the reader that read it.
    pub reader: String,
    /// What it tells.
    pub facts: Facts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    start: u64,
    end: u64,
}
