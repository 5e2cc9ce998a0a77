//! RFC 6962, section 2.1, word by word: slow, and plain to see right.

use std::collections::BTreeMap;

use plimsoll_tlog::{Edge, Hash, TileId, Tiles, leaf_hash, node_hash};

/// The entry of a number.
pub(crate) fn entry(number: u64) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

pub(crate) fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&entry(number))).collect()
}

pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of_empty_tree(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(root(left), root(right))
        }
    }
}

pub(crate) fn inclusion(leaf: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, other) =
        if leaf < middle { (inclusion(leaf, left), right) } else { (inclusion(leaf - middle, right), left) };
    path.push(root(other));
    path
}

pub(crate) fn consistency(old: usize, leaves: &[Hash]) -> Vec<Hash> {
    if old == 0 { Vec::new() } else { subproof(old, leaves, true) }
}

fn subproof(old: usize, leaves: &[Hash], is_known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_known { Vec::new() } else { vec![root(leaves)] };
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, other) = if old <= middle {
        (subproof(old, left, is_known), right)
    } else {
        (subproof(old - middle, right, false), left)
    };
    path.push(root(other));
    path
}

fn split(size: usize) -> usize {
    let mut middle = 1;
    while middle * 2 < size {
        middle *= 2;
    }
    middle
}

/// A log that keeps its tiles in memory.
#[derive(Default)]
pub(crate) struct MemoryLog {
    pub(crate) edge: Edge,
    pub(crate) tiles: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl MemoryLog {
    /// Appends a batch as a store does: the edge is read back from the tiles.
    pub(crate) fn append(&mut self, leaves: &[Hash]) -> Hash {
        let read = |tile: TileId| self.tiles.get(&(tile.level(), tile.index())).cloned();
        let mut edge = Edge::read(self.edge.size(), read).expect("the tiles are there");
        assert_eq!(edge.root(), self.edge.root());
        let appended = edge.append(leaves).expect("room");
        for tile in appended.tiles {
            assert_eq!(tile.id.width(), tile.hashes.len());
            let place = (tile.id.level(), tile.id.index());
            let before = self.tiles.insert(place, tile.hashes.clone()).unwrap_or_default();
            assert!(
                before.len() < tile.hashes.len() && tile.hashes.starts_with(&before),
                "a tile only grows"
            );
        }
        self.edge = edge;
        appended.root
    }

    /// The tiles that a plan asks for, and no others, no wider than it asks.
    pub(crate) fn fetch(&self, wanted: impl IntoIterator<Item = TileId>) -> Tiles {
        let mut tiles = Tiles::default();
        for id in wanted {
            let mut hashes = self.tiles[&(id.level(), id.index())].clone();
            hashes.truncate(id.width());
            tiles.insert(id, hashes);
        }
        tiles
    }
}
