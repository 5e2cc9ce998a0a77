//! Names of plug-ins among a program's constants.

use std::collections::BTreeSet;
use std::io::{Read as _, SeekFrom};

use memchr::memmem::Finder;
use plimsoll_sbom::{Content, Linkage, ReadFault};

/// Bytes of constants that are read of one file.
const CONSTANTS_BYTES_MAX: u64 = 128 << 20;

/// Names that are taken from one file.
const NAMES_MAX: usize = 4096;

/// How much is looked at in one piece; a name must fit between two.
const PIECE_BYTES: usize = 1 << 20;

/// Longest name.
const NAME_BYTES_MAX: usize = 512;

/// What a program names.
#[derive(Debug, Default)]
pub(super) struct PlugIns {
    /// Shared libraries, by name or path.
    pub(super) libraries: BTreeSet<Vec<u8>>,
    /// Modules of Debian's Node.js, which lie outside the program.
    pub(super) modules: BTreeSet<Vec<u8>>,
}

/// Finds them: every text with `.so` in it, and those that lead to Node's modules.
pub(super) fn plug_ins(content: &mut dyn Content, linkage: &Linkage) -> Result<PlugIns, ReadFault> {
    let mut found = PlugIns::default();
    let mut left = CONSTANTS_BYTES_MAX;
    for (offset, size) in &linkage.constants {
        content.seek(SeekFrom::Start(*offset))?;
        let size = (*size).min(left);
        left -= size;
        search(&mut content.take(size), &mut found)?;
    }
    Ok(found)
}

/// Whether a file has one of these texts anywhere: the names of functions stand in a table of their own.
pub(super) fn mentions(content: &mut dyn Content, texts: &[&[u8]]) -> Result<bool, ReadFault> {
    content.seek(SeekFrom::Start(0))?;
    let finders: Vec<Finder<'_>> = texts.iter().map(Finder::new).collect();
    let mut stream = content.take(CONSTANTS_BYTES_MAX);
    let mut piece: Vec<u8> = Vec::with_capacity(PIECE_BYTES);
    loop {
        let overlap = piece.len().min(NAME_BYTES_MAX);
        piece.drain(..piece.len() - overlap);
        let read = (&mut stream).take((PIECE_BYTES - overlap) as u64).read_to_end(&mut piece)?;
        if finders.iter().any(|finder| finder.find(&piece).is_some()) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
    }
}

fn search(stream: &mut impl std::io::Read, found: &mut PlugIns) -> Result<(), ReadFault> {
    let (libraries, modules) = (Finder::new(b".so"), Finder::new(b"/usr/share/nodejs/"));
    let mut piece: Vec<u8> = Vec::with_capacity(PIECE_BYTES);
    loop {
        // What stood at the end is looked at again: a name may lie across two pieces.
        let overlap = piece.len().min(2 * NAME_BYTES_MAX);
        piece.drain(..piece.len() - overlap);
        let room = (PIECE_BYTES - overlap) as u64;
        let read = stream.take(room).read_to_end(&mut piece)?;
        collect(&libraries, &piece, &mut found.libraries, is_library);
        collect(&modules, &piece, &mut found.modules, |name| name.contains(&b'.'));
        if read == 0 {
            return Ok(());
        }
    }
}

fn collect(finder: &Finder<'_>, piece: &[u8], names: &mut BTreeSet<Vec<u8>>, wanted: fn(&[u8]) -> bool) {
    for at in finder.find_iter(piece) {
        if names.len() >= NAMES_MAX {
            return;
        }
        let name = text_around(piece, at);
        if name.len() <= NAME_BYTES_MAX && wanted(name) {
            names.insert(name.to_vec());
        }
    }
}

/// The printable text that a place lies in.
fn text_around(bytes: &[u8], at: usize) -> &[u8] {
    let (before, after) = bytes.split_at(at);
    let start = before.iter().rposition(|byte| !is_of_name(*byte)).map_or(0, |end| end + 1);
    let end = after.iter().position(|byte| !is_of_name(*byte)).map_or(bytes.len(), |length| at + length);
    bytes.get(start..end).unwrap_or_default()
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b':' | b',' | b';' | b'(' | b')')
}

/// Whether a text is `name.so` or `name.so.` with numbers.
fn is_library(name: &[u8]) -> bool {
    let Some(at) = memchr::memmem::rfind(name, b".so") else { return false };
    let version = name.get(at + 3..).unwrap_or_default();
    at > 0
        && !name.contains(&b'%')
        && (version.is_empty() || version.starts_with(b"."))
        && version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn libraries(bytes: &[u8]) -> Vec<String> {
        let mut found = PlugIns::default();
        search(&mut std::io::Cursor::new(bytes), &mut found).unwrap();
        found.libraries.into_iter().map(|name| String::from_utf8(name).unwrap()).collect()
    }

    #[test]
    fn names_of_libraries_are_found_among_other_texts() {
        let bytes = b"\0libgcc_s.so.1\0/usr/lib/x.so\0.so\0a.sock\0lib%s.so\0cannot load libz.so.1: it\0";
        assert_eq!(libraries(bytes), ["/usr/lib/x.so", "libgcc_s.so.1", "libz.so.1"]);
    }

    #[test]
    fn a_name_across_two_pieces_is_found_whole() {
        let mut bytes = vec![0; PIECE_BYTES - 5];
        bytes.extend_from_slice(b"libcrossing.so.12\0");
        bytes.extend_from_slice(&[0; 100]);
        assert!(libraries(&bytes).contains(&"libcrossing.so.12".to_owned()));
    }
}
