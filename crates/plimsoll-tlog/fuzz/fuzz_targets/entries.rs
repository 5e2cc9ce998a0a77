//! Reads any bytes as an entry of a log, as a client's request, as the proof of one and as a bundle: nothing may panic,
//! and what is read is written as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_tlog::{
    EntryBundle, Hash, HashedRekord, Leaf, LoggedEntry, OldRecord, RekorLog, TransparencyLogEntry,
};

fuzz_target!(|bytes: &[u8]| {
    let _ = Leaf::parse(bytes);
    let _ = OldRecord::from_body(bytes);
    if let Ok(entry) = LoggedEntry::parse(bytes) {
        let (spki, log_id) = key();
        let log = RekorLog::new("https://log.example", &spki, log_id).expect("it is a log");
        assert!(entry.verify(&log).is_err(), "nobody has its secret");
    }
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

/// The P-256 key of RFC 6979, appendix A.2.5, whose signatures no fuzzer finds.
fn key() -> (Vec<u8>, Hash) {
    const PREFIX: [u8; 27] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ];
    const X: [u8; 32] = [
        0x60, 0xfe, 0xd4, 0xba, 0x25, 0x5a, 0x9d, 0x31, 0xc9, 0x61, 0xeb, 0x74, 0xc6, 0x35, 0x6d, 0x68, 0xc0,
        0x49, 0xb8, 0x92, 0x3b, 0x61, 0xfa, 0x6c, 0xe6, 0x69, 0x62, 0x2e, 0x60, 0xf2, 0x9f, 0xb6,
    ];
    const Y: [u8; 32] = [
        0x79, 0x03, 0xfe, 0x10, 0x08, 0xb8, 0xbc, 0x99, 0xa4, 0x1a, 0xe9, 0xe9, 0x56, 0x28, 0xbc, 0x64, 0xf2,
        0xf1, 0xb2, 0x0c, 0x2d, 0x7e, 0x9f, 0x51, 0x77, 0xa3, 0xc2, 0x94, 0xd4, 0x46, 0x22, 0x99,
    ];
    let spki = [&PREFIX[..], &X, &Y].concat();
    let id = Hash::sha256_of(&spki);
    (spki, id)
}
