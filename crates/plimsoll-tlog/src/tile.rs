//! Tiles and their paths (c2sp.org/tlog-tiles).

use std::fmt;
use std::str::FromStr;

use crate::hash::{Hash, node_hash};
use crate::text;

/// The hashes of a full tile, and the entries of a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// The levels of the tree that one tile spans.
pub(crate) const TILE_HEIGHT: u32 = 8;

/// The highest level that a path may name.
const LEVEL_MAX: u8 = 63;

/// Most path elements of three digits: enough for every `u64`.
const GROUPS_MAX: usize = 7;

/// Which tile, at which width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    level: u8,
    index: u64,
    width: u16,
}

/// What lies below a log's `tile/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Hashes of the tree.
    Tile(TileId),
    /// The entries below a tile of level 0, which has the same index and width.
    Entries(TileId),
}

/// A path that names no tile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the path of a tile: expected `<level>/<index>[.p/<width>]`, such as `0/x001/067.p/12`")]
pub struct ParsePathError(String);

/// Bytes that are not the tile they are said to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tile `{tile}` has {found} bytes and not {expected}")]
pub struct TileError {
    /// The tile.
    pub tile: TileId,
    /// The bytes it must have.
    pub expected: usize,
    /// The bytes there are.
    pub found: usize,
}

impl TileId {
    /// A tile that a tree of `size` leaves has, as wide as it is there. `None` if the tree has no such tile.
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let hashes_in_level = size.checked_shr(u32::from(level) * TILE_HEIGHT).unwrap_or(0);
        let before = index.checked_mul(TILE_WIDTH)?;
        let width = hashes_in_level.checked_sub(before)?.min(TILE_WIDTH);
        (width > 0).then(|| Self { level, index, width: u16::try_from(width).unwrap_or(u16::MAX) })
    }

    /// The level: tiles of level 0 hold the hashes of leaves.
    pub fn level(self) -> u8 {
        self.level
    }

    /// The number of the tile in its level.
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many hashes it holds, at most [`TILE_WIDTH`].
    pub fn width(self) -> usize {
        usize::from(self.width)
    }

    /// Whether it will never grow.
    pub fn is_full(self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }

    /// Reads the hashes of this tile.
    pub fn read(self, bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
        let (expected, found) = (self.width() * Hash::BYTES, bytes.len());
        let hashes = Hash::read_all(bytes).filter(|_| found == expected);
        hashes.ok_or(TileError { tile: self, expected, found })
    }

    fn write_position(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (place, group) in groups.iter().enumerate().rev() {
            let (mark, end) = if place > 0 { ("x", "/") } else { ("", "") };
            write!(f, "{mark}{group:03}{end}")?;
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.level)?;
        self.write_position(f)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tile(tile) => tile.fmt(f),
            Self::Entries(tile) => {
                f.write_str("entries/")?;
                tile.write_position(f)
            }
        }
    }
}

impl FromStr for Resource {
    type Err = ParsePathError;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let refused = || ParsePathError(text::shortened(path));
        let (level, position) = path.split_once('/').ok_or_else(refused)?;
        if level == "entries" {
            return position_of(0, position).map(Self::Entries).ok_or_else(refused);
        }
        let level = text::decimal(level).and_then(|level| u8::try_from(level).ok());
        let level = level.filter(|level| *level <= LEVEL_MAX).ok_or_else(refused)?;
        position_of(level, position).map(Self::Tile).ok_or_else(refused)
    }
}

fn position_of(level: u8, position: &str) -> Option<TileId> {
    let (index, width) = match position.split_once(".p/") {
        Some((index, width)) => {
            (index, text::decimal(width).filter(|width| (1..TILE_WIDTH).contains(width))?)
        }
        None => (position, TILE_WIDTH),
    };
    Some(TileId { level, index: index_of(index)?, width: u16::try_from(width).ok()? })
}

/// Reads `x001/x234/067`; an index is written one way only, so it has no groups of zeros in front.
fn index_of(path: &str) -> Option<u64> {
    let groups: Vec<&str> = path.split('/').collect();
    let (last, front) = groups.split_last()?;
    if groups.len() > GROUPS_MAX || front.first() == Some(&"x000") {
        return None;
    }
    let mut index = 0_u64;
    for group in front {
        index = index.checked_mul(1000)?.checked_add(group_of(group.strip_prefix('x')?)?)?;
    }
    index.checked_mul(1000)?.checked_add(group_of(last)?)
}

fn group_of(digits: &str) -> Option<u64> {
    let is_group = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_group { digits.parse().ok() } else { None }
}

/// The hash above a power of two of neighbours.
pub(crate) fn subtree_hash(hashes: &[Hash]) -> Option<Hash> {
    if !hashes.len().is_power_of_two() {
        return None;
    }
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        // Each pair makes room for the next: the row is folded where it lies.
        for place in 0..row.len() / 2 {
            row[place] = node_hash(row[2 * place], row[2 * place + 1]);
        }
        row.truncate(row.len() / 2);
    }
    row.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        // The example of 70,000 leaves in c2sp.org/tlog-tiles.
        let tile = |level, index| TileId::in_tree(level, index, 70_000);
        assert_eq!(tile(0, 273).unwrap().to_string(), "0/273.p/112");
        assert_eq!(tile(1, 0).unwrap().to_string(), "1/000");
        assert_eq!(tile(1, 1).unwrap().to_string(), "1/001.p/17");
        assert_eq!(tile(2, 0).unwrap().to_string(), "2/000.p/1");
        assert_eq!((tile(0, 274), tile(3, 0), tile(9, 0), tile(0, u64::MAX)), (None, None, None, None));
        let large = TileId { level: 0, index: 1_234_067, width: 256 };
        assert_eq!(large.to_string(), "0/x001/x234/067");
    }

    #[test]
    fn paths_read_as_they_print() {
        for path in ["0/000", "63/x001/067.p/12", "entries/x001/x234/067", "entries/000.p/255"] {
            assert_eq!(path.parse::<Resource>().unwrap().to_string(), path);
        }
    }

    #[test]
    fn a_path_written_otherwise_is_refused() {
        for path in [
            "",
            "0",
            "0/",
            "00/000",
            "64/000",
            "0/0",
            "0/x001",
            "0/001/067",
            "0/x000/067",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/012",
            "0/../000",
            "entries",
            "0/x999/x999/x999/x999/x999/x999/x999/999",
            "0/x018/x446/x744/x073/x709/x551/616",
            "0/+01",
        ] {
            assert!(path.parse::<Resource>().is_err(), "{path}");
        }
        assert!("0/x018/x446/x744/x073/x709/x551/615".parse::<Resource>().is_ok());
    }

    #[test]
    fn a_tile_has_as_many_bytes_as_its_width_says() {
        let tile = TileId::in_tree(0, 0, 2).unwrap();
        assert_eq!(tile.read(&[0; 64]).unwrap().len(), 2);
        for length in [0, 32, 63, 96] {
            assert!(tile.read(&vec![0; length]).is_err());
        }
    }
}
