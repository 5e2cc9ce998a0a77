mod loss;
mod place;
mod shade;

use std::collections::{HashMap, HashSet};

use crate::layer::path;
use crate::{Entry, Kind, LayerListing};

pub use loss::{Loss, Manner};
use shade::Shade;

/// The merged file tree of a stack of layers, and what became of every byte on the way
/// (image-spec, `layer.md`, "Applying Changesets").
///
/// The order of members inside one layer plays no part: whiteouts hide what lower layers hold, entries are there, and
/// the last of several members at one path counts.
#[derive(Debug)]
pub struct FileTree<'a> {
    layers: Vec<&'a LayerListing>,
    slots: Vec<Slot>,
    moved: Vec<Box<[u8]>>,
    links: HashMap<At, u32>,
    losses: Vec<Vec<Loss>>,
    dangling_links: u32,
}

/// Which entry of which layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// The layer, counted from 0 at the base.
    pub layer: u32,
    /// The entry's position among those of its layer, which are in path order.
    pub entry: u32,
}

/// One path of the tree.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The entry that stands there.
    entry: At,
    /// The entry whose bytes it shows: itself, or a hard link's target.
    content: At,
    /// Where its path is in `moved`, when a symbolic link above it leads elsewhere.
    moved: Option<u32>,
}

/// One path of the merged tree.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// Where it is in the tree: the entry's own path, unless a directory above it is a symbolic link of a lower layer.
    pub path: &'a [u8],
    /// The entry that stands there.
    pub entry: Entry<'a>,
    /// The layer that put it there, counted from 0 at the base.
    pub layer: usize,
    /// The length of the file it shows, through hard links.
    pub size_bytes: u64,
    /// The entry whose bytes it shows: its own, or that of a hard link's target.
    pub content: At,
}

impl<'a> FileTree<'a> {
    /// Applies `layers` one upon the other, from the base up.
    pub fn merge(layers: impl IntoIterator<Item = &'a LayerListing>) -> Self {
        let mut tree = Self {
            layers: Vec::new(),
            slots: Vec::new(),
            moved: Vec::new(),
            links: HashMap::new(),
            losses: Vec::new(),
            dangling_links: 0,
        };
        for layer in layers {
            tree.apply(layer);
        }
        tree
    }

