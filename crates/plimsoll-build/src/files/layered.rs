use std::collections::BTreeMap;
use std::ops::Bound;

use plimsoll_image::{FileTree, Kind, LayerListing};

use super::{Content, Entry, Files};
use crate::BuildError;

/// The merged files of a stack of layers, as a container of the image would see them.
pub(crate) struct LayeredTree {
    name: String,
    entries: BTreeMap<Vec<u8>, Entry>,
}

impl LayeredTree {
    /// Merges layers, from the base up.
    pub(crate) fn of<'l>(name: String, layers: impl IntoIterator<Item = &'l LayerListing>) -> Self {
        let tree = FileTree::merge(layers);
        let mut entries = BTreeMap::new();
        let mut inode = 0;
        let mut inodes: BTreeMap<(usize, Vec<u8>), u64> = BTreeMap::new();
        for node in tree.nodes() {
            let content = tree.entry(node.content);
            let place = (node.content.layer as usize, content.path.to_vec());
            let is_linked = node.entry.kind == Kind::HardLink;
            if is_linked {
                inodes.entry(place.clone()).or_insert_with(|| {
                    inode += 1;
                    inode
                });
            }
            let is_file = content.kind == Kind::File;
            let (layer, path) = place;
            entries.insert(
                node.path.to_vec(),
                Entry {
                    // A link that leads to nothing stays what it is.
                    kind: if is_linked { content.kind } else { node.entry.kind },
                    mode: content.mode,
                    uid: content.uid,
                    gid: content.gid,
                    size_bytes: if is_file { node.size_bytes } else { 0 },
                    link: if node.entry.kind == Kind::Symlink {
                        node.entry.link.to_vec()
                    } else {
                        Vec::new()
                    },
                    content: if is_file { Content::Layer { layer, path } } else { Content::None },
                    identity: None,
                },
            );
        }
        let mut merged = Self { name, entries };
        merged.identify(&inodes);
        merged
    }

    /// Tells which names are of one file.
    fn identify(&mut self, inodes: &BTreeMap<(usize, Vec<u8>), u64>) {
        for entry in self.entries.values_mut() {
            if let Content::Layer { layer, path } = &entry.content {
                let inode = inodes.get(&(*layer, path.clone()));
                entry.identity = inode.map(|inode| (*layer as u64, *inode));
            }
        }
    }

    /// The first entry below a directory, if there is any.
    fn has_below(&self, directory: &[u8]) -> bool {
        self.below(directory).next().is_some()
    }

    fn below<'t>(&'t self, directory: &[u8]) -> impl Iterator<Item = (&'t [u8], &'t Entry)> {
        let prefix = if directory.is_empty() { Vec::new() } else { [directory, b"/"].concat() };
        let range = self.entries.range((Bound::Excluded(prefix.clone()), Bound::Unbounded));
        range
            .map(|(path, entry)| (path.as_slice(), entry))
            .take_while({
                let prefix = prefix.clone();
                move |(path, _)| path.starts_with(&prefix)
            })
            .filter_map(move |(path, entry)| Some((path.strip_prefix(prefix.as_slice())?, entry)))
    }
}

impl Files for LayeredTree {
    fn name(&self) -> String {
        self.name.clone()
    }

    /// A directory that no layer names, but whose files one does, is there as runtimes make it.
    fn look(&self, path: &[u8]) -> Result<Option<Entry>, BuildError> {
        let found = self.entries.get(path).cloned();
        let is_implied = || path.is_empty() || self.has_below(path);
        Ok(found.or_else(|| is_implied().then(Entry::directory)))
    }

    fn names(&self, directory: &[u8]) -> Result<Vec<Vec<u8>>, BuildError> {
        let first = |(path, _): (&[u8], &Entry)| {
            path.split(|byte| *byte == b'/').next().map(<[u8]>::to_vec).filter(|name| !name.is_empty())
        };
        let mut names: Vec<Vec<u8>> = self.below(directory).filter_map(first).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }
}
