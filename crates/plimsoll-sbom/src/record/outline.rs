use std::io;

use plimsoll_image::OwnedEntry;

use crate::FileEntry;

/// The entries of a layer that decide what an image shows: links, executables, files with facts, and whiteouts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Entries in the order of the archive.
    pub entries: Vec<Outlined>,
    /// Paths of lower layers that are hidden; `true` stands for an opaque directory.
    pub whiteouts: Vec<(Vec<u8>, bool)>,
}

/// One entry of an outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlined {
    /// The entry.
    pub entry: OwnedEntry,
    /// Whether it is a program or a shared library.
    pub is_executable: bool,
}

const ENTRY: u8 = 0;
const EXECUTABLE: u8 = 1;
const WHITEOUT: u8 = 2;
const OPAQUE: u8 = 3;

pub(super) fn encode_entry(outlined: &Outlined, out: &mut Vec<u8>) {
    out.push(if outlined.is_executable { EXECUTABLE } else { ENTRY });
    encode(&outlined.entry, out);
}

pub(super) fn encode_whiteout(path: &[u8], is_opaque: bool, out: &mut Vec<u8>) {
    out.push(if is_opaque { OPAQUE } else { WHITEOUT });
    encode(&OwnedEntry { path: path.to_vec(), ..OwnedEntry::default() }, out);
}

fn encode(entry: &OwnedEntry, out: &mut Vec<u8>) {
    FileEntry { entry: entry.clone(), digest: None }.encode(0, out);
}

impl Outline {
    pub(super) fn decode(mut bytes: &[u8]) -> io::Result<Self> {
        let mut outline = Self::default();
        while let Some((tag, rest)) = bytes.split_first() {
            bytes = rest;
            let entry = FileEntry::decode(&[], &mut bytes)?.entry;
            match *tag {
                WHITEOUT => outline.whiteouts.push((entry.path, false)),
                OPAQUE => outline.whiteouts.push((entry.path, true)),
                tag => outline.entries.push(Outlined { entry, is_executable: tag == EXECUTABLE }),
            }
        }
        Ok(outline)
    }
}
