//! Reads any bytes as an entry of a log, as a client's request, as the proof of one and as a bundle: nothing may panic,
//! and what is read is written as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_tlog::{EntryBundle, HashedRekord, Leaf, TransparencyLogEntry};

fuzz_target!(|bytes: &[u8]| {
    let _ = Leaf::parse(bytes);
    if let Ok(record) = HashedRekord::from_request(bytes) {
        assert!(HashedRekord::from_body(&record.to_body()).is_ok_and(|again| again == record));
    }
    if let Ok(entry) = TransparencyLogEntry::parse(bytes) {
        assert!(TransparencyLogEntry::parse(&entry.to_json()).is_ok_and(|again| again == entry));
    }
    for width in [1, 256] {
        if let Ok(bundle) = EntryBundle::parse(bytes, width) {
            assert_eq!(bundle.to_bytes().as_deref(), Ok(bytes));
        }
    }
});
