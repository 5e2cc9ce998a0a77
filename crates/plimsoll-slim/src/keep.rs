//! The keep list: which files the smaller image has, and what of the packages' databases stays true of it.

mod apk;
mod database;
mod dpkg;
mod layer;

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_image::Kind;

use crate::closure::{Contents, Kept, Ownership};
use crate::file_system::{FileNode, FileSystem, NodeId};
use crate::trace::{Touch, Trace};
use crate::{Cause, Reason};

pub use layer::{WriteLayerError, write_layer};

/// Set-user-id and set-group-id.
const RUNS_AS_OTHERS: u16 = 0o6000;

/// What the smaller image has.
#[derive(Debug)]
pub struct KeepList<'a> {
    system: &'a FileSystem,
    kept: BTreeMap<NodeId, BTreeSet<Reason>>,
    /// Files that are written anew, by their paths.
    written: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The packages of the system of which something is kept.
    packages: BTreeSet<String>,
}

/// A removed path that a program asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The path in the image, with a slash in front.
    pub path: String,
    /// How it was asked for.
    pub touch: Touch,
}

impl<'a> KeepList<'a> {
    /// Makes the list from what was found to be needed.
    pub fn new(
        system: &'a FileSystem,
        contents: &mut dyn Contents,
        ownership: &Ownership,
        kept: Kept,
    ) -> Self {
        let mut list = Self { system, kept: kept.files, written: BTreeMap::new(), packages: BTreeSet::new() };
        let has_kept_file =
            |id: &&NodeId| list.kept.contains_key(id) && system.node(**id).kind != Kind::Directory;
        let of_system = ownership.packages().iter().filter(|package| !package.is_python);
        list.packages = of_system
            .filter(|package| package.files.iter().any(|id| has_kept_file(&id)))
            .map(|package| package.name.clone())
            .collect();
        list.write_databases(contents, ownership);
        list
    }

    /// The kept paths in their order, each with its reasons.
    pub fn kept(&self) -> impl ExactSizeIterator<Item = (&'a FileNode, &BTreeSet<Reason>)> {
        self.kept.iter().map(|(id, reasons)| (self.system.node(*id), reasons))
    }

    /// The paths that go.
    pub fn removed(&self) -> impl Iterator<Item = (NodeId, &'a FileNode)> {
        let system = self.system;
        system.nodes().filter(|(id, _)| !self.kept.contains_key(id))
    }

    /// The packages of the system of which something is kept.
    pub fn packages(&self) -> &BTreeSet<String> {
        &self.packages
    }

    /// The length of all files of the smaller image together.
    pub fn size_bytes(&self) -> u64 {
        self.kept().map(|(node, _)| self.length(node)).fold(0, u64::saturating_add)
    }

    /// The content of a file that is written anew.
    pub fn written(&self, path: &[u8]) -> Option<&[u8]> {
        self.written.get(path).map(Vec::as_slice)
    }

    /// Every file that is written anew.
    pub fn all_written(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.written.iter().map(|(path, content)| (path.as_slice(), content.as_slice()))
    }

    /// The permission bits that a path has in the smaller image. Nothing runs as another user unless somebody asked for
    /// just that file: the tests ran without such rights too.
    pub fn mode(&self, node: &FileNode) -> u16 {
        let asked = |reasons: &BTreeSet<Reason>| reasons.iter().any(|reason| reason.cause == Cause::Asked);
        let is_asked = self.system.get(&node.path).and_then(|id| self.kept.get(&id)).is_some_and(asked);
        if node.is_file() && !is_asked { node.mode & !RUNS_AS_OTHERS } else { node.mode }
    }

    /// What programs asked for that goes: where anything is told, the smaller image does not do what the image did.
    pub fn missed(&self, trace: &Trace) -> Vec<Missed> {
        let counts = |touch: &&Touch| !matches!(touch, Touch::Change | Touch::LookAtLink);
        let mut missed = BTreeMap::new();
        for (path, touches) in &trace.touched {
            let Some(touch) = touches.iter().find(counts) else { continue };
            let resolved = self.system.resolve(path);
            for id in resolved.links.into_iter().chain(resolved.end) {
                if !self.kept.contains_key(&id) {
                    let path = format!("/{}", String::from_utf8_lossy(&self.system.node(id).path));
                    missed.entry(path).or_insert(*touch);
                }
            }
        }
        missed.into_iter().map(|(path, touch)| Missed { path, touch }).collect()
    }

    fn length(&self, node: &FileNode) -> u64 {
        self.written(&node.path).map_or(node.size_bytes, |content| content.len() as u64)
    }

    fn is_kept(&self, id: NodeId) -> bool {
        self.kept.contains_key(&id)
    }

    /// Puts a database in the place of the one that tells of packages that are gone.
    fn write(&mut self, id: NodeId, content: Vec<u8>) {
        self.written.insert(self.system.node(id).path.clone(), content);
        let reason = Reason::new(Cause::PackageDatabase, "written anew");
        self.kept.insert(id, BTreeSet::from([reason]));
        let mut path = self.system.node(id).directory();
        while let Some(parent) = self.system.get(path) {
            self.kept.entry(parent).or_default();
            if path.is_empty() {
                break;
            }
            path = crate::file_system::parent(path);
        }
    }
}

#[cfg(test)]
mod tests;
