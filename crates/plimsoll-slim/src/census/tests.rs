use std::io::Cursor;

use plimsoll_image::{LayerAlgorithms, LayerWalk};
use plimsoll_sbom::{LayerRecord, Spool, analyse_layer, analysis_limits};

use super::*;

/// A member of a test layer.
#[derive(Clone, Copy)]
pub(crate) enum Member<'a> {
    File(&'a str, &'a [u8]),
    Program(&'a str, &'a [u8], u32),
    Directory(&'a str),
    Symlink(&'a str, &'a str),
    HardLink(&'a str, &'a str),
}

struct Memory;

impl Spool for Memory {
    type File = Cursor<Vec<u8>>;

    fn open(&mut self) -> io::Result<Self::File> {
        Ok(Cursor::default())
    }
}

/// The files of a layer of these members, through its record.
pub(crate) fn layer(members: &[Member<'_>]) -> LayerFiles {
    LayerFiles::read(&mut record(members)).unwrap()
}

pub(crate) fn record(members: &[Member<'_>]) -> LayerRecord<Cursor<Vec<u8>>> {
    let archive = archive(members);
    let limits = analysis_limits();
    let walk = LayerWalk::new(&*archive, LayerAlgorithms::default(), &limits).unwrap();
    let mut out = Vec::new();
    analyse_layer(walk, &mut Memory, &mut out).unwrap();
    LayerRecord::open(Cursor::new(out)).unwrap()
}

fn archive(members: &[Member<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for member in members {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        match *member {
            Member::File(path, content) => {
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, path, content).unwrap();
            }
            Member::Program(path, content, mode) => {
                header.set_mode(mode);
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, path, content).unwrap();
            }
            Member::Directory(path) => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(0o755);
                header.set_size(0);
                builder.append_data(&mut header, path, io::empty()).unwrap();
            }
            Member::Symlink(path, target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                builder.append_link(&mut header, path, target).unwrap();
            }
            Member::HardLink(path, target) => {
                header.set_entry_type(tar::EntryType::Link);
                header.set_size(0);
                builder.append_link(&mut header, path, target).unwrap();
            }
        }
    }
    builder.into_inner().unwrap()
}

#[test]
fn a_packages_list_owns_files_through_the_links_above_them() {
    let layers = [layer(&[
        Member::Symlink("lib", "usr/lib"),
        Member::File("usr/lib/libc.so.6", b"c"),
        Member::File("var/lib/dpkg/info/libc6:amd64.list", b"/.\n/lib\n/lib/libc.so.6\n"),
    ])];
    let census = Census::of(&layers);
    assert_eq!(census.package(b"usr/lib/libc.so.6"), Some("libc6"));
    assert_eq!(census.package(b"usr/lib/other"), None);
}

#[test]
fn a_package_that_is_gone_owned_its_files_once() {
    let layers = [
        layer(&[
            Member::File("usr/bin/gcc", b"compiler"),
            Member::File("var/lib/dpkg/info/gcc.list", b"/.\n/usr\n/usr/bin\n/usr/bin/gcc\n"),
        ]),
        layer(&[Member::File("var/lib/dpkg/info/.wh.gcc.list", b""), Member::File("usr/bin/.wh.gcc", b"")]),
    ];
    let census = Census::of(&layers);
    assert_eq!(census.package(b"usr/bin/gcc"), None);
    assert_eq!(census.package_ever(b"usr/bin/gcc"), Some("gcc"));
}
