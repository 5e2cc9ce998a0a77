use std::cmp::Reverse;
use std::collections::BTreeMap;

use plimsoll_oci::{ChainId, DiffId, Digest, MediaType};
use serde::Serialize;

use crate::tree::Loss;
use crate::{Compression, FileTree, Kind, LayerListing, Manner};

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerAnatomy {
    /// Its place, counted from 1 at the base.
    pub number: usize,
    /// The digest of its bytes as stored, as the manifest says.
    pub digest: Digest,
    /// Its type, as the manifest says.
    pub media_type: MediaType,
    /// The digest of its uncompressed archive, as the config says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff_id: Option<DiffId>,
    /// The digest of the stack that ends with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain_id: Option<ChainId>,
    /// Its length as stored, as the manifest says.
    pub compressed_bytes: u64,
    /// The instruction that made it, in the words of a Dockerfile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
    /// What is inside; absent when it was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents: Option<LayerContents>,
}

/// What one layer holds, and what became of it in the layers above.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerContents {
    /// How its bytes are compressed, as found.
    pub compression: Compression,
    /// Bytes of the uncompressed archive.
    pub unpacked_bytes: u64,
    /// Entries by kind.
    pub entries: BTreeMap<&'static str, u64>,
    /// Paths of lower layers that it hides by whiteouts.
    pub whiteouts: usize,
    /// Bytes of the files that it adds, hard links counted once.
    pub added_bytes: u64,
    /// Of these, bytes that a later layer deletes.
    pub deleted_bytes: u64,
    /// Of these, bytes that a later layer overwrites.
    pub overwritten_bytes: u64,
    /// The later layers that took something away.
    pub taken: Vec<TakenBy>,
    /// Its largest files.
    pub largest: Vec<LargePath>,
}

/// What one later layer took from a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TakenBy {
    /// The later layer's number.
    pub layer: usize,
    /// How.
    pub manner: Manner,
    /// Files taken.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The largest of them.
    pub largest_path: String,
}

/// One of a layer's largest files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LargePath {
    /// Where it is, with a slash in front; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// Its length.
    pub size_bytes: u64,
    /// What took it out of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
}

/// How, and by which layer, a file was taken out of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// How.
    pub manner: Manner,
    /// The later layer's number.
    pub layer: usize,
}

impl LayerContents {
    /// Describes the layer at `index`; without the whole image's tree nothing is known of later layers.
    pub(super) fn of(
        listing: &LayerListing,
        index: usize,
        tree: Option<&FileTree<'_>>,
        largest_max: usize,
    ) -> Self {
        let losses = tree.map_or(&[][..], |tree| tree.losses(index));
        Self {
            compression: listing.measures.compression,
            unpacked_bytes: listing.measures.unpacked_bytes,
            entries: entries_by_kind(listing),
            whiteouts: listing.hidden().len(),
            added_bytes: listing.entries().fold(0, |sum, entry| sum + entry.size_bytes),
            deleted_bytes: bytes_taken(losses, Manner::Deleted),
            overwritten_bytes: bytes_taken(losses, Manner::Overwritten),
            taken: taken_by(listing, losses),
            largest: largest(listing, losses, largest_max),
        }
    }
}

fn entries_by_kind(listing: &LayerListing) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for entry in listing.entries() {
        *counts.entry(plural(entry.kind)).or_default() += 1;
    }
    counts
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "files",
        Kind::Directory => "directories",
        Kind::Symlink => "symlinks",
        Kind::HardLink => "hardLinks",
        Kind::CharDevice | Kind::BlockDevice => "devices",
        Kind::Fifo => "fifos",
    }
}

fn bytes_taken(losses: &[Loss], manner: Manner) -> u64 {
    losses.iter().filter(|loss| loss.manner == manner).map(|loss| loss.size_bytes).sum()
}

fn taken_by(listing: &LayerListing, losses: &[Loss]) -> Vec<TakenBy> {
    let mut groups: BTreeMap<(usize, Manner), Vec<&Loss>> = BTreeMap::new();
    for loss in losses {
        groups.entry((loss.by + 1, loss.manner)).or_default().push(loss);
    }
    let sum = |((layer, manner), losses): ((usize, Manner), Vec<&Loss>)| {
        let largest = losses.iter().max_by_key(|loss| (loss.size_bytes, Reverse(loss.entry)));
        TakenBy {
            layer,
            manner,
            files: losses.len() as u64,
            bytes: losses.iter().map(|loss| loss.size_bytes).sum(),
            largest_path: largest.map(|loss| shown_path(listing, loss.entry)).unwrap_or_default(),
        }
    };
    groups.into_iter().map(sum).collect()
}

fn shown_path(listing: &LayerListing, at: u32) -> String {
    format!("/{}", String::from_utf8_lossy(listing.entry(at).path))
}

fn largest(listing: &LayerListing, losses: &[Loss], largest_max: usize) -> Vec<LargePath> {
    let mut files: Vec<u32> = (0..listing.len()).filter(|at| listing.entry(*at).size_bytes > 0).collect();
    let order = |at: &u32| (Reverse(listing.entry(*at).size_bytes), *at);
    if files.len() > largest_max {
        files.select_nth_unstable_by_key(largest_max, order);
        files.truncate(largest_max);
    }
    files.sort_unstable_by_key(order);
    let path = |at: u32| {
        let loss = losses.iter().find(|loss| loss.entry == at);
        LargePath {
            path: shown_path(listing, at),
            size_bytes: listing.entry(at).size_bytes,
            taken: loss.map(|loss| Taken { manner: loss.manner, layer: loss.by + 1 }),
        }
    };
    files.into_iter().map(path).collect()
}
