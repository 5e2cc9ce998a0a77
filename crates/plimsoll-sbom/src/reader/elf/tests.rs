use std::io::Cursor;

use proptest::prelude::*;

use super::*;

const LAYOUTS: [Layout; 4] = [
    Layout { wide: true, big_endian: false },
    Layout { wide: true, big_endian: true },
    Layout { wide: false, big_endian: false },
    Layout { wide: false, big_endian: true },
];

/// Where the built files' one segment is loaded.
pub(crate) const LOADED_AT: usize = 0x40_0000;

/// An ELF program of these sections, all of them in one writable segment, in order and aligned to 16 bytes.
pub(crate) fn program(layout: Layout, sections: &[(&str, &[u8])]) -> Vec<u8> {
    const FIRST: usize = 0x100;
    let mut bytes = vec![0; FIRST];
    let mut names = vec![0];
    let mut rows = vec![(0, 0, 0, 0)];
    for (name, content) in sections {
        rows.push((names.len(), 1, bytes.len(), content.len()));
        names.extend([name.as_bytes(), b"\0"].concat());
        bytes.extend(*content);
        bytes.resize(bytes.len().next_multiple_of(16), 0);
    }
    let loaded = bytes.len() - FIRST;
    rows.push((0, 3, bytes.len(), names.len()));
    bytes.extend(names);
    let table_at = bytes.len();
    for (name, kind, offset, size) in &rows {
        bytes.extend(section_row(layout, [*name, *kind, *offset, *size]));
    }
    let head = header(layout, table_at, rows.len());
    bytes[..head.len()].copy_from_slice(&head);
    let row = segment_row(layout, FIRST, loaded);
    bytes[0x80..0x80 + row.len()].copy_from_slice(&row);
    bytes
}

/// A number in so many bytes.
pub(crate) fn number(layout: Layout, value: usize, bytes: usize) -> Vec<u8> {
    let value = value as u64;
    if layout.big_endian {
        value.to_be_bytes()[8 - bytes..].to_vec()
    } else {
        value.to_le_bytes()[..bytes].to_vec()
    }
}

fn fields(layout: Layout, fields: &[(usize, usize)]) -> Vec<u8> {
    fields.iter().flat_map(|(value, bytes)| number(layout, *value, *bytes)).collect()
}

fn header(layout: Layout, sections_at: usize, sections: usize) -> Vec<u8> {
    let word = layout.address_bytes();
    let mut bytes = b"\x7fELF".to_vec();
    bytes.extend([
        if layout.wide { 2 } else { 1 },
        if layout.big_endian { 2 } else { 1 },
        1,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    ]);
    let entry = if layout.wide { (56, 64) } else { (32, 40) };
    bytes.extend(fields(
        layout,
        &[(2, 2), (62, 2), (1, 4), (0, word), (0x80, word), (sections_at, word), (0, 4)],
    ));
    bytes.extend(fields(
        layout,
        &[(0, 2), (entry.0, 2), (1, 2), (entry.1, 2), (sections, 2), (sections - 1, 2)],
    ));
    bytes
}

fn section_row(layout: Layout, [name, kind, offset, size]: [usize; 4]) -> Vec<u8> {
    let word = layout.address_bytes();
    let head = fields(layout, &[(name, 4), (kind, 4), (0, word), (0, word), (offset, word), (size, word)]);
    [head, fields(layout, &[(0, 4), (0, 4), (1, word), (0, word)])].concat()
}

fn segment_row(layout: Layout, offset: usize, size: usize) -> Vec<u8> {
    let word = layout.address_bytes();
    let at = LOADED_AT;
    let places = fields(layout, &[(offset, word), (at, word), (at, word), (size, word), (size, word)]);
    let (kind, flags) = (number(layout, 1, 4), number(layout, 6, 4));
    let align = number(layout, 16, word);
    if layout.wide { [kind, flags, places, align].concat() } else { [kind, places, flags, align].concat() }
}

fn bytes_of(file: &[u8], section: &str) -> Option<Vec<u8>> {
    let mut content = Cursor::new(file);
    let mut elf = Elf::open(&mut content).unwrap();
    let span = elf.section(section)?.span;
    Some(elf.read(span, usize::try_from(span.size).unwrap()).unwrap())
}

#[test]
fn sections_are_found_by_name_in_every_class_and_byte_order() {
    for layout in LAYOUTS {
        let file = program(layout, &[(".first", b"one"), (".second", b"two and more")]);
        assert!(is_program(&file[..64]), "{layout:?}");
        assert_eq!(bytes_of(&file, ".first").unwrap(), b"one", "{layout:?}");
        assert_eq!(bytes_of(&file, ".second").unwrap(), b"two and more", "{layout:?}");
        assert_eq!(bytes_of(&file, ".third"), None);
    }
}

#[test]
fn an_address_leads_to_the_bytes_that_are_loaded_there() {
    for layout in LAYOUTS {
        let file = program(layout, &[(".first", b"0123456789abcdef"), (".second", b"two")]);
        let mut content = Cursor::new(&file);
        let mut elf = Elf::open(&mut content).unwrap();
        let address = LOADED_AT as u64;
        let span = elf.span_at(address + 16).unwrap();
        assert_eq!(elf.read(span, 3).unwrap(), b"two", "{layout:?}");
        assert_eq!(elf.span_at(address - 1), None);
        assert_eq!(elf.span_at(address + 32), None);
        assert!(elf.segments()[0].writable);
    }
}

#[test]
fn a_damaged_section_table_hides_no_segment() {
    let layout = LAYOUTS[0];
    let mut file = program(layout, &[(".first", b"one")]);
    file[40..48].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut content = Cursor::new(&file);
    let elf = Elf::open(&mut content).unwrap();
    assert_eq!(elf.section(".first"), None);
    assert_eq!(elf.segments().len(), 1);
}

#[test]
fn tables_past_their_limits_are_refused() {
    let mut file = program(LAYOUTS[0], &[]);
    file[60..62].copy_from_slice(&u16::MAX.to_le_bytes());
    let error = Elf::open(&mut Cursor::new(&file)).err().unwrap();
    assert_eq!(error.to_string(), "it goes past the limit: 65535 sections; at most 8192 are read");
}

#[test]
fn a_read_past_the_end_of_a_span_is_malformed() {
    let file = program(LAYOUTS[0], &[(".first", b"one")]);
    let mut content = Cursor::new(&file);
    let mut elf = Elf::open(&mut content).unwrap();
    let span = elf.section(".first").unwrap().span;
    assert!(matches!(elf.read(span, 4), Err(ReadFault::Malformed(_))));
}

#[test]
fn object_files_are_no_programs() {
    let mut file = program(LAYOUTS[0], &[]);
    file[16] = 1;
    assert!(!is_program(&file));
    assert!(!is_program(b"\x7fELF"));
}

proptest! {
    #[test]
    fn a_changed_file_is_read_or_refused(
        which in 0_usize..4,
        changes in prop::collection::vec((0_usize..700, any::<u8>()), 1..8),
        length in 0_usize..700,
    ) {
        let mut file = program(LAYOUTS[which], &[(".first", b"one"), (".second", &[7; 100])]);
        for (at, value) in changes {
            let at = at % file.len();
            file[at] = value;
        }
        file.truncate(file.len().saturating_sub(700 - length).max(length));
        let mut content = Cursor::new(&file);
        if let Ok(mut elf) = Elf::open(&mut content) {
            let spans = [elf.section(".first").map(|section| section.span), elf.span_at(LOADED_AT as u64 + 16)];
            for span in spans.into_iter().flatten() {
                let _ = elf.read(span, 3);
            }
        }
    }
}
