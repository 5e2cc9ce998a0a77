//! What is inside an image: the record of each layer, and the components found in it.
//!
//! A layer is read once. Each file that some [`reader`] knows yields [`Facts`], which are kept under the file's path;
//! an image's components are the facts of those files that its merged tree still shows. Nothing here opens a file, a
//! socket or a clock: bytes come in as [`Read`](std::io::Read) and large files rest in a [`Spool`] of the caller's.

mod component;
mod content;
mod distribution;
mod facts;
mod reader;

pub use component::{Component, Kinship, PackageType, SourcePackage};
pub use content::{Content, Spool};
pub use distribution::Distribution;
pub use facts::{Facts, Note, Owned, OwnedFiles};
pub use reader::{Candidate, File, ReadFault, Reader};
