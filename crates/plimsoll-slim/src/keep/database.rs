//! The databases of package managers, rewritten so that they tell of what is there.

use std::io::Read as _;

use super::KeepList;
use crate::closure::{Contents, Ownership};
use crate::file_system::{FileNode, NodeId};

/// Longest database that is written anew.
const DATABASE_BYTES_MAX: u64 = 64 << 20;

impl KeepList<'_> {
    pub(super) fn write_databases(&mut self, contents: &mut dyn Contents, ownership: &Ownership) {
        self.write_dpkg(contents, ownership);
        self.write_apk(contents);
    }

    /// The text of a database, and where it really stands.
    pub(super) fn database(&self, contents: &mut dyn Contents, path: &str) -> Option<(NodeId, String)> {
        let id = self.system.file(path.as_bytes())?;
        let node = self.system.node(id);
        Some((id, read(contents, node)?))
    }
}

pub(super) fn read(contents: &mut dyn Contents, node: &FileNode) -> Option<String> {
    if node.size_bytes > DATABASE_BYTES_MAX {
        return None;
    }
    let mut bytes = Vec::new();
    contents.open(&node.path).ok()?.take(DATABASE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The paragraphs of a text, which empty lines part.
pub(super) fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n").map(|part| part.trim_matches('\n')).filter(|part| !part.is_empty())
}

/// The value of a field that stands on one line.
pub(super) fn field<'t>(paragraph: &'t str, name: &str) -> Option<&'t str> {
    paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
