use std::iter::Peekable;
use std::slice::Iter;

use super::place::Cover;
use super::{FileTree, Manner, Slot};
use crate::Kind;
use crate::layer::path;

/// What a new layer throws over the paths below it. Asked in path order, it walks the layer's entries and whiteouts
/// once.
pub(super) struct Shade<'a> {
    upper: Peekable<Iter<'a, Slot>>,
    covers: Peekable<Iter<'a, Cover>>,
    /// The outermost whiteout that may reach the path asked for.
    cover: Option<&'a Cover>,
    /// The outermost entry that is no directory, and so leaves nothing beneath it.
    blocker: Option<&'a Slot>,
}

impl<'a> Shade<'a> {
    pub(super) fn new(upper: &'a [Slot], covers: &'a [Cover]) -> Self {
        Self { upper: upper.iter().peekable(), covers: covers.iter().peekable(), cover: None, blocker: None }
    }

    /// What happens to the lower entry at `here`; `None` when it stays.
    pub(super) fn over(&mut self, tree: &FileTree<'_>, here: &[u8]) -> Option<Manner> {
        self.advance_covers(here);
        self.advance_upper(tree, here);
        let is_replaced = self.upper.peek().is_some_and(|slot| tree.path(slot) == here);
        let is_blocked = self.blocker.is_some_and(|slot| path::is_beneath(here, tree.path(slot)));
        let is_covered = self.cover.is_some_and(|cover| cover.hides(here));
        match (is_replaced, is_blocked || is_covered) {
            (true, _) => Some(Manner::Overwritten),
            (false, true) => Some(Manner::Deleted),
            (false, false) => None,
        }
    }

    fn advance_covers(&mut self, here: &[u8]) {
        while let Some(cover) = self.covers.next_if(|cover| path::compare(cover.path(), here).is_le()) {
            let is_within = self.cover.is_some_and(|outer| outer.hides(cover.path()));
            if !is_within {
                self.cover = Some(cover);
            }
        }
    }

    fn advance_upper(&mut self, tree: &FileTree<'_>, here: &[u8]) {
        while let Some(slot) = self.upper.next_if(|slot| path::compare(tree.path(slot), here).is_lt()) {
            let is_within =
                self.blocker.is_some_and(|outer| path::is_beneath(tree.path(slot), tree.path(outer)));
            if !is_within && tree.entry(slot.entry).kind != Kind::Directory {
                self.blocker = Some(slot);
            }
        }
    }
}
