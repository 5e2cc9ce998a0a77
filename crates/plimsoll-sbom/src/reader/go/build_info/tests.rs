use std::io::Cursor;

use proptest::prelude::*;

use super::super::super::elf::tests::{LOADED_AT, number, program};
use super::*;

const WIDE: Layout = Layout { wide: true, big_endian: false };
const NARROW: Layout = Layout { wide: false, big_endian: true };
const LIST: &str = "path\texample.com/app\nmod\texample.com/app\tv1.2.3\t\n";

fn marked(list: &str) -> Vec<u8> {
    [&[1; MARK_BYTES], list.as_bytes(), &[2; MARK_BYTES]].concat()
}

fn length(bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    vec![length | 0x80, length >> 7]
}

/// As Go writes it since 1.18.
fn inline(toolchain: &str, list: &str) -> Vec<u8> {
    let (toolchain, list) = (toolchain.as_bytes(), marked(list));
    let mut bytes = [MAGIC, &[0, FLAG_INLINE]].concat();
    bytes.resize(HEADER_BYTES, 0);
    [bytes, length(toolchain), toolchain.to_vec(), length(&list), list].concat()
}

/// As Go wrote it before, with all that it points at behind it.
fn pointed(layout: Layout, toolchain: &str, list: &str) -> Vec<u8> {
    let word = layout.address_bytes();
    let (toolchain, list) = (toolchain.as_bytes(), marked(list));
    let strings_at = LOADED_AT + HEADER_BYTES;
    let texts_at = strings_at + 4 * word;
    let mut bytes =
        [MAGIC, &[u8::try_from(word).unwrap(), if layout.big_endian { FLAG_BIG_ENDIAN } else { 0 }]].concat();
    bytes.extend([strings_at, strings_at + 2 * word].iter().flat_map(|at| number(layout, *at, word)));
    bytes.resize(HEADER_BYTES, 0);
    let strings = [texts_at, toolchain.len(), texts_at + toolchain.len(), list.len()];
    bytes.extend(strings.iter().flat_map(|value| number(layout, *value, word)));
    [bytes, toolchain.to_vec(), list].concat()
}

fn read_in(layout: Layout, sections: &[(&str, &[u8])]) -> Result<Option<BuildInfo>, ReadFault> {
    let file = program(layout, sections);
    let mut content = Cursor::new(&file);
    read(&mut Elf::open(&mut content)?)
}

fn expected() -> BuildInfo {
    BuildInfo { toolchain: "go1.22.1".to_owned(), modules: LIST.to_owned() }
}

#[test]
fn it_is_read_from_its_section() {
    for layout in [WIDE, NARROW] {
        let info = read_in(layout, &[(".go.buildinfo", &inline("go1.22.1", LIST))]).unwrap();
        assert_eq!(info, Some(expected()));
    }
}

#[test]
fn the_layout_with_pointers_is_read_in_every_class_and_byte_order() {
    for layout in [WIDE, NARROW] {
        let info = read_in(layout, &[(".go.buildinfo", &pointed(layout, "go1.22.1", LIST))]).unwrap();
        assert_eq!(info, Some(expected()));
    }
}

#[test]
fn without_its_section_it_is_found_in_the_data() {
    // A copy at an address that is no multiple of 16 is somebody's text, not the linker's.
    let decoy = [&[0; 8], MAGIC, &[8, 2]].concat();
    let info = read_in(WIDE, &[(".data", &decoy), (".other", &inline("go1.22.1", LIST))]).unwrap();
    assert_eq!(info, Some(expected()));
}

#[test]
fn a_program_of_another_language_has_none() {
    assert_eq!(read_in(WIDE, &[(".data", &[0; 1000])]).unwrap(), None);
}

#[test]
fn a_program_built_without_modules_has_a_toolchain_alone() {
    let bytes = [&inline("go1.22.1", "")[..HEADER_BYTES + 10], &[0, 0]].concat();
    let info = read_in(WIDE, &[(".go.buildinfo", &bytes)]).unwrap().unwrap();
    assert_eq!((info.toolchain.as_str(), info.modules.as_str()), ("go1.22.1", ""));
}

#[test]
fn a_length_past_the_limit_is_refused() {
    let mut bytes = inline("go1.22.1", LIST);
    bytes[HEADER_BYTES..HEADER_BYTES + 5].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    let error = read_in(WIDE, &[(".go.buildinfo", &bytes)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it goes past the limit: 4294967295 bytes of build information; at most 4194304 are read"
    );
}

proptest! {
    #[test]
    fn changed_information_is_read_or_refused(
        is_inline: bool,
        changes in prop::collection::vec((14_usize..150, any::<u8>()), 1..6),
    ) {
        let mut bytes = if is_inline { inline("go1.22.1", LIST) } else { pointed(WIDE, "go1.22.1", LIST) };
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        let _ = read_in(WIDE, &[(".go.buildinfo", &bytes)]);
    }
}
