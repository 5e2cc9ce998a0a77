//! Reads any bytes as a source of advisories: nothing may panic, every record is kept or refused, and what comes out
//! can be opened.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use plimsoll_vuln::import::{Source, import};
use plimsoll_vuln::index::{Builder, Index};

fuzz_target!(|bytes: &[u8]| {
    let mut builder = Builder::new();
    let source = Source { name: "fuzz", licence: None, time: None };
    if import(&mut builder, &source, Cursor::new(bytes)).is_err() {
        return;
    }
    let built = builder.finish().unwrap();
    for listed in &built.catalogue.sources {
        let refused: u64 = listed.tally.refused.values().map(|refused| refused.count).sum();
        assert_eq!(listed.tally.kept + refused, listed.tally.read);
    }
    Index::open(built.shards).unwrap();
});
