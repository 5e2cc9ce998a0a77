//! Which tiles a proof needs, and the proof that comes of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::hash::{Hash, node_hash};
use crate::proof::{ConsistencyProof, InclusionProof, ProofError};
use crate::tile::{TILE_HEIGHT, TILE_WIDTH, TileId, subtree_hash};

/// Tiles at hand, by level and index.
#[derive(Clone, Debug, Default)]
pub struct Tiles(BTreeMap<(u8, u64), Vec<Hash>>);

/// A tile that a plan needs is not at hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tile `{0}` is missing or too narrow")]
pub struct MissingTile(pub TileId);

/// The leaves whose joint hashes make up a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofPlan<P> {
    size: u64,
    ranges: Vec<Leaves>,
    proof: P,
}

/// Leaves from the first up to, without, the second.
type Leaves = (u64, u64);

/// A whole subtree: the leaves from `index << height` on, `1 << height` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Subtree {
    height: u32,
    index: u64,
}

impl Tiles {
    /// Takes a tile.
    pub fn insert(&mut self, id: TileId, hashes: Vec<Hash>) {
        self.0.insert((id.level(), id.index()), hashes);
    }

    /// The joint hash of leaves that are one node of a tree of `size` leaves, or its root.
    fn hash(&self, range: Leaves, size: u64) -> Result<Hash, MissingTile> {
        let mut joined: Option<Hash> = None;
        for subtree in subtrees_of(range).into_iter().rev() {
            let left = self.subtree(subtree, size)?;
            joined = Some(joined.map_or(left, |right| node_hash(left, right)));
        }
        Ok(joined.unwrap_or_else(Hash::of_empty_tree))
    }

    fn subtree(&self, subtree: Subtree, size: u64) -> Result<Hash, MissingTile> {
        let Some(tile) = subtree.tile(size) else { return Ok(Hash::of_empty_tree()) };
        let hashes = self.0.get(&(tile.level(), tile.index()));
        let hash = hashes.and_then(|hashes| hashes.get(subtree.place_in_tile())).and_then(subtree_hash);
        hash.ok_or(MissingTile(tile))
    }
}

impl ProofPlan<InclusionProof> {
    /// Plans the proof that the leaf at `index` is in a tree of `size` leaves (RFC 6962, section 2.1.1).
    pub fn inclusion(index: u64, size: u64) -> Result<Self, ProofError> {
        if index >= size {
            return Err(ProofError::NoSuchLeaf { index, size });
        }
        let (mut first, mut end) = (0, size);
        let mut ranges = Vec::new();
        while end - first > 1 {
            let middle = first + split(end - first);
            if index < middle {
                ranges.push((middle, end));
                end = middle;
            } else {
                ranges.push((first, middle));
                first = middle;
            }
        }
        ranges.reverse();
        Ok(Self { size, ranges, proof: InclusionProof { index, size, hashes: Vec::new() } })
    }

    /// Makes the proof.
    pub fn prove(&self, tiles: &Tiles) -> Result<InclusionProof, MissingTile> {
        Ok(InclusionProof { hashes: self.hashes(tiles)?, ..self.proof })
    }
}

impl ProofPlan<ConsistencyProof> {
    /// Plans the proof that a tree of `old_size` leaves is the beginning of one of `new_size` (RFC 6962, section 2.1.2).
    pub fn consistency(old_size: u64, new_size: u64) -> Result<Self, ProofError> {
        if old_size > new_size {
            return Err(ProofError::Shrunk { old_size, new_size });
        }
        let mut ranges = Vec::new();
        let (mut first, mut end) = (0, new_size);
        while old_size > 0 && old_size != end {
            let middle = first + split(end - first);
            if old_size <= middle {
                ranges.push((middle, end));
                end = middle;
            } else {
                ranges.push((first, middle));
                first = middle;
            }
        }
        // The verifier has the hash of the old tree itself.
        if first > 0 {
            ranges.push((first, end));
        }
        ranges.reverse();
        Ok(Self {
            size: new_size,
            ranges,
            proof: ConsistencyProof { old_size, new_size, hashes: Vec::new() },
        })
    }

    /// Makes the proof.
    pub fn prove(&self, tiles: &Tiles) -> Result<ConsistencyProof, MissingTile> {
        Ok(ConsistencyProof { hashes: self.hashes(tiles)?, ..self.proof })
    }
}

impl<P> ProofPlan<P> {
    /// The tiles it needs, in the width that they have in its tree.
    pub fn tiles(&self) -> BTreeSet<TileId> {
        let subtrees = self.ranges.iter().flat_map(|range| subtrees_of(*range));
        subtrees.filter_map(|subtree| subtree.tile(self.size)).collect()
    }

    fn hashes(&self, tiles: &Tiles) -> Result<Vec<Hash>, MissingTile> {
        self.ranges.iter().map(|range| tiles.hash(*range, self.size)).collect()
    }
}

impl Subtree {
    /// The tile that holds it or what it is joined from.
    fn tile(self, size: u64) -> Option<TileId> {
        let level = u8::try_from(self.height / TILE_HEIGHT).ok()?;
        let index = self.index >> (TILE_HEIGHT - self.height % TILE_HEIGHT);
        TileId::in_tree(level, index, size)
    }

    fn place_in_tile(self) -> std::ops::Range<usize> {
        let width = 1_u64 << (self.height % TILE_HEIGHT);
        let first = (self.index * width) % TILE_WIDTH;
        let place = |at| usize::try_from(at).unwrap_or(usize::MAX);
        place(first)..place(first + width)
    }
}

/// Where a tree of more than one leaf is split: the largest power of two below its size.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The whole subtrees that leaves are made of, from the left.
fn subtrees_of((first, end): Leaves) -> Vec<Subtree> {
    let mut subtrees = Vec::new();
    let mut at = first;
    while let Some(height) = (end - at).checked_ilog2() {
        subtrees.push(Subtree { height, index: at >> height });
        at += 1 << height;
    }
    subtrees
}
