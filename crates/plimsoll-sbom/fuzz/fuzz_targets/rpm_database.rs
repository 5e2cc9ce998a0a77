//! Reads any bytes as rpm's database. Its kind is known by its first bytes, so put all three in the corpus: those in
//! `tests/sbom/databases`, and an SQLite one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_sbom_fuzz::read;

fuzz_target!(|bytes: &[u8]| {
    for component in read("var/lib/rpm/Packages", bytes).iter().flat_map(|facts| &facts.components) {
        assert!(!component.name.is_empty() && component.version.contains('-'));
        assert_ne!(component.name, "gpg-pubkey");
    }
});
