use std::collections::BTreeMap;

use plimsoll_image::LayerListing;
use serde::Serialize;

/// How deep a layer's tree is told.
const DEPTH_MAX: usize = 3;

/// A directory that holds less than this part of its layer is not told.
const SHARE_MIN: u64 = 50;

/// Most directories of one layer.
const BRANCHES_MAX: usize = 40;

/// A directory of a layer, with all that lies beneath it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Branch {
    /// Where it is, with a slash in front; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// How many directories stand above it.
    pub depth: usize,
    /// Bytes of the files beneath it.
    pub bytes: u64,
    /// How many there are.
    pub files: u64,
}

/// The directories that a layer's bytes lie in, down to the third level and in path order; small ones are left out.
pub fn branches(listing: &LayerListing) -> Vec<Branch> {
    let mut sums: BTreeMap<&[u8], (u64, u64)> = BTreeMap::new();
    let mut total: u64 = 0;
    for entry in listing.entries().filter(|entry| entry.size_bytes > 0) {
        total = total.saturating_add(entry.size_bytes);
        for end in slashes(entry.path).take(DEPTH_MAX) {
            let (bytes, files) = sums.entry(&entry.path[..end]).or_default();
            *bytes = bytes.saturating_add(entry.size_bytes);
            *files += 1;
        }
    }
    let is_large = |(_, (bytes, _)): &(&[u8], (u64, u64))| *bytes >= (total / SHARE_MIN).max(1);
    sums.into_iter().filter(is_large).take(BRANCHES_MAX).map(|(path, sum)| branch(path, sum)).collect()
}

fn slashes(path: &[u8]) -> impl Iterator<Item = usize> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at)
}

fn branch(path: &[u8], (bytes, files): (u64, u64)) -> Branch {
    let depth = slashes(path).count();
    Branch { path: format!("/{}", String::from_utf8_lossy(path)), depth, bytes, files }
}
