//! Files to be copied: where they come from, and what becomes of them in a layer.
//!
//! A source is the context on this machine ([`local`]) or the merged layers of an image ([`layered`]), which are never
//! unpacked. Neither follows a symbolic link out of its root, whoever put it there.

pub(crate) mod archive;
pub(crate) mod layered;
pub(crate) mod local;
pub(crate) mod spool;

use std::io::{self, Read};
use std::sync::Arc;

use plimsoll_image::Kind;

use self::local::LocalTree;
use self::spool::Spool;
use crate::BuildError;

/// Symbolic links that are followed for one path, as in Linux (`path_resolution(7)`).
const LINKS_MAX: usize = 40;

/// An entry of a layer to be written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Item {
    /// Its path in the image, without a slash in front.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) size_bytes: u64,
    pub(crate) mode: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// A symbolic link's target as written, or the path of the file that a hard link names.
    pub(crate) link: Vec<u8>,
    /// The value of `security.capability`.
    pub(crate) capabilities: Vec<u8>,
    pub(crate) content: Content,
}

/// Where the content of a file is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Content {
    /// There is none.
    #[default]
    None,
    /// It is this.
    Inline(Arc<[u8]>),
    /// In the file at this path of the context.
    Local(Vec<u8>),
    /// In a layer, at this path.
    Layer { layer: usize, path: Vec<u8> },
    /// In the spool, from here on.
    Spooled(u64),
}

/// Where contents are read from.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) local: Option<Arc<LocalTree>>,
    pub(crate) spool: Option<Spool>,
}

impl Contents {
    /// Opens the content of an item.
    pub(crate) fn open(&self, item: &Item) -> io::Result<Box<dyn Read>> {
        match (&item.content, &self.local, &self.spool) {
            (Content::None, ..) => Ok(Box::new(io::empty())),
            (Content::Inline(bytes), ..) => Ok(Box::new(io::Cursor::new(Arc::clone(bytes)))),
            (Content::Local(path), Some(local), _) => Ok(Box::new(local.open(path)?)),
            (Content::Spooled(offset), _, Some(spool)) => Ok(Box::new(spool.read(*offset, item.size_bytes))),
            _ => Err(io::Error::other("its content is not at hand")),
        }
    }
}

/// An entry of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) mode: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size_bytes: u64,
    /// A symbolic link's target as written.
    pub(crate) link: Vec<u8>,
    pub(crate) content: Content,
    /// The same for all names of one file, where it has several.
    pub(crate) identity: Option<(u64, u64)>,
}

impl Entry {
    /// A directory that nobody has described.
    pub(crate) fn directory() -> Self {
        Self {
            kind: Kind::Directory,
            mode: 0o755,
            uid: 0,
            gid: 0,
            size_bytes: 0,
            link: Vec::new(),
            content: Content::None,
            identity: None,
        }
    }
}

/// Files and directories under one root. Paths have no slash in front; the root is empty.
pub(crate) trait Files {
    /// What messages call it.
    fn name(&self) -> String;

    /// What stands at a path, links in whose directories were followed already.
    fn look(&self, path: &[u8]) -> Result<Option<Entry>, BuildError>;

    /// The names in a directory, sorted.
    fn names(&self, directory: &[u8]) -> Result<Vec<Vec<u8>>, BuildError>;
}

/// Where a path leads within the root, when the links in it are followed; the last one only if that is asked.
///
/// What does not exist stays as it is written, without `..`.
pub(crate) fn resolve(files: &dyn Files, path: &[u8], follows_last: bool) -> Result<Vec<u8>, BuildError> {
    let mut open: Vec<Vec<u8>> = components(path).rev().map(<[u8]>::to_vec).collect();
    let mut done: Vec<u8> = Vec::new();
    let mut links = 0;
    while let Some(name) = open.pop() {
        if name == b".." {
            done.truncate(parent(&done).len());
            continue;
        }
        let candidate = join(&done, &name);
        let is_last = open.is_empty();
        let entry = if is_last && !follows_last { None } else { files.look(&candidate)? };
        match entry.filter(|entry| entry.kind == Kind::Symlink) {
            None => done = candidate,
            Some(link) => {
                links += 1;
                if links > LINKS_MAX {
                    let path = String::from_utf8_lossy(path).into_owned();
                    return Err(BuildError::wrong(format!(
                        "`{path}` leads through more than {LINKS_MAX} symbolic links"
                    )));
                }
                if link.link.starts_with(b"/") {
                    done.clear();
                }
                open.extend(components(&link.link).rev().map(<[u8]>::to_vec));
            }
        }
    }
    Ok(done)
}

/// The parts of a path, without empty ones and `.`.
pub(crate) fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".")
}

/// A path below another.
pub(crate) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    match (directory.is_empty(), name.is_empty()) {
        (true, _) => name.to_vec(),
        (_, true) => directory.to_vec(),
        _ => [directory, name].join(&b'/'),
    }
}

/// The directory that a path is in.
pub(crate) fn parent(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    path.get(..slash).unwrap_or_default()
}

/// The last part of a path.
pub(crate) fn last_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// The path without `.`, `..` and doubled slashes, and without a slash at either end; nothing leads above the root.
pub(crate) fn cleaned(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in components(path) {
        if part == b".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join(&b'/')
}
