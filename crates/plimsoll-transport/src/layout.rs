//! OCI image layouts (image-spec, `image-layout.md`), in a directory or inside a tar.

mod files;
mod index;
mod referrers;
mod sink;
mod source;

pub(crate) use files::{LayoutFiles, blob_path};
pub(crate) use index::same_reference;
pub use sink::LayoutSink;
pub use source::LayoutSource;