    /// The paths of the tree, each directory right before what lies beneath it.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node<'_>> {
        self.slots.iter().map(|slot| self.node(slot))
    }

    /// What stands at `path`, in its normal form.
    pub fn get(&self, path: &[u8]) -> Option<Node<'_>> {
        self.position(path).map(|at| self.node(&self.slots[at]))
    }

    /// The files of `layer` whose bytes no path of the tree shows any more.
    pub fn losses(&self, layer: usize) -> &[Loss] {
        &self.losses[layer]
    }

    /// Hard links whose target is nowhere: such an image cannot be unpacked.
    pub fn dangling_links(&self) -> u32 {
        self.dangling_links
    }

    /// The bytes of all files, those with several names counted once.
    pub fn size_bytes(&self) -> u64 {
        // The content's own slot may be gone while another name shows it, so each content is counted at its first.
        let mut counted = HashSet::new();
        let is_first = |slot: &&Slot| !self.links.contains_key(&slot.content) || counted.insert(slot.content);
        self.slots.iter().filter(is_first).map(|slot| self.content_bytes(slot)).fold(0, u64::saturating_add)
    }

    fn apply(&mut self, layer: &'a LayerListing) {
        let index = u32::try_from(self.layers.len()).expect("a manifest holds far fewer layers");
        self.layers.push(layer);
        self.losses.push(Vec::new());
        let placed = self.place(layer, index);
        for double in &placed.doubles {
            self.lose(double, Manner::Overwritten, index);
        }
        let upper = self.link_contents(placed.slots);
        let lower = std::mem::take(&mut self.slots);
        let kept = self.remove_covered(&lower, &upper, &placed.covers, index);
        self.slots = self.interleave(kept, upper);
    }

    /// Finds what each hard link of a new layer shows, and counts its names.
    fn link_contents(&mut self, mut upper: Vec<Slot>) -> Vec<Slot> {
        for at in 0..upper.len() {
            if self.entry(upper[at].entry).kind != Kind::HardLink {
                continue;
            }
            match self.content_of_link(&upper, upper[at]) {
                Some(content) => {
                    upper[at].content = content;
                    *self.links.entry(content).or_insert(1) += 1;
                }
                None => self.dangling_links += 1,
            }
        }
        upper
    }

    /// Follows a hard link to a file, at most as often as there can be honest reason for.
    fn content_of_link(&self, upper: &[Slot], link: Slot) -> Option<At> {
        let layer = self.layers[link.entry.layer as usize];
        let mut slot = link;
        for _ in 0..place::LINKS_MAX {
            let target = self.through_links(layer, self.entry(slot.entry).link);
            let in_upper = upper.binary_search_by(|other| path::compare(self.path(other), &target));
            slot = match in_upper {
                Ok(found) => upper[found],
                Err(_) => self.slots[self.position(&target)?],
            };
            let is_settled = slot.entry != slot.content || self.entry(slot.entry).kind != Kind::HardLink;
            if is_settled {
                return Some(slot.content);
            }
        }
        None
    }

    /// The lower slots that the new layer leaves in place; the others are recorded as lost.
    fn remove_covered(
        &mut self,
        lower: &[Slot],
        upper: &[Slot],
        covers: &[place::Cover],
        by: u32,
    ) -> Vec<Slot> {
        let mut kept = Vec::with_capacity(lower.len() + upper.len());
        let mut shade = Shade::new(upper, covers);
        for slot in lower {
            match shade.over(self, self.path(slot)) {
                Some(manner) => self.lose(slot, manner, by),
                None => kept.push(*slot),
            }
        }
        kept
    }

    /// Records that one name of a file is gone, and the file with its last name.
    fn lose(&mut self, slot: &Slot, manner: Manner, by: u32) {
        let is_file = matches!(self.entry(slot.content).kind, Kind::File);
        if !is_file {
            return;
        }
        if let Some(names) = self.links.get_mut(&slot.content) {
            *names -= 1;
            if *names > 0 {
                return;
            }
        }
        let size_bytes = self.content_bytes(slot);
        let At { layer, entry } = slot.content;
        self.losses[layer as usize].push(Loss { entry, size_bytes, by: by as usize, manner });
    }

    /// Joins two sorted runs of slots that share no path.
    fn interleave(&self, mut kept: Vec<Slot>, upper: Vec<Slot>) -> Vec<Slot> {
        // The standard library's stable sort finds the two runs and merges them.
        kept.extend(upper);
        kept.sort_by(|a, b| path::compare(self.path(a), self.path(b)));
        kept
    }

    fn node(&self, slot: &Slot) -> Node<'_> {
        Node {
            path: self.path(slot),
            entry: self.entry(slot.entry),
            layer: slot.entry.layer as usize,
            size_bytes: self.content_bytes(slot),
            content: slot.content,
        }
    }

    fn position(&self, wanted: &[u8]) -> Option<usize> {
        self.slots.binary_search_by(|slot| path::compare(self.path(slot), wanted)).ok()
    }

    fn path(&self, slot: &Slot) -> &[u8] {
        match slot.moved {
            Some(at) => &self.moved[at as usize],
            None => self.entry(slot.entry).path,
        }
    }

    /// The entry that [`Node::content`] or a [`Loss`] names.
    ///
    /// # Panics
    /// When `at` comes from another tree.
    pub fn entry(&self, at: At) -> Entry<'a> {
        self.layers[at.layer as usize].entry(at.entry)
    }

    fn content_bytes(&self, slot: &Slot) -> u64 {
        self.entry(slot.content).size_bytes
    }
}

#[cfg(test)]
mod tests;
