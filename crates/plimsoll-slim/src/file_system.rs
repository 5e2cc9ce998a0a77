//! The file system that an image shows, as paths with their kinds: what symbolic links lead to is found without a disk.

use std::collections::HashMap;

use plimsoll_image::{FileTree, Kind};

/// Symbolic links that one path may lead through, as in Linux (path_resolution(7)).
const LINKS_MAX: usize = 40;

/// Components that one path may come to, links followed.
const COMPONENTS_MAX: usize = 4096;

/// A file's place in its [`FileSystem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

/// The file system of an image.
#[derive(Debug, Default)]
pub struct FileSystem {
    nodes: Vec<FileNode>,
    index: HashMap<Vec<u8>, NodeId>,
}

/// One path of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileNode {
    /// The path in its normal form: no slash in front; the root is empty.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// The file's length.
    pub size_bytes: u64,
    /// The permission bits with set-user-id, set-group-id and sticky.
    pub mode: u16,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// A symbolic link's target as written, or a hard link's target as a path in its normal form.
    pub link: Vec<u8>,
    /// The layer that put it there, counted from 0 at the base.
    pub layer: usize,
}

/// Where a path leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The symbolic links on the way, in the order in which they are followed.
    pub links: Vec<NodeId>,
    /// What is there in the end; nothing where the path leads nowhere.
    pub end: Option<NodeId>,
}

impl FileSystem {
    /// The file system that a merged tree shows.
    pub fn of(tree: &FileTree<'_>) -> Self {
        Self::of_nodes(tree.nodes().map(|node| FileNode {
            path: node.path.to_vec(),
            kind: node.entry.kind,
            size_bytes: node.size_bytes,
            mode: node.entry.mode,
            uid: node.entry.uid,
            gid: node.entry.gid,
            link: node.entry.link.to_vec(),
            layer: node.layer,
        }))
    }

    /// The file system of these paths, each directory before what lies beneath it.
    pub fn of_nodes(nodes: impl Iterator<Item = FileNode>) -> Self {
        let mut system = Self::default();
        for node in nodes {
            system.imply_directories(&node);
            system.push(node);
        }
        system
    }

    /// Adds the directories above a path that no layer names: runtimes make them when they unpack.
    fn imply_directories(&mut self, node: &FileNode) {
        if self.index.contains_key(node.directory()) {
            return;
        }
        let ends = node.path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in std::iter::once(0).chain(ends) {
            let path = node.path.get(..end).unwrap_or_default();
            if path.len() < node.path.len() && !self.index.contains_key(path) {
                self.push(FileNode {
                    path: path.to_vec(),
                    kind: Kind::Directory,
                    size_bytes: 0,
                    mode: 0o755,
                    uid: 0,
                    gid: 0,
                    link: Vec::new(),
                    layer: node.layer,
                });
            }
        }
    }

    fn push(&mut self, node: FileNode) {
        if let Ok(id) = u32::try_from(self.nodes.len()) {
            self.index.insert(node.path.clone(), NodeId(id));
            self.nodes.push(node);
        }
    }

    /// Every path, each directory right before what lies beneath it.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (NodeId, &FileNode)> {
        let id = |at: usize| NodeId(u32::try_from(at).unwrap_or(u32::MAX));
        self.nodes.iter().enumerate().map(move |(at, node)| (id(at), node))
    }

    /// A path of it; ids come from here alone.
    pub fn node(&self, id: NodeId) -> &FileNode {
        &self.nodes[id.0 as usize]
    }

    /// What stands at a path in its normal form, links not followed.
    pub fn get(&self, path: &[u8]) -> Option<NodeId> {
        self.index.get(path).copied()
    }

    /// What lies beneath a directory, at any depth.
    pub fn beneath(&self, directory: NodeId) -> impl Iterator<Item = (NodeId, &FileNode)> {
        let path = &self.node(directory).path;
        let from = directory.0 as usize + 1;
        let is_beneath = move |node: &FileNode| is_beneath(&node.path, path);
        self.nodes().skip(from).take_while(move |(_, node)| is_beneath(node))
    }

    /// Follows a path from the root, links and `..` as the kernel does; the last component too.
    pub fn resolve(&self, path: &[u8]) -> Resolved {
        self.walk(path, true)
    }

    /// The same, but what stands at the end is not followed.
    pub fn resolve_unfollowed(&self, path: &[u8]) -> Resolved {
        self.walk(path, false)
    }

    fn walk(&self, path: &[u8], follows_last: bool) -> Resolved {
        let mut resolved = Resolved::default();
        let mut left: Vec<Vec<u8>> = components(path).rev().map(<[u8]>::to_vec).collect();
        let mut here: Vec<u8> = Vec::new();
        for _ in 0..COMPONENTS_MAX {
            let Some(next) = left.pop() else {
                resolved.end = self.get(&here);
                return resolved;
            };
            if next == b".." {
                here.truncate(here.iter().rposition(|byte| *byte == b'/').unwrap_or(0));
                continue;
            }
            let parent = here.len();
            if parent > 0 {
                here.push(b'/');
            }
            here.extend_from_slice(&next);
            let Some(id) = self.get(&here) else { return resolved };
            let node = self.node(id);
            if node.kind != Kind::Symlink || (left.is_empty() && !follows_last) {
                continue;
            }
            if resolved.links.len() >= LINKS_MAX {
                return resolved;
            }
            resolved.links.push(id);
            here.truncate(if node.link.starts_with(b"/") { 0 } else { parent });
            left.extend(components(&node.link).rev().map(<[u8]>::to_vec));
        }
        resolved
    }

    /// The file at a path, links followed; nothing where it is no regular file.
    pub fn file(&self, path: &[u8]) -> Option<NodeId> {
        self.resolve(path).end.filter(|id| self.node(*id).is_file())
    }
}

