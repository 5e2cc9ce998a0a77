//! The build information that the linker leaves in every program since Go 1.13 (Go's package `debug/buildinfo`).
//!
//! It begins with a magic of 14 bytes, the size of a pointer and flags. Since Go 1.18 two strings follow inline, each
//! after its length; before, two pointers lead to Go strings.

use std::ops::ControlFlow;

use memchr::memmem;

use super::super::ReadFault;
use super::super::elf::{Elf, Layout, Span};
use super::super::window;

const MAGIC: &[u8] = b"\xff Go buildinf:";

/// The linker puts the magic at a multiple of this address.
const ALIGNMENT: u64 = 16;

/// How long the magic with its flags and pointers is.
const HEADER_BYTES: usize = 32;

/// In the flags: numbers have their most significant byte first.
const FLAG_BIG_ENDIAN: u8 = 1;

/// In the flags: the strings follow, and are not pointed at.
const FLAG_INLINE: u8 = 2;

/// How long the list of modules may be. That of a program of 500 modules has 50 KiB.
const STRING_BYTES_MAX: u64 = 4 << 20;

/// How much of a segment is searched: the linker puts the information at the beginning of the data.
const SEARCHED_BYTES_MAX: u64 = 64 << 20;

/// The list of modules stands between two marks of this length.
const MARK_BYTES: usize = 16;

/// What the linker says of a program.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BuildInfo {
    /// The toolchain's version as it calls itself: `go1.22.1`.
    pub(super) toolchain: String,
    /// The modules, one a line; empty where the program was built without modules.
    pub(super) modules: String,
}

/// Reads the build information; none if it is not a Go program.
pub(super) fn read(elf: &mut Elf<'_>) -> Result<Option<BuildInfo>, ReadFault> {
    let Some(place) = find(elf)? else {
        return Ok(None);
    };
    let header = elf.read(place, HEADER_BYTES)?;
    let Some(&[pointer_bytes, flags]) = header.get(MAGIC.len()..MAGIC.len() + 2) else {
        return Ok(None);
    };
    let (toolchain, modules) = if flags & FLAG_INLINE != 0 {
        inline_strings(elf, place)?
    } else {
        let layout = Layout { wide: pointer_bytes == 8, big_endian: flags & FLAG_BIG_ENDIAN != 0 };
        pointed_strings(elf, layout, &header)?
    };
    if toolchain.is_empty() {
        return Ok(None);
    }
    Ok(Some(BuildInfo { toolchain: text(&toolchain), modules: text(between_marks(&modules)) }))
}

/// Where the magic stands, with all that follows it in its section or segment.
///
/// The section is asked first. A program whose sections were stripped or renamed still has it in its data.
fn find(elf: &mut Elf<'_>) -> Result<Option<Span>, ReadFault> {
    let section = elf.section(".go.buildinfo").map(|section| (section.span, 0));
    let segments = elf.segments().iter().filter(|segment| segment.writable);
    let segments = segments.map(|segment| (segment.span, segment.address % ALIGNMENT));
    let places: Vec<(Span, u64)> = section.into_iter().chain(segments).collect();
    for (span, misalignment) in places {
        let found = search(elf, Span { size: span.size.min(SEARCHED_BYTES_MAX), ..span }, misalignment)?;
        if let Some(found) = found.and_then(|into| span.from(into)) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// How far into the span the magic stands at an aligned address.
fn search(elf: &mut Elf<'_>, span: Span, misalignment: u64) -> Result<Option<u64>, ReadFault> {
    let finder = memmem::Finder::new(MAGIC);
    let found = window::windows(elf.stream(span)?, MAGIC.len() - 1, |start, window| {
        let places = finder.find_iter(window).map(|at| start + at as u64);
        match places.into_iter().find(|at| (at + misalignment).is_multiple_of(ALIGNMENT)) {
            Some(at) => ControlFlow::Break(at),
            None => ControlFlow::Continue(()),
        }
    })?;
    Ok(found)
}

fn inline_strings(elf: &mut Elf<'_>, place: Span) -> Result<(Vec<u8>, Vec<u8>), ReadFault> {
    let first = place.from(HEADER_BYTES as u64).ok_or_else(cut_short)?;
    let (toolchain, rest) = inline_string(elf, first)?;
    let (modules, _) = match rest {
        Some(rest) => inline_string(elf, rest)?,
        None => (Vec::new(), None),
    };
    Ok((toolchain, modules))
}

/// A string after its length, and what follows it.
fn inline_string(elf: &mut Elf<'_>, place: Span) -> Result<(Vec<u8>, Option<Span>), ReadFault> {
    /// Seven bits a byte: so many hold any length that is permitted.
    const LENGTH_BYTES_MAX: u64 = 5;

    let head = elf.read(place, usize::try_from(place.size.min(LENGTH_BYTES_MAX)).unwrap_or(0))?;
    let (length, length_bytes) = varint(&head).ok_or_else(cut_short)?;
    let start = place.from(length_bytes).ok_or_else(cut_short)?;
    Ok((elf.read(start, within_limit(length)?)?, start.from(length)))
}

/// A number in base 128, lowest digits first, and how many bytes it takes up.
fn varint(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut value = 0_u64;
    for (count, byte) in (0..).zip(bytes) {
        value |= u64::from(byte & 0x7f) << (7 * count);
        if byte & 0x80 == 0 {
            return Some((value, count + 1));
        }
    }
    None
}

fn pointed_strings(
    elf: &mut Elf<'_>,
    layout: Layout,
    header: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), ReadFault> {
    let pointers = MAGIC.len() + 2;
    let mut string = |index: usize| {
        let pointer = layout.address(header, pointers + index * layout.address_bytes());
        pointed_string(elf, layout, pointer.unwrap_or_default())
    };
    Ok((string(0)?, string(1)?))
}

/// The Go string at an address: a pointer to its bytes and their number. A string that is not there is empty.
fn pointed_string(elf: &mut Elf<'_>, layout: Layout, address: u64) -> Result<Vec<u8>, ReadFault> {
    let word = layout.address_bytes();
    let Some(place) = elf.span_at(address) else {
        return Ok(Vec::new());
    };
    let string = elf.read(place, 2 * word)?;
    let length = layout.address(&string, word).ok_or_else(cut_short)?;
    let bytes = layout.address(&string, 0).and_then(|address| elf.span_at(address));
    match bytes {
        Some(bytes) => elf.read(bytes, within_limit(length)?),
        None => Ok(Vec::new()),
    }
}

fn within_limit(length: u64) -> Result<usize, ReadFault> {
    if length > STRING_BYTES_MAX {
        return Err(ReadFault::Limit(format!(
            "{length} bytes of build information; at most {STRING_BYTES_MAX} are read"
        )));
    }
    usize::try_from(length).map_err(|_| cut_short())
}

/// The list of modules without the marks by which a running program finds it.
fn between_marks(modules: &[u8]) -> &[u8] {
    let end = modules.len().saturating_sub(MARK_BYTES);
    modules.get(MARK_BYTES..end).filter(|lines| lines.ends_with(b"\n")).unwrap_or_default()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn cut_short() -> ReadFault {
    ReadFault::malformed("its Go build information is cut short")
}

#[cfg(test)]
mod tests;
