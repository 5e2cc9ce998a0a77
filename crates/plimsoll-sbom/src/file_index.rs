//! The sorted list of a layer's files, on disk.
//!
//! Entries stand in blocks of [`BLOCK_ENTRIES`], each path without what it shares with the one before. Behind the
//! blocks stands the first path of each, so that a look-up reads one block. Three million files cost their reader no
//! more memory than the first paths of fifty thousand blocks.

mod entry;
mod lookup;
mod sort;

pub use entry::FileEntry;
pub use lookup::FileIndex;
pub(crate) use sort::FileIndexBuilder;

/// Entries of one block.
const BLOCK_ENTRIES: usize = 64;

/// Where the parts of an index stand in its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IndexPlace {
    /// How many entries there are.
    pub entries: u64,
    /// How many blocks hold them.
    pub blocks: u64,
    /// Where the first block begins.
    pub start: u64,
    /// Where the last block ends and the first paths begin.
    pub outline: u64,
    /// Where those end.
    pub end: u64,
}

#[cfg(test)]
pub(crate) mod tests;
