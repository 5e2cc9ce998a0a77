//! The smaller image's one layer: a tar that depends on the files alone.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use plimsoll_image::Kind;
use tar::{Builder, EntryType, Header};

use super::KeepList;
use crate::closure::Contents;
use crate::file_system::FileNode;

/// Why the layer could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `/{path}` to the layer")]
pub struct WriteLayerError {
    path: String,
    #[source]
    source: io::Error,
}

/// Writes the kept files as a layer: in the order of their paths, with the owners, modes and times that they have.
pub fn write_layer(
    list: &KeepList<'_>,
    contents: &mut dyn Contents,
    layer: impl Write,
) -> Result<(), WriteLayerError> {
    let mut writer = Writer { list, tar: Builder::new(layer), targets: BTreeMap::new() };
    for (node, _) in list.kept() {
        writer.write(node, contents).map_err(|source| failed(&node.path, source))?;
    }
    writer.tar.into_inner().and_then(|mut layer| layer.flush()).map_err(|source| failed(b"", source))
}

struct Writer<'k, 'a, W: Write> {
    list: &'k KeepList<'a>,
    tar: Builder<W>,
    /// Which written file each file with several names stands for.
    targets: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl<W: Write> Writer<'_, '_, W> {
    fn write(&mut self, node: &FileNode, contents: &mut dyn Contents) -> io::Result<()> {
        if node.path.is_empty() {
            return Ok(());
        }
        let mut header = Header::new_gnu();
        header.set_mode(self.list.mode(node).into());
        header.set_uid(node.uid.into());
        header.set_gid(node.gid.into());
        header.set_mtime(0);
        header.set_size(0);
        match node.kind {
            Kind::Directory => {
                header.set_entry_type(EntryType::Directory);
                let path = [&node.path, &b"/"[..]].concat();
                self.tar.append_data(&mut header, path_of(&path), io::empty())
            }
            Kind::Symlink => {
                header.set_entry_type(EntryType::Symlink);
                self.tar.append_link(&mut header, path_of(&node.path), path_of(&node.link))
            }
            Kind::File | Kind::HardLink => self.write_file(node, header, contents),
            // Runtimes make those that programs need.
            Kind::CharDevice | Kind::BlockDevice | Kind::Fifo => Ok(()),
        }
    }

    fn write_file(
        &mut self,
        node: &FileNode,
        mut header: Header,
        contents: &mut dyn Contents,
    ) -> io::Result<()> {
        header.set_entry_type(EntryType::Regular);
        if let Some(content) = self.list.written(&node.path) {
            header.set_size(content.len() as u64);
            return self.tar.append_data(&mut header, path_of(&node.path), content);
        }
        let first = if node.kind == Kind::HardLink { &node.link } else { &node.path };
        if let Some(target) = self.targets.get(first) {
            header.set_entry_type(EntryType::Link);
            return self.tar.append_link(&mut header, path_of(&node.path), path_of(target));
        }
        self.targets.insert(first.clone(), node.path.clone());
        header.set_size(node.size_bytes);
        header.set_mtime(contents.modified_unix(&node.path)?);
        let mut content = Exactly { content: contents.open(&node.path)?, left: node.size_bytes };
        self.tar.append_data(&mut header, path_of(&node.path), &mut content)
    }
}

/// Reads as many bytes as the header announced; fewer are an error, which a tar cannot hold.
struct Exactly<R> {
    content: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        let count = self.content.read(out.get_mut(..wanted).unwrap_or_default())?;
        if count == 0 && wanted > 0 {
            return Err(io::Error::other("the file is shorter than it was"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

fn path_of(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

fn failed(path: &[u8], source: io::Error) -> WriteLayerError {
    WriteLayerError { path: String::from_utf8_lossy(path).into_owned(), source }
}
