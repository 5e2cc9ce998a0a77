//! The lock: why each file of a smaller image is there, and what went. It is made to be kept in a repository and to be
//! compared line by line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use plimsoll_image::Kind;
use plimsoll_oci::Digest;
use serde::{Deserialize, Serialize};

use crate::closure::Ownership;
use crate::keep::KeepList;

/// The version of the form.
const VERSION: u32 = 1;

/// Longest lock that is read.
pub const LOCK_BYTES_MAX: u64 = 256 << 20;

/// What a lock says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The version of the form.
    pub version: u32,
    /// The image that was made smaller.
    pub image: Digest,
    /// The smaller image.
    pub smaller: Digest,
    /// The length of all files before, in bytes.
    pub bytes_before: u64,
    /// The length of all files after.
    pub bytes_after: u64,
    /// The kept files, by path, each with its reasons. Directories are left out.
    pub kept: BTreeMap<String, Vec<String>>,
    /// The files that went, by path, each with the package that brought it.
    pub removed: BTreeMap<String, String>,
}

/// Why a text is no lock.
#[derive(Debug, thiserror::Error)]
pub enum ReadLockError {
    /// It is not written as one.
    #[error("it is not a lock of `plimsoll slim`")]
    Json(#[from] serde_json::Error),
    /// Of another version.
    #[error("it has version {0}, and only version {VERSION} is known")]
    Version(u32),
}

impl Lock {
    /// What is to be said of a keep list.
    pub fn new(list: &KeepList<'_>, ownership: &Ownership, image: Digest, smaller: Digest) -> Self {
        let is_file = |kind: Kind| kind != Kind::Directory;
        let kept = list
            .kept()
            .filter(|(node, _)| is_file(node.kind))
            .map(|(node, reasons)| (text(&node.path), reasons.iter().map(ToString::to_string).collect()));
        let removed = list.removed().filter(|(_, node)| is_file(node.kind)).map(|(id, node)| {
            let owner = ownership.owners(id).next().map_or(String::new(), |package| package.name.clone());
            (text(&node.path), owner)
        });
        let removed_bytes = list.removed().map(|(_, node)| node.size_bytes).fold(0, u64::saturating_add);
        let kept_before = list.kept().map(|(node, _)| node.size_bytes).fold(0, u64::saturating_add);
        Self {
            version: VERSION,
            image,
            smaller,
            bytes_before: removed_bytes.saturating_add(kept_before),
            bytes_after: list.size_bytes(),
            kept: kept.collect(),
            removed: removed.collect(),
        }
    }

    /// Reads one.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReadLockError> {
        let lock: Self = serde_json::from_slice(bytes)?;
        if lock.version == VERSION { Ok(lock) } else { Err(ReadLockError::Version(lock.version)) }
    }

    /// Its text: JSON with a line for each file, so that a change of one file is a change of one line.
    pub fn print(&self) -> String {
        let mut text = String::from("{\n");
        // Writing to a string does not fail.
        let _ = writeln!(text, "  \"version\": {},", self.version);
        let _ = writeln!(text, "  \"image\": \"{}\",", self.image);
        let _ = writeln!(text, "  \"smaller\": \"{}\",", self.smaller);
        let _ = writeln!(text, "  \"bytes_before\": {},", self.bytes_before);
        let _ = writeln!(text, "  \"bytes_after\": {},", self.bytes_after);
        print_map(&mut text, "kept", &self.kept);
        text.push_str(",\n");
        print_map(&mut text, "removed", &self.removed);
        text.push_str("\n}\n");
        text
    }
}

fn print_map(text: &mut String, name: &str, map: &BTreeMap<String, impl Serialize>) {
    let _ = write!(text, "  \"{name}\": {{");
    for (index, (path, value)) in map.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Texts and lists of texts always have a form in JSON.
        let [path, value] =
            [serde_json::to_string(path), serde_json::to_string(value)].map(Result::unwrap_or_default);
        let _ = write!(text, "{comma}\n    {path}: {value}");
    }
    text.push_str("\n  }");
}

/// A path with its slash; bytes that are no text are written as `\xNN`, and a backslash twice.
pub fn text(path: &[u8]) -> String {
    let mut text = String::from("/");
    for chunk in path.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_again_and_has_a_line_for_each_file() {
        let lock = Lock {
            version: VERSION,
            image: Digest::sha256_of(b"a"),
            smaller: Digest::sha256_of(b"b"),
            bytes_before: 10,
            bytes_after: 1,
            kept: BTreeMap::from([("/a \"b\"".into(), vec!["traced:open".into(), "link:x".into()])]),
            removed: BTreeMap::from([(text(b"\xff\\"), "perl-base".into()), ("/c".into(), String::new())]),
        };
        let printed = lock.print();
        assert_eq!(Lock::parse(printed.as_bytes()).unwrap(), lock);
        assert!(printed.contains("\n    \"/a \\\"b\\\"\": [\"traced:open\",\"link:x\"]\n"), "{printed}");
        assert!(lock.removed.contains_key("/\\xff\\\\"));
    }

    #[test]
    fn other_versions_are_refused() {
        let lock = Lock {
            version: 2,
            image: Digest::sha256_of(b"a"),
            smaller: Digest::sha256_of(b"b"),
            bytes_before: 0,
            bytes_after: 0,
            kept: BTreeMap::new(),
            removed: BTreeMap::new(),
        };
        assert!(matches!(Lock::parse(lock.print().as_bytes()), Err(ReadLockError::Version(2))));
    }
}
