//! Which bytes of an image nobody needs, and why: each with its layer, its package and one reason.

mod cause;
mod kind;
mod place;
mod purpose;

use std::collections::{HashMap, HashSet};

use plimsoll_image::{At, Kind, Manner, Node};

use cause::Heaps;
pub use cause::{Cause, PackageShare, WasteFile};
pub use kind::Reason;
pub(crate) use kind::WasteKind;

use crate::Census;

/// What could go from an image. No byte is counted twice.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waste {
    /// Bytes of files.
    pub bytes: u64,
    /// Bytes as stored and pulled, estimated: a file is taken to compress as its layer does.
    pub stored_bytes: u64,
    /// How many files.
    pub files: u64,
    /// What brought them, the most bytes first.
    pub causes: Vec<Cause>,
}

/// A file that could go.
#[derive(Clone, Copy, Debug)]
struct Found<'c> {
    /// The entry that holds its bytes.
    content: At,
    /// Where it is, or was.
    path: &'c [u8],
    bytes: u64,
    package: Option<&'c str>,
}

impl Waste {
    /// Finds what could go.
    ///
    /// What later layers took counts first, then what a file is for by its place and its package, then copies of what
    /// stays.
    pub fn of(census: &Census<'_>) -> Self {
        Self::beyond(census, None)
    }

    /// The same with the files that nothing reaches: those that are not among `reached`, the paths of the tree that
    /// what the image starts may need.
    pub fn beyond(census: &Census<'_>, reached: Option<&HashSet<Vec<u8>>>) -> Self {
        let mut heaps = Heaps::default();
        add_taken(census, &mut heaps);
        let staying = add_purposeless(census, &mut heaps);
        let staying = match reached {
            Some(reached) => add_unreached(staying, reached, &mut heaps),
            None => staying,
        };
        add_copies(census, staying, &mut heaps);
        let causes = heaps.into_causes(census);
        Self {
            bytes: causes.iter().map(|cause| cause.bytes).fold(0, u64::saturating_add),
            stored_bytes: causes.iter().map(|cause| cause.stored_bytes).fold(0, u64::saturating_add),
            files: causes.iter().map(|cause| cause.files).sum(),
            causes,
        }
    }
}

/// Files that a later layer deletes or overwrites, those in deleted directories among them.
fn add_taken(census: &Census<'_>, heaps: &mut Heaps) {
    for layer in 0..census.layers().len() {
        let Ok(number) = u32::try_from(layer) else { return };
        for loss in census.tree.losses(layer) {
            let content = At { layer: number, entry: loss.entry };
            let path = census.tree.entry(content).path;
            let by = loss.by.saturating_add(1);
            let kind = match loss.manner {
                Manner::Deleted => WasteKind::Deleted { by },
                Manner::Overwritten => WasteKind::Overwritten { by },
            };
            let package = census.package_ever(path);
            heaps.add(kind, &Found { content, path, bytes: loss.size_bytes, package });
        }
    }
}

/// Files that are there for something no container does; returns those that are not.
fn add_purposeless<'c>(census: &'c Census<'_>, heaps: &mut Heaps) -> Vec<Found<'c>> {
    let mut counted = HashSet::new();
    let mut staying = Vec::new();
    let is_content = |node: &Node<'_>| matches!(node.entry.kind, Kind::File | Kind::HardLink);
    for node in census.tree.nodes().filter(|node| is_content(node) && node.size_bytes > 0) {
        if !counted.insert(node.content) {
            continue;
        }
        let package = census.package(node.path);
        let found = Found { content: node.content, path: node.path, bytes: node.size_bytes, package };
        match purpose::of(node.path, package) {
            Some(kind) => heaps.add(kind, &found),
            None => staying.push(found),
        }
    }
    staying
}

/// Files that are not among those that may be needed; returns the others.
fn add_unreached<'c>(
    staying: Vec<Found<'c>>,
    reached: &HashSet<Vec<u8>>,
    heaps: &mut Heaps,
) -> Vec<Found<'c>> {
    let (staying, unreached): (Vec<_>, Vec<_>) =
        staying.into_iter().partition(|found| reached.contains(found.path));
    for found in &unreached {
        heaps.add(WasteKind::Unreached, found);
    }
    staying
}

/// Files whose content another file of the image has as well. The one in the lowest layer stays, of those the first.
fn add_copies(census: &Census<'_>, mut staying: Vec<Found<'_>>, heaps: &mut Heaps) {
    staying.sort_by_key(|found| found.content.layer);
    let mut first = HashMap::new();
    for found in &staying {
        let Some(digest) = census.digest(found.content) else { continue };
        match first.entry(digest) {
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(found.path);
            }
            std::collections::hash_map::Entry::Occupied(original) => {
                heaps.add_copy(found, original.get());
            }
        }
    }
}

#[cfg(test)]
mod tests;
