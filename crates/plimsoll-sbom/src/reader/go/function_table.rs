//! The table of functions by which Go prints stack traces (`.gopclntab`; the format is `debug/gosym`'s).
//!
//! Since Go 1.16 all names stand in one part of it, one after the other, each with a zero byte behind it: those of the
//! functions that have code of their own, and those of the functions that were only inlined into others. So nothing but
//! that part need be read. Before Go 1.16 a name stands wherever something points at it, and what is only inlined is
//! pointed at from tables whose lengths are written nowhere. There the functions count as unknown: to miss one would
//! hide a finding.
//!
//! What leaves no name is a function of which no instruction is left: a constant, or a load that melted into its caller.

use std::io::{BufRead as _, BufReader, Read};
use std::ops::ControlFlow;

use memchr::memmem;

use super::super::ReadFault;
use super::super::elf::{Elf, Layout, Span};
use super::super::window;

/// How long the part with the names may be; Kubernetes' largest program has 10 MiB.
const NAMES_BYTES_MAX: u64 = 256 << 20;

/// How long one name may be. Type arguments are cut out of names before they are written.
const NAME_BYTES_MAX: u64 = 64 << 10;

/// How long the header is at most: the magic with two sizes, and eight words.
const HEADER_BYTES: usize = 8 + 8 * 8;

/// Where the linker puts the table: on its own, or where addresses are filled in at the start.
const SECTIONS: [&str; 2] = [".gopclntab", ".data.rel.ro.gopclntab"];

/// The forms of the table: the number that it begins with, and which word of the header says where the names begin.
/// The word after that one says where they end.
const FORMS: [(u32, usize); 3] = [(GO_1_16, 2), (GO_1_18, 3), (GO_1_20, 3)];
const GO_1_16: u32 = 0xffff_fffa;
const GO_1_18: u32 = 0xffff_fff0;
const GO_1_20: u32 = 0xffff_fff1;

/// The part of the table that holds the names; none if there is no table whose form is known.
pub(super) fn names(elf: &mut Elf<'_>) -> Result<Option<Span>, ReadFault> {
    if let Some(section) = SECTIONS.iter().find_map(|name| elf.section(name)) {
        let span = section.span;
        return names_of_table(elf, span);
    }
    let segments: Vec<Span> = elf.segments().iter().map(|segment| segment.span).collect();
    for span in segments {
        for table in candidates(elf, span)? {
            if let Some(names) = names_of_table(elf, table)? {
                return Ok(Some(names));
            }
        }
    }
    Ok(None)
}

/// Where a table may begin in a segment, for programs whose section table was stripped.
fn candidates(elf: &mut Elf<'_>, segment: Span) -> Result<Vec<Span>, ReadFault> {
    /// How many are tried; the number is rare in code.
    const CANDIDATES_MAX: usize = 64;

    let big_endian = elf.layout().big_endian;
    let finders = FORMS.map(|(magic, _)| {
        let magic = if big_endian { magic.to_be_bytes() } else { magic.to_le_bytes() };
        memmem::Finder::new(&[&magic[..], &[0, 0]].concat()).into_owned()
    });
    let mut found = Vec::new();
    window::windows(elf.stream(segment)?, 5, |start, window| {
        let places = finders.iter().flat_map(|finder| finder.find_iter(window));
        found.extend(
            places.filter_map(|at| segment.from(start + at as u64)).take(CANDIDATES_MAX - found.len()),
        );
        if found.len() < CANDIDATES_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}

fn names_of_table(elf: &mut Elf<'_>, table: Span) -> Result<Option<Span>, ReadFault> {
    let header = elf.read(table, usize::try_from(table.size).unwrap_or(HEADER_BYTES).min(HEADER_BYTES))?;
    Ok(names_in(&header, elf.layout()).and_then(|(start, size)| table.from(start)?.first(size)))
}

/// Where the names begin in the table, and how long they are.
fn names_in(header: &[u8], program: Layout) -> Option<(u64, u64)> {
    let layout = match header.get(4..8)? {
        [0, 0, 1 | 2 | 4, 4] => Layout { wide: false, ..program },
        [0, 0, 1 | 2 | 4, 8] => Layout { wide: true, ..program },
        _ => return None,
    };
    let magic = layout.u32(header, 0)?;
    let (_, names_word) = FORMS.iter().find(|(known, _)| *known == magic)?;
    let word = |index: usize| layout.address(header, 8 + index * layout.address_bytes());
    let start = word(*names_word)?;
    let size = word(names_word + 1)?.checked_sub(start)?;
    (size <= NAMES_BYTES_MAX).then_some((start, size))
}

/// Tells each name. False if one is too long to be a name, so that what was told is not all.
pub(super) fn for_each_name(names: impl Read, mut tell: impl FnMut(&str)) -> Result<bool, ReadFault> {
    let mut names = BufReader::with_capacity(64 << 10, names);
    let mut name = Vec::new();
    loop {
        name.clear();
        names.by_ref().take(NAME_BYTES_MAX).read_until(0, &mut name)?;
        match name.split_last() {
            None => return Ok(true),
            Some((0, text)) => str::from_utf8(text).into_iter().for_each(&mut tell),
            Some(_) => return Ok(name.len() as u64 != NAME_BYTES_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::elf::tests::number;

    const NARROW: Layout = Layout { wide: false, big_endian: true };
    const WIDE: Layout = Layout { wide: true, big_endian: false };

    fn header(layout: Layout, magic: u32, words: &[usize]) -> Vec<u8> {
        let mut bytes = number(layout, magic as usize, 4);
        bytes.extend([0, 0, 1, if layout.wide { 8 } else { 4 }]);
        bytes.extend(words.iter().flat_map(|word| number(layout, *word, layout.address_bytes())));
        bytes
    }

    #[test]
    fn the_names_are_found_in_every_form() {
        for layout in [NARROW, WIDE] {
            let since_1_16 = header(layout, GO_1_16, &[9, 9, 100, 150, 0]);
            assert_eq!(names_in(&since_1_16, layout), Some((100, 50)));
            for magic in [GO_1_18, GO_1_20] {
                let later = header(layout, magic, &[9, 9, 0x40_0000, 100, 150, 0]);
                assert_eq!(names_in(&later, layout), Some((100, 50)));
            }
        }
    }

    #[test]
    fn a_table_of_another_form_is_not_guessed_at() {
        let before_1_16 = header(WIDE, 0xffff_fffb, &[9, 9, 100, 150, 0]);
        assert_eq!(names_in(&before_1_16, WIDE), None);
        assert_eq!(names_in(&header(WIDE, GO_1_16, &[9, 9, 150, 100]), WIDE), None);
        assert_eq!(names_in(&header(WIDE, GO_1_16, &[9, 9, 150]), WIDE), None);
        assert_eq!(names_in(b"\xfa\xff\xff\xff", WIDE), None);
    }

    fn told(bytes: &[u8]) -> (bool, Vec<String>) {
        let mut names = Vec::new();
        let all = for_each_name(bytes, |name| names.push(name.to_owned())).unwrap();
        (all, names)
    }

    #[test]
    fn names_end_with_a_zero_byte() {
        let (all, names) = told(b"\0main.main\0runtime.main\0\xff\xff\0");
        assert!(all);
        assert_eq!(names, ["", "main.main", "runtime.main"]);
    }

    #[test]
    fn a_name_without_end_makes_the_table_unknown() {
        let (all, _) = told(&[b'a'; 1 << 20]);
        assert!(!all);
    }
}