impl FileNode {
    /// Whether it has content.
    pub fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File | Kind::HardLink)
    }

    /// Whether somebody may run it.
    pub fn is_executable(&self) -> bool {
        self.is_file() && self.mode & 0o111 != 0
    }

    /// The path's last component.
    pub fn name(&self) -> &[u8] {
        self.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }

    /// The path of the directory that it lies in.
    pub fn directory(&self) -> &[u8] {
        parent(&self.path)
    }
}

/// Whether a path lies beneath a directory, and is not the directory itself.
pub(crate) fn is_beneath(path: &[u8], directory: &[u8]) -> bool {
    match path.strip_prefix(directory) {
        Some(rest) => directory.is_empty() && !rest.is_empty() || rest.starts_with(b"/"),
        None => false,
    }
}

/// The path of the directory that a path lies in.
pub(crate) fn parent(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    path.get(..end).unwrap_or_default()
}

fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn node(path: &str, kind: Kind, link: &str) -> FileNode {
        FileNode {
            path: path.into(),
            kind,
            size_bytes: 0,
            mode: 0o755,
            uid: 0,
            gid: 0,
            link: link.into(),
            layer: 0,
        }
    }

    fn system() -> FileSystem {
        let nodes = [
            node("", Kind::Directory, ""),
            node("lib", Kind::Symlink, "usr/lib"),
            node("loop", Kind::Symlink, "loop"),
            node("usr", Kind::Directory, ""),
            node("usr/lib", Kind::Directory, ""),
            node("usr/lib/libz.so.1", Kind::Symlink, "libz.so.1.2"),
            node("usr/lib/libz.so.1.2", Kind::File, ""),
            node("usr/up", Kind::Symlink, "../../../../lib/./libz.so.1"),
        ];
        FileSystem::of_nodes(nodes.into_iter())
    }

    fn links(resolved: &Resolved, system: &FileSystem) -> Vec<String> {
        let path = |id: &NodeId| String::from_utf8(system.node(*id).path.clone()).unwrap();
        resolved.links.iter().map(path).collect()
    }

    #[test]
    fn every_link_on_the_way_is_told() {
        let system = system();
        let resolved = system.resolve(b"/usr/up");
        assert_eq!(links(&resolved, &system), ["usr/up", "lib", "usr/lib/libz.so.1"]);
        assert_eq!(resolved.end, system.get(b"usr/lib/libz.so.1.2"));
    }

    #[test]
    fn the_last_link_is_left_alone_where_that_is_asked() {
        let system = system();
        let resolved = system.resolve_unfollowed(b"/lib/libz.so.1");
        assert_eq!(links(&resolved, &system), ["lib"]);
        assert_eq!(resolved.end, system.get(b"usr/lib/libz.so.1"));
    }

    #[test]
    fn circles_and_missing_paths_lead_nowhere() {
        let system = system();
        assert_eq!(system.resolve(b"/loop").end, None);
        assert_eq!(system.resolve(b"/lib/none").end, None);
        assert_eq!(system.resolve(b"/").end, system.get(b""));
    }

    #[test]
    fn what_lies_beneath_is_found_and_no_neighbour_of_a_like_name() {
        let nodes = ["", "a", "a/b", "a-b"].map(|path| node(path, Kind::Directory, ""));
        let system = FileSystem::of_nodes(nodes.into_iter());
        let beneath: Vec<&[u8]> =
            system.beneath(system.get(b"a").unwrap()).map(|(_, node)| &*node.path).collect();
        assert_eq!(beneath, [b"a/b"]);
    }

    #[test]
    fn directories_that_no_layer_names_are_there_all_the_same() {
        let nodes = [node("usr/lib/x/liba.so", Kind::File, ""), node("usr/lib64", Kind::Symlink, "lib/x")];
        let system = FileSystem::of_nodes(nodes.into_iter());
        let paths: Vec<&[u8]> = system.nodes().map(|(_, node)| node.path.as_slice()).collect();
        assert_eq!(
            paths,
            ["", "usr", "usr/lib", "usr/lib/x", "usr/lib/x/liba.so", "usr/lib64"].map(str::as_bytes)
        );
        assert!(system.file(b"usr/lib64/liba.so").is_some());
    }
}
