use std::io;

use plimsoll_image::{Kind, OwnedEntry};

/// One file of a layer, as the index keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileEntry {
    /// The entry itself.
    pub entry: OwnedEntry,
    /// The SHA-256 digest of a regular file's content; sparse files have none.
    pub digest: Option<[u8; 32]>,
}

/// The kinds in the order of their numbers on disk.
const KINDS: [Kind; 7] = [
    Kind::File,
    Kind::Directory,
    Kind::Symlink,
    Kind::HardLink,
    Kind::CharDevice,
    Kind::BlockDevice,
    Kind::Fifo,
];

const HAS_DIGEST: u8 = 1 << 4;
const IS_SPARSE: u8 = 1 << 5;
const HAS_CAPABILITIES: u8 = 1 << 6;

impl FileEntry {
    /// Writes the entry behind one whose path begins with the same `shared` bytes.
    pub(crate) fn encode(&self, shared: usize, out: &mut Vec<u8>) {
        let Self { entry, digest } = self;
        let kind = KINDS.iter().position(|kind| *kind == entry.kind).unwrap_or(0);
        let mut flags = u8::try_from(kind).unwrap_or(0);
        flags |= if digest.is_some() { HAS_DIGEST } else { 0 };
        flags |= if entry.is_sparse { IS_SPARSE } else { 0 };
        flags |= if entry.has_capabilities { HAS_CAPABILITIES } else { 0 };
        out.push(flags);
        put_number(shared as u64, out);
        put_text(&entry.path[shared..], out);
        for number in [entry.size_bytes, entry.mode.into(), entry.uid.into(), entry.gid.into()] {
            put_number(number, out);
        }
        if matches!(entry.kind, Kind::Symlink | Kind::HardLink) {
            put_text(&entry.link, out);
        }
        out.extend_from_slice(digest.as_ref().map_or(&[], |digest| digest.as_slice()));
    }

    /// Reads an entry, whose path may begin as `before` does.
    pub(crate) fn decode(before: &[u8], bytes: &mut &[u8]) -> io::Result<Self> {
        let flags = take(bytes, 1)?[0];
        let kind = *KINDS.get(usize::from(flags & 0xf)).ok_or_else(damaged)?;
        let shared = take_length(bytes)?;
        let mut path = before.get(..shared).ok_or_else(damaged)?.to_vec();
        path.extend_from_slice(take_text(bytes)?);
        let mut entry = OwnedEntry { path, kind, is_sparse: flags & IS_SPARSE != 0, ..OwnedEntry::default() };
        entry.has_capabilities = flags & HAS_CAPABILITIES != 0;
        entry.size_bytes = take_number(bytes)?;
        entry.mode = u16::try_from(take_number(bytes)?).map_err(|_| damaged())?;
        entry.uid = u32::try_from(take_number(bytes)?).map_err(|_| damaged())?;
        entry.gid = u32::try_from(take_number(bytes)?).map_err(|_| damaged())?;
        if matches!(kind, Kind::Symlink | Kind::HardLink) {
            entry.link = take_text(bytes)?.to_vec();
        }
        let digest = match flags & HAS_DIGEST {
            0 => None,
            _ => Some(take(bytes, 32)?.try_into().map_err(|_| damaged())?),
        };
        Ok(Self { entry, digest })
    }
}

/// How many bytes two paths share at their beginning.
pub(super) fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Writes a number in groups of seven bits, the low ones first.
pub(super) fn put_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

pub(super) fn put_text(text: &[u8], out: &mut Vec<u8>) {
    put_number(text.len() as u64, out);
    out.extend_from_slice(text);
}

pub(super) fn take_number(bytes: &mut &[u8]) -> io::Result<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(damaged())
}

pub(super) fn take_text<'b>(bytes: &mut &'b [u8]) -> io::Result<&'b [u8]> {
    let length = take_length(bytes)?;
    take(bytes, length)
}

fn take_length(bytes: &mut &[u8]) -> io::Result<usize> {
    usize::try_from(take_number(bytes)?).map_err(|_| damaged())
}

fn take<'b>(bytes: &mut &'b [u8], length: usize) -> io::Result<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or_else(damaged)?;
    *bytes = rest;
    Ok(taken)
}

/// The index is not as it was written.
pub(super) fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the layer record's file index is damaged")
}
