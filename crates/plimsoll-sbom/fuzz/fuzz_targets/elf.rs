//! Reads any bytes as an ELF program. Put small programs of both classes and byte orders into the corpus.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_sbom_fuzz::read;

fuzz_target!(|bytes: &[u8]| {
    for path in ["usr/bin/app", "usr/bin/redis-server", "usr/lib/libpython3.11.so.1.0"] {
        for component in read(path, bytes).iter().flat_map(|facts| &facts.components) {
            assert!(component.symbols.is_sorted());
        }
    }
});
