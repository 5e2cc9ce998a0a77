//! Where the entries of a layer come to stand: lower layers may have made a directory above them a symbolic link,
//! as the merge of `/lib` into `/usr/lib` does.

use std::borrow::Cow;

use super::{At, FileTree, Slot};
use crate::layer::path;
use crate::{Kind, LayerListing};

/// Symbolic links that are followed for one path, as in Linux (`path_resolution(7)`).
pub(super) const LINKS_MAX: usize = 40;

/// A layer's entries and whiteouts at the paths where they take effect, each sorted.
pub(super) struct Placed {
    pub(super) slots: Vec<Slot>,
    pub(super) covers: Vec<Cover>,
    /// Entries that stand where another entry of the same layer does, because a link led there.
    pub(super) doubles: Vec<Slot>,
}

/// A path whose content in lower layers goes away.
pub(super) struct Cover {
    path: Vec<u8>,
    /// Whether what stands at the path itself goes too.
    with_itself: bool,
}

impl Cover {
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    pub(super) fn hides(&self, path: &[u8]) -> bool {
        path::is_beneath(path, &self.path) || (self.with_itself && path == self.path)
    }
}

impl FileTree<'_> {
    /// Finds the places of a new layer's entries, with the layers below it in `slots` still.
    pub(super) fn place(&mut self, layer: &LayerListing, index: u32) -> Placed {
        let mut directories = Directories::of(layer);
        let mut slots = Vec::with_capacity(layer.len() as usize);
        let moved_before = self.moved.len();
        for entry in 0..layer.len() {
            let moved = directories.resolve(self, layer.entry(entry).path).map(|path| self.keep_moved(path));
            let at = At { layer: index, entry };
            slots.push(Slot { entry: at, content: at, moved });
        }
        let mut covers: Vec<Cover> = layer
            .whiteouts()
            .map(|whiteout| Cover {
                path: directories.resolve(self, whiteout.path).unwrap_or_else(|| whiteout.path.to_vec()),
                with_itself: !whiteout.is_opaque,
            })
            .collect();
        covers.sort_by(|a, b| path::compare(&a.path, &b.path).then(b.with_itself.cmp(&a.with_itself)));
        let has_moved = self.moved.len() > moved_before;
        let doubles = if has_moved { self.sort_and_split_doubles(&mut slots) } else { Vec::new() };
        Placed { slots, covers, doubles }
    }

    /// Where `path` leads when the symbolic links above its last component are followed.
    pub fn real_path<'p>(&self, path: &'p [u8]) -> Cow<'p, [u8]> {
        Directories { layer: None, last: Vec::new(), last_resolved: None }
            .resolve(self, path)
            .map_or(Cow::Borrowed(path), Cow::Owned)
    }

    /// Where `path`, written in `layer`, leads when the links above it are followed.
    pub(super) fn through_links<'p>(&self, layer: &LayerListing, path: &'p [u8]) -> Cow<'p, [u8]> {
        Directories::of(layer).resolve(self, path).map_or(Cow::Borrowed(path), Cow::Owned)
    }

    fn keep_moved(&mut self, path: Vec<u8>) -> u32 {
        self.moved.push(path.into_boxed_slice());
        u32::try_from(self.moved.len() - 1).expect("every moved path belongs to one of 2^32 entries")
    }

    fn sort_and_split_doubles(&self, slots: &mut Vec<Slot>) -> Vec<Slot> {
        let mut doubles = Vec::new();
        slots.sort_by(|a, b| path::compare(self.path(a), self.path(b)));
        slots.dedup_by(|later, kept| {
            let is_double = self.path(later) == self.path(kept);
            if is_double {
                doubles.push(*later);
            }
            is_double
        });
        doubles
    }
}

/// Resolves the directories above a layer's entries, and remembers the last one: neighbours share it.
struct Directories<'a> {
    /// The layer that is being placed, whose links count before those of the tree.
    layer: Option<&'a LayerListing>,
    last: Vec<u8>,
    last_resolved: Option<Vec<u8>>,
}

impl<'a> Directories<'a> {
    fn of(layer: &'a LayerListing) -> Self {
        Self { layer: Some(layer), last: Vec::new(), last_resolved: None }
    }

    /// The path with the links above its last component followed; `None` when it stays as it is.
    fn resolve(&mut self, tree: &FileTree<'_>, path: &[u8]) -> Option<Vec<u8>> {
        let (directory, name) = path::split_last(path);
        if directory.is_empty() {
            return None;
        }
        if self.last != directory {
            self.last = directory.to_vec();
            self.last_resolved = self.follow(tree, directory);
        }
        let mut resolved = self.last_resolved.clone()?;
        push_component(&mut resolved, name);
        Some(resolved)
    }

    /// Follows the links in `directory`; `None` when there are none, or more than [`LINKS_MAX`].
    fn follow(&self, tree: &FileTree<'_>, directory: &[u8]) -> Option<Vec<u8>> {
        let mut pending: Vec<&[u8]> = components_from_last(directory).collect();
        let mut resolved = Vec::with_capacity(directory.len());
        let mut links = 0;
        while let Some(component) = pending.pop() {
            if component == b".." {
                resolved.truncate(path::split_last(&resolved).0.len());
                continue;
            }
            let above = resolved.len();
            push_component(&mut resolved, component);
            let Some(target) = self.link_at(tree, &resolved) else { continue };
            links += 1;
            if links > LINKS_MAX {
                return None;
            }
            resolved.truncate(if target.starts_with(b"/") { 0 } else { above });
            pending.extend(components_from_last(target));
        }
        (links > 0).then_some(resolved)
    }

    /// The target of the symbolic link at `path`: this layer's word counts before those below it.
    fn link_at<'t>(&'t self, tree: &'t FileTree<'_>, path: &[u8]) -> Option<&'t [u8]> {
        let entry = match self.layer.and_then(|layer| layer.get(path)) {
            Some(entry) => entry,
            None if self.layer.is_some_and(|layer| layer.hides(path)) => return None,
            None => tree.entry(tree.slots[tree.position(path)?].entry),
        };
        (entry.kind == Kind::Symlink).then_some(entry.link)
    }
}

fn components_from_last(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.rsplit(|byte| *byte == b'/').filter(|component| !matches!(*component, b"" | b"."))
}

fn push_component(path: &mut Vec<u8>, component: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(component);
}
