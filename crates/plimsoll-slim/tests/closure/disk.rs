//! A directory of this machine as the file system of an image.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use plimsoll_image::Kind;
use plimsoll_sbom::Content;
use plimsoll_slim::closure::Contents;
use plimsoll_slim::file_system::{FileNode, FileSystem};

/// The tree beneath `root`, of which only the top-level names that `wanted` takes are entered.
pub(crate) fn file_system(root: &Path, wanted: fn(&str) -> bool) -> FileSystem {
    let mut nodes = Vec::new();
    walk(root, Path::new(""), wanted, &mut nodes);
    FileSystem::of_nodes(nodes.into_iter())
}

fn walk(root: &Path, path: &Path, wanted: fn(&str) -> bool, nodes: &mut Vec<FileNode>) {
    let Ok(metadata) = fs::symlink_metadata(root.join(path)) else { return };
    let kind = match metadata.file_type() {
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_symlink() => Kind::Symlink,
        kind if kind.is_file() => Kind::File,
        _ => return,
    };
    let link = fs::read_link(root.join(path)).unwrap_or_default();
    nodes.push(FileNode {
        path: path.as_os_str().as_bytes().to_vec(),
        kind,
        size_bytes: if kind == Kind::File { metadata.len() } else { 0 },
        mode: u16::try_from(metadata.mode() & 0o7777).unwrap(),
        uid: metadata.uid(),
        gid: metadata.gid(),
        link: link.as_os_str().as_bytes().to_vec(),
        layer: 0,
    });
    let is_entered = path.components().next().is_none_or(|top| wanted(&top.as_os_str().to_string_lossy()));
    if kind == Kind::Directory && is_entered {
        let mut names: Vec<_> = fs::read_dir(root.join(path))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        names.sort();
        names.iter().for_each(|name| walk(root, &path.join(name), wanted, nodes));
    }
}

/// The content of the files beneath a directory.
pub(crate) struct OnDisk(pub(crate) PathBuf);

impl Contents for OnDisk {
    fn open(&mut self, path: &[u8]) -> io::Result<Box<dyn Content + '_>> {
        let file = File::open(self.0.join(std::ffi::OsStr::from_bytes(path)))?;
        Ok(Box::new(file))
    }
    fn modified_unix(&mut self, path: &[u8]) -> io::Result<u64> {
        let metadata = fs::metadata(self.0.join(std::ffi::OsStr::from_bytes(path)))?;
        Ok(u64::try_from(metadata.mtime()).unwrap_or_default())
    }
}
