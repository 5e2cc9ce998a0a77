//! What is inside an image: the record of each layer, and the components found in it.
//!
//! A layer is read once. Each file that some reader knows yields [`Facts`], which are kept under the file's path;
//! an image's components are the facts of those files that its merged tree still shows. Nothing here opens a file, a
//! socket or a clock: bytes come in as [`Read`](std::io::Read) and large files rest in a [`Spool`] of the caller's.

mod analyse;
mod component;
mod content;
mod distribution;
mod document;
mod facts;
mod file_index;
mod located;
mod merge;
mod purl;
mod reader;
mod record;
pub mod symbol;

pub use analyse::{AnalyseError, analyse_layer, analysis_limits};
pub use component::{Component, Kinship, PackageType, SourcePackage};
pub use content::{Content, Spool};
pub use distribution::Distribution;
pub use document::{Document, DocumentFormat, Ignored, ReadDocument, ReadDocumentError, Subject, Tool};
pub use facts::{Facts, Note, Owned, OwnedFiles};
pub use file_index::{FileEntry, FileIndex, IndexPlace};
pub use located::Located;
pub use merge::{Executables, ImageContents, LayerNote, Mismatch, Unaccounted, merge};
pub use purl::{ParsePurlError, Purl};
pub use reader::{Candidate, File, Linkage, READERS, ReadFault, Reader};
pub use record::{
    ANALYSER_VERSION, FileFacts, FileNote, LayerRecord, Outline, Outlined, ReadRecordError, RecordHead,
};
