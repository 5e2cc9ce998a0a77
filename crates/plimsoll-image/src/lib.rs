//! An image as an immutable view: its layers, the merged file tree, and who added which byte.
//!
//! Layers come in as [`Read`](std::io::Read) and leave as values; nothing here opens a file, a socket or a clock.
//! A layer is hostile input: every quantity is held to a named limit of [`Limits`].

mod anatomy;
#[cfg(test)]
mod archives;
mod layer;
mod pull;
mod tree;

pub use anatomy::{
    ContentTotals, EnvironmentVariable, Finding, FindingCode, ImageAnatomy, ImageParts, LargePath,
    LayerAnatomy, LayerContents, RunSettings, Step, Taken, TakenBy, Totals, clean_instruction,
    layer_instructions,
};
pub use layer::path::compare as compare_paths;
pub use layer::{
    Compression, CompressionTrial, Decoder, Decoding, Entry, Found, Kind, LayerAlgorithms, LayerListing,
    LayerMeasures, LayerWalk, Limits, ListingBuilder, OwnedEntry, PathFault, ReadLayerError, StoredMeasures,
    read_layer, try_zstd,
};
pub use pull::{PullModel, PulledLayer};
pub use tree::{At, FileTree, Loss, Manner, Node};
