use std::io::{Cursor, Read as _, Write as _};

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::{Allowance, Archive};

/// A writer of archives that can also write what no archiver would.
#[derive(Default)]
pub(in crate::reader) struct Zip {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    members: u64,
    last: Written,
}

#[derive(Clone, Copy, Default)]
struct Written {
    method: u16,
    stored: u32,
    size: u32,
    at: u32,
}

impl Zip {
    pub(in crate::reader) fn stored(self, name: &str, data: &[u8]) -> Self {
        self.member(name, 0, data, data.len())
    }

    pub(in crate::reader) fn deflated(self, name: &str, data: &[u8]) -> Self {
        self.claiming(name, data, data.len())
    }

    /// The same data under each of these names.
    pub(in crate::reader) fn deflated_each(mut self, names: &[String], data: &[u8]) -> Self {
        let deflated = deflate(data, Compression::fast());
        for name in names {
            self = self.member(name, 8, &deflated, data.len());
        }
        self
    }

    /// A deflated member that says it has another size.
    pub(in crate::reader) fn claiming(self, name: &str, data: &[u8], size: usize) -> Self {
        self.member(name, 8, &deflate(data, Compression::default()), size)
    }

    /// Lists the last member once more, under another name.
    pub(in crate::reader) fn again(mut self, name: &str) -> Self {
        self.list(name, self.last);
        self
    }

    /// So many empty members, in a zip64 archive.
    pub(in crate::reader) fn many(count: u64) -> Vec<u8> {
        let mut zip = Self::default();
        zip = zip.stored("first", b"");
        for index in 1..count {
            zip.list(&format!("f{index}"), zip.last);
        }
        zip.finish_large()
    }

    pub(in crate::reader) fn finish(mut self) -> Vec<u8> {
        let (start, length) = (u32::try_from(self.bytes.len()).unwrap(), self.directory.len());
        self.bytes.append(&mut self.directory);
        let members = u16::try_from(self.members).unwrap();
        self.end([members, members], [u32::try_from(length).unwrap(), start])
    }

    /// Ends the archive with zip64's records.
    pub(in crate::reader) fn finish_large(mut self) -> Vec<u8> {
        let (start, length) = (self.bytes.len() as u64, self.directory.len() as u64);
        self.bytes.append(&mut self.directory);
        let record_at = self.bytes.len() as u64;
        self.bytes.extend(b"PK\x06\x06");
        self.bytes.extend(44u64.to_le_bytes());
        self.bytes.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for value in [self.members, self.members, length, start] {
            self.bytes.extend(value.to_le_bytes());
        }
        self.bytes.extend(b"PK\x06\x07\0\0\0\0");
        self.bytes.extend(record_at.to_le_bytes());
        self.bytes.extend(1u32.to_le_bytes());
        self.end([u16::MAX; 2], [u32::MAX; 2])
    }

    fn end(mut self, members: [u16; 2], place: [u32; 2]) -> Vec<u8> {
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend(members.iter().flat_map(|value| value.to_le_bytes()));
        self.bytes.extend(place.iter().flat_map(|value| value.to_le_bytes()));
        self.bytes.extend([0, 0]);
        self.bytes
    }

    fn member(mut self, name: &str, method: u16, data: &[u8], size: usize) -> Self {
        let [at, stored, size] =
            [self.bytes.len(), data.len(), size].map(|value| u32::try_from(value).unwrap());
        self.last = Written { method, stored, size, at };
        self.bytes.extend(b"PK\x03\x04\x14\0\0\0");
        self.bytes.extend(method.to_le_bytes());
        self.bytes.extend([0; 8]);
        self.bytes.extend([stored, size].iter().flat_map(|value| value.to_le_bytes()));
        self.bytes.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        self.bytes.extend([0; 2]);
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(data);
        self.list(name, self.last);
        self
    }

    fn list(&mut self, name: &str, written: Written) {
        self.members += 1;
        self.directory.extend(b"PK\x01\x02\x14\0\x14\0\0\0");
        self.directory.extend(written.method.to_le_bytes());
        self.directory.extend([0; 8]);
        self.directory.extend([written.stored, written.size].iter().flat_map(|value| value.to_le_bytes()));
        self.directory.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        self.directory.extend([0; 12]);
        self.directory.extend(written.at.to_le_bytes());
        self.directory.extend(name.as_bytes());
    }
}

fn deflate(data: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), level);
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn allowance() -> Allowance {
    Allowance { members: 100, name_bytes: 1000 }
}

#[test]
fn members_are_chosen_by_name_and_read_to_a_limit() {
    let bytes = Zip::default().stored("a", b"first").deflated("b", b"second").finish();
    let mut content = Cursor::new(bytes);
    let mut archive = Archive::open(&mut content).unwrap();
    let selection = archive.select(&mut allowance(), |name| name == "b").unwrap();
    assert!(!selection.cut_short);
    assert_eq!(selection.members.len(), 1);
    assert_eq!(archive.read(&selection.members[0], 100).unwrap(), b"second");
    assert_eq!(archive.read(&selection.members[0], 3).unwrap(), b"sec");
}

#[test]
fn a_stored_member_is_a_file_of_its_own() {
    let bytes = Zip::default().stored("a", b"first").deflated("b", b"second").finish();
    let mut content = Cursor::new(bytes);
    let mut archive = Archive::open(&mut content).unwrap();
    let members = archive.select(&mut allowance(), |_| true).unwrap().members;
    assert!(archive.stored(&members[1]).unwrap().is_none());
    let mut text = String::new();
    archive.stored(&members[0]).unwrap().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "first");
}

#[test]
fn large_archives_have_their_directory_elsewhere_also_behind_a_prefix() {
    let plain = Zip::default().stored("a", b"first").finish_large();
    let prefixed = [b"#!/bin/sh\n".as_slice(), &plain].concat();
    for bytes in [plain, prefixed] {
        let mut content = Cursor::new(bytes);
        let mut archive = Archive::open(&mut content).unwrap();
        let members = archive.select(&mut allowance(), |_| true).unwrap().members;
        assert_eq!(archive.read(&members[0], 100).unwrap(), b"first");
    }
}

#[test]
fn the_allowance_ends_the_walk() {
    let bytes = Zip::default().stored("aa", b"").stored("bb", b"").stored("cc", b"").finish();
    for (members, name_bytes, kept) in [(2, 1000, 2), (100, 3, 1), (100, 6, 3)] {
        let mut content = Cursor::new(&bytes);
        let mut archive = Archive::open(&mut content).unwrap();
        let selection = archive.select(&mut Allowance { members, name_bytes }, |_| true).unwrap();
        assert_eq!(selection.members.len(), kept);
        assert_eq!(selection.cut_short, kept < 3);
    }
}

#[test]
fn bytes_behind_the_end_are_passed_over() {
    let mut bytes = Zip::default().stored("a", b"first").finish();
    bytes.extend(b"\n\n");
    assert!(Archive::open(&mut Cursor::new(bytes)).is_ok());
    assert!(Archive::open(&mut Cursor::new(b"PK\x05\x06".as_slice())).is_err());
}
