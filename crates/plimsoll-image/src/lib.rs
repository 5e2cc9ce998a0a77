//! An image as an immutable view: its layers, the merged file tree, and who added which byte.
//!
//! Layers come in as [`Read`](std::io::Read) and leave as values; nothing here opens a file, a socket or a clock.
//! A layer is hostile input: every quantity is held to a named limit of [`Limits`].

mod anatomy;
#[cfg(test)]
mod archives;
mod layer;
mod tree;

pub use anatomy::{
    ContentTotals, EnvironmentVariable, Finding, FindingCode, ImageAnatomy, ImageParts, LargePath,
    LayerAnatomy, LayerContents, RunSettings, Step, Taken, TakenBy, Totals, clean_instruction,
};
pub use layer::path::compare as compare_paths;
pub use layer::{
    Compression, Decoder, Decoding, Entry, Found, Kind, LayerAlgorithms, LayerListing, LayerMeasures,
    LayerWalk, Limits, ListingBuilder, OwnedEntry, PathFault, ReadLayerError, StoredMeasures, read_layer,
};
pub use tree::{FileTree, Loss, Manner, Node};
