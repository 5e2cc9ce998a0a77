//! Archives that `ADD` unpacks: tar, plain or in gzip or Zstandard.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};

use plimsoll_image::{Decoder, Found, Kind, LayerAlgorithms, LayerWalk, Limits, OwnedEntry, ReadLayerError};
use plimsoll_oci::Algorithm;

use super::spool::SpoolWriter;
use super::{Content, Item};
use crate::BuildError;

const BLOCK: usize = 512;
/// Where the header keeps the sum of its bytes.
const SUM: std::ops::Range<usize> = 148..156;
/// How compressed files begin that are tar archives often, and that nobody here can read.
const FOREIGN: [(&[u8], &str); 2] = [(b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz")];

/// Whether a file is an archive that `ADD` unpacks.
pub(crate) fn is_archive(file: &mut File, path: &str) -> Result<bool, BuildError> {
    let failed = |source| BuildError::Content { path: path.to_owned(), source };
    let mut first = Vec::new();
    file.take(8).read_to_end(&mut first).map_err(failed)?;
    if let Some((_, name)) = FOREIGN.iter().find(|(magic, _)| first.starts_with(magic)) {
        let what = format!("`{path}` is compressed with {name}, which is not unpacked here");
        return Err(BuildError::wrong(what).help("compress it with gzip or zstd, or add --unpack=false"));
    }
    file.rewind().map_err(failed)?;
    let limits = Limits::default();
    let mut block = Vec::new();
    let decoder = Decoder::new(&mut *file, Algorithm::Sha256, &limits).map_err(failed)?;
    // What cannot be decoded is no archive, and is copied as it is.
    let is_tar = decoder.take(BLOCK as u64).read_to_end(&mut block).is_ok() && is_header(&block);
    file.rewind().map_err(failed)?;
    Ok(is_tar)
}

/// The members of an archive, with their contents in the spool.
pub(crate) fn unpack(file: File, path: &str, spool: &mut SpoolWriter) -> Result<Vec<Item>, BuildError> {
    let unreadable =
        |source: ReadLayerError| BuildError::Archive { path: path.to_owned(), source: Box::new(source) };
    let limits = Limits::default();
    let mut walk = LayerWalk::new(file, LayerAlgorithms::default(), &limits).map_err(unreadable)?;
    let mut items = Vec::new();
    while let Some(found) = walk.next().map_err(unreadable)? {
        let Found::Entry(entry) = found else {
            let what = format!("`{path}` holds a file `.wh.…`, which deletes others in an image");
            return Err(BuildError::wrong(what).help("rename it in the archive"));
        };
        items.extend(item(entry, &mut walk, path, spool)?);
    }
    walk.finish().map_err(unreadable)?;
    Ok(items)
}

fn item(
    entry: OwnedEntry,
    walk: &mut LayerWalk<'_>,
    path: &str,
    spool: &mut SpoolWriter,
) -> Result<Option<Item>, BuildError> {
    let member = String::from_utf8_lossy(&entry.path).into_owned();
    match entry.kind {
        Kind::CharDevice | Kind::BlockDevice => {
            return Err(BuildError::wrong(format!("`{member}` in `{path}` is a device")));
        }
        Kind::File if entry.is_sparse => {
            return Err(BuildError::wrong(format!("`{member}` in `{path}` is a sparse file")));
        }
        _ => {}
    }
    let mut item = Item {
        path: entry.path,
        kind: entry.kind,
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        link: entry.link,
        capabilities: entry.capabilities,
        ..Item::default()
    };
    if item.kind == Kind::File {
        let taken = spool.take(walk.content());
        let failed = |source: io::Error| BuildError::Content { path: format!("{path}: {member}"), source };
        let (offset, size_bytes) = taken.map_err(failed)?;
        item.size_bytes = size_bytes;
        item.content = Content::Spooled(offset);
    }
    Ok(Some(item).filter(|item| !item.path.is_empty()))
}

/// Whether a block is a tar header: its sum is right (POSIX.1-2017, `pax`, "ustar Interchange Format").
fn is_header(block: &[u8]) -> bool {
    let Some(field) = block.get(SUM).filter(|_| block.len() == BLOCK) else { return false };
    let digits = String::from_utf8_lossy(field);
    let digits = digits.trim_matches(['\0', ' ']);
    let sum = |(at, byte): (usize, &u8)| if SUM.contains(&at) { 32 } else { u32::from(*byte) };
    u32::from_str_radix(digits, 8) == Ok(block.iter().enumerate().map(sum).sum())
}
