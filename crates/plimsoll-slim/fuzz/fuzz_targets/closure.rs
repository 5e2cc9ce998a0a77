//! Follows any bytes as the program that an image starts, and as the library that it needs.
#![no_main]

use std::io::{self, Cursor};

use libfuzzer_sys::fuzz_target;
use plimsoll_image::Kind;
use plimsoll_sbom::Content;
use plimsoll_slim::Cause;
use plimsoll_slim::closure::{Closure, Contents, Ownership, Seed, Setting};
use plimsoll_slim::file_system::{FileNode, FileSystem};

/// Every file has the same bytes.
struct Same<'a>(&'a [u8]);

impl Contents for Same<'_> {
    fn open(&mut self, _path: &[u8]) -> io::Result<Box<dyn Content + '_>> {
        Ok(Box::new(Cursor::new(self.0)))
    }

    fn modified_unix(&mut self, _path: &[u8]) -> io::Result<u64> {
        Ok(0)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let node = |path: &str, kind: Kind| FileNode {
        path: path.into(),
        kind,
        size_bytes: bytes.len() as u64,
        mode: 0o755,
        uid: 0,
        gid: 0,
        link: b"libc.so.6".to_vec(),
        layer: 0,
    };
    let nodes = [
        node("", Kind::Directory),
        node("etc", Kind::Directory),
        node("etc/ld.so.conf", Kind::File),
        node("lib", Kind::Directory),
        node("lib/libc.so", Kind::Symlink),
        node("lib/libc.so.6", Kind::File),
        node("start", Kind::File),
    ];
    let system = FileSystem::of_nodes(nodes.into_iter());
    let (mut contents, ownership) = (Same(bytes), Ownership::default());
    let setting = Setting { directory: "/".into(), ..Setting::default() };
    let mut closure = Closure::new(&system, &mut contents, &ownership, &setting);
    closure.add_seeds(&[Seed { cause: Cause::Entrypoint, words: vec!["/start".into()] }]);
    assert!(closure.finish().files.contains_key(&system.get(b"start").unwrap()));
});
