use std::io::{self, Cursor};

use plimsoll_image::{Kind, OwnedEntry, compare_paths};
use proptest::prelude::*;

use super::*;
use crate::Spool;

pub(crate) struct MemorySpool;

impl Spool for MemorySpool {
    type File = Cursor<Vec<u8>>;

    fn open(&mut self) -> io::Result<Self::File> {
        Ok(Cursor::new(Vec::new()))
    }
}

fn file(path: &str, size_bytes: u64) -> FileEntry {
    let path = path.as_bytes().to_vec();
    let entry = OwnedEntry { path, size_bytes, mode: 0o644, ..OwnedEntry::default() };
    FileEntry { entry, digest: Some([7; 32]) }
}

fn index(entries: &[FileEntry]) -> FileIndex<Cursor<Vec<u8>>> {
    let mut builder = FileIndexBuilder::new();
    for entry in entries {
        builder.push(entry, &mut MemorySpool).unwrap();
    }
    let mut out = b"before".to_vec();
    let place = builder.finish(6, &mut out).unwrap();
    assert_eq!(place.end, out.len() as u64);
    FileIndex::open(Cursor::new(out), place).unwrap()
}

#[test]
fn every_file_is_found_and_no_other() {
    let entries: Vec<FileEntry> =
        (0..1000).map(|number| file(&format!("usr/lib/{}/{number}", number % 7), number)).collect();
    let mut index = index(&entries);
    assert_eq!(index.len(), 1000);
    for entry in &entries {
        assert_eq!(index.get(&entry.entry.path).unwrap(), Some(entry));
    }
    for absent in ["", "usr", "usr/lib/0/1", "usr/lib/0/", "zzz"] {
        assert_eq!(index.get(absent.as_bytes()).unwrap(), None, "{absent}");
    }
}

#[test]
fn of_two_files_at_one_path_the_last_counts_also_across_runs() {
    let long = "x".repeat(4000);
    let mut entries: Vec<FileEntry> = (0..4000).map(|number| file(&format!("{number}/{long}"), 1)).collect();
    entries.push(file(&format!("17/{long}"), 2));
    entries.push(file(&format!("17/{long}"), 3));
    let mut index = index(&entries);
    assert_eq!(index.len(), 4000);
    assert_eq!(index.get(format!("17/{long}").as_bytes()).unwrap().unwrap().entry.size_bytes, 3);
}

#[test]
fn a_damaged_index_is_an_error() {
    let whole = index(&[file("a/b", 1), file("a/c", 2)]);
    let (bytes, place) = (whole.content.into_inner(), whole.place);
    for at in 6..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x80;
        if let Ok(mut index) = FileIndex::open(Cursor::new(bytes), place) {
            let _ = index.entries().count();
        }
    }
    assert!(FileIndex::open(Cursor::new(bytes[..20].to_vec()), place).is_err());
}

fn any_entry() -> impl Strategy<Value = FileEntry> {
    let path = prop::collection::vec("[a-c]{1,2}|\u{e4}", 1..4).prop_map(|parts| parts.join("/"));
    (path, 0_usize..3, any::<u64>(), 0_u16..0o10000, any::<(u32, u32)>(), any::<Option<[u8; 32]>>()).prop_map(
        |(path, kind, size_bytes, mode, (uid, gid), digest)| {
            let kind = [Kind::File, Kind::Directory, Kind::Symlink][kind];
            let link = if kind == Kind::Symlink { b"../t".to_vec() } else { Vec::new() };
            let path = path.into_bytes();
            let has_capabilities = mode & 1 != 0;
            let entry = OwnedEntry {
                path,
                kind,
                size_bytes,
                mode,
                has_capabilities,
                uid,
                gid,
                link,
                ..OwnedEntry::default()
            };
            FileEntry { entry, digest }
        },
    )
}

proptest! {
    #[test]
    fn what_goes_in_comes_out_sorted(entries in prop::collection::vec(any_entry(), 0..300)) {
        let mut index = index(&entries);
        let out: Vec<FileEntry> = index.entries().collect::<io::Result<_>>().unwrap();
        let mut expected = entries;
        expected.reverse();
        expected.sort_by(|a, b| compare_paths(&a.entry.path, &b.entry.path));
        expected.dedup_by(|later, kept| later.entry.path == kept.entry.path);
        prop_assert_eq!(out, expected);
    }
}
