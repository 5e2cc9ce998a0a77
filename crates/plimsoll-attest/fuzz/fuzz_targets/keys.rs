//! Reads any text as a key: nothing may panic, and a public key that is read prints as itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_attest::{PublicKey, open_private_key};

fuzz_target!(|text: &str| {
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_pem().parse().ok(), Some(key));
    }
    let _ = open_private_key(text, None);
});
