//! Reads any bytes as a Dockerfile: it prints back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &[u8]| {
    let document = plimsoll_dockerfile::parse(source);
    assert_eq!(document.print(), source);
});
