//! Reads any bytes as what Go's linker leaves in a program: the first part as its build information, the rest as its
//! table of functions. A well-formed ELF file stands around them, so that nothing is spent on guessing one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_sbom_fuzz::read;

/// Where the sections' bytes begin, and where they are loaded.
const FIRST: usize = 0x100;
const LOADED_AT: u64 = 0x40_0000;

/// The names of three sections: the list's own is empty.
const NAMES: &[u8] = b"\0.go.buildinfo\0.gopclntab\0";

fuzz_target!(|bytes: &[u8]| {
    let Some((split, bytes)) = bytes.split_first_chunk() else { return };
    let split = usize::from(u16::from_le_bytes(*split)).min(bytes.len());
    let file = program(&bytes[..split], &bytes[split..]);
    for facts in read("usr/bin/app", &file) {
        assert!(facts.components.iter().all(|component| component.symbols.is_sorted()));
    }
});

fn program(info: &[u8], table: &[u8]) -> Vec<u8> {
    let mut file = vec![0; FIRST];
    let mut rows = vec![[0; 4]];
    for (name, kind, part) in [(1, 1, info), (15, 1, table), (0, 3, NAMES)] {
        file.resize(file.len().next_multiple_of(16), 0);
        rows.push([name, kind, file.len() as u64, part.len() as u64]);
        file.extend(part);
    }
    let loaded = (file.len() - FIRST) as u64;
    let head = header(file.len() as u64, loaded);
    file[..head.len()].copy_from_slice(&head);
    for [name, kind, offset, size] in rows {
        file.extend([name as u32, kind as u32].iter().flat_map(|number| number.to_le_bytes()));
        file.extend([0, 0, offset, size, 0, 1, 0].iter().flat_map(|number: &u64| number.to_le_bytes()));
    }
    file
}

/// The file header, and behind it the one segment's.
fn header(sections_at: u64, loaded: u64) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0".to_vec();
    bytes.extend([0, 64, sections_at].iter().flat_map(|number| number.to_le_bytes()));
    bytes.extend([0, 0, 64, 56, 1, 64, 4, 3].iter().flat_map(|number: &u16| number.to_le_bytes()));
    bytes.extend([1, 6].iter().flat_map(|number: &u32| number.to_le_bytes()));
    let segment = [FIRST as u64, LOADED_AT, LOADED_AT, loaded, loaded, 16];
    bytes.extend(segment.iter().flat_map(|number| number.to_le_bytes()));
    bytes
}
