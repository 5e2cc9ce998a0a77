//! Growing the tree.

use crate::hash::{Hash, node_hash};
use crate::tile::{TILE_HEIGHT, TILE_WIDTH, TileId, subtree_hash};

/// The right edge of a tree: the hashes of its partial tiles, from level 0 up. It is all that growing needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    partial: Vec<Vec<Hash>>,
}

/// A tile with its hashes, to be written over a narrower one of the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenTile {
    /// Which tile.
    pub id: TileId,
    /// Its hashes.
    pub hashes: Vec<Hash>,
}

/// What came of growing a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Each tile that has changed, in the width that it has now.
    pub tiles: Vec<WrittenTile>,
    /// The root of the tree that has grown.
    pub root: Hash,
}

/// Tiles that are not a tree's right edge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// A tile is missing.
    #[error("the right edge of a tree of {size} leaves lacks tile `{tile}`")]
    Missing {
        /// The leaves of the tree.
        size: u64,
        /// The tile.
        tile: TileId,
    },
    /// The tree cannot hold more.
    #[error("the tree is full")]
    Full,
}

impl Edge {
    /// The tiles that a tree's right edge is read from; a wider one of the same place does as well.
    pub fn tiles(size: u64) -> Vec<TileId> {
        let levels = 0..u8::try_from(u64::BITS / TILE_HEIGHT).unwrap_or(0);
        let partial = |level: u8| {
            let hashes = size >> (u32::from(level) * TILE_HEIGHT);
            TileId::in_tree(level, hashes / TILE_WIDTH, size).filter(|tile| !tile.is_full())
        };
        levels.filter_map(partial).collect()
    }

    /// Puts the right edge of a tree together.
    pub fn read(
        size: u64,
        mut hashes_of: impl FnMut(TileId) -> Option<Vec<Hash>>,
    ) -> Result<Self, EdgeError> {
        let mut partial = Vec::new();
        for tile in Self::tiles(size) {
            let mut hashes = hashes_of(tile).unwrap_or_default();
            if hashes.len() < tile.width() {
                return Err(EdgeError::Missing { size, tile });
            }
            hashes.truncate(tile.width());
            partial.resize(usize::from(tile.level()), Vec::new());
            partial.push(hashes);
        }
        Ok(Self { size, partial })
    }

    /// The leaves of the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree: what is partial at each level, joined from the right.
    pub fn root(&self) -> Hash {
        let mut root: Option<Hash> = None;
        for hashes in &self.partial {
            for subtree in subtrees_from_the_right(hashes) {
                root = Some(root.map_or(subtree, |right| node_hash(subtree, right)));
            }
        }
        root.unwrap_or_else(Hash::of_empty_tree)
    }

    /// Appends leaves, and says which tiles are to be written.
    pub fn append(&mut self, leaves: &[Hash]) -> Result<Appended, EdgeError> {
        let size = self.size.checked_add(leaves.len() as u64).ok_or(EdgeError::Full)?;
        let mut full = Vec::new();
        for leaf in leaves {
            self.push(*leaf, &mut full);
        }
        self.size = size;
        let grown = |tile: &TileId| leaves.len() as u64 > 0 && self.has_grown(*tile, leaves.len() as u64);
        let partial = Self::tiles(size).into_iter().filter(grown);
        let partial = partial.map(|id| WrittenTile { id, hashes: self.at_level(id.level()).to_vec() });
        full.extend(partial);
        Ok(Appended { tiles: full, root: self.root() })
    }

    /// Whether the last `added` leaves have changed a partial tile.
    fn has_grown(&self, tile: TileId, added: u64) -> bool {
        let below = u32::from(tile.level()) * TILE_HEIGHT;
        let before = (self.size - added) >> below;
        before < self.size >> below
    }

    fn at_level(&self, level: u8) -> &[Hash] {
        self.partial.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    fn push(&mut self, leaf: Hash, full: &mut Vec<WrittenTile>) {
        self.size += 1;
        let mut carried = Some(leaf);
        let mut level = 0_u8;
        while let Some(hash) = carried.take() {
            if self.partial.len() <= usize::from(level) {
                self.partial.push(Vec::new());
            }
            let Some(hashes) = self.partial.get_mut(usize::from(level)) else { return };
            hashes.push(hash);
            if hashes.len() as u64 == TILE_WIDTH {
                let hashes = std::mem::take(hashes);
                carried = subtree_hash(&hashes);
                let index = (self.size >> (u32::from(level) * TILE_HEIGHT)) / TILE_WIDTH - 1;
                if let Some(id) = TileId::in_tree(level, index, self.size) {
                    full.push(WrittenTile { id, hashes });
                }
                level += 1;
            }
        }
    }
}

/// The hashes of the largest whole subtrees over `hashes`, the rightmost first.
fn subtrees_from_the_right(hashes: &[Hash]) -> Vec<Hash> {
    let mut rest = hashes;
    let mut subtrees = Vec::new();
    while let Some(width) = rest.len().checked_ilog2().map(|power| 1 << power) {
        let (subtree, behind) = rest.split_at(width);
        subtrees.extend(subtree_hash(subtree));
        rest = behind;
    }
    subtrees.reverse();
    subtrees
}
