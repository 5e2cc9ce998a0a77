//! Reads any bytes as an issuer's keys and as a CI system's token. Nothing may panic, and nothing that the issuer did not
//! sign is a token of his.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use plimsoll_attest::{ExpectedToken, KeySet, TokenError, claimed_issuer, verify_token};

/// A set with one key of 2,048 bits, to which nobody knows the other half.
static KEY_SET: LazyLock<KeySet> = LazyLock::new(|| {
    let modulus = "wX1v".repeat(85) + "wQ";
    let keys = format!(
        r#"{{"keys":[{{"kty":"RSA","use":"sig","alg":"RS256","kid":"k","e":"AQAB","n":"{modulus}"}}]}}"#
    );
    KeySet::parse(keys.as_bytes()).expect("it is a set of keys")
});

fuzz_target!(|bytes: &[u8]| {
    let _ = KeySet::parse(bytes);
    let Ok(token) = std::str::from_utf8(bytes) else { return };
    let _ = claimed_issuer(token);
    let expected = ExpectedToken { issuer: "https://ci.example", audience: "plimsoll", keys: &KEY_SET };
    let refused: Result<_, TokenError> = verify_token(token, &expected, jiff::Timestamp::UNIX_EPOCH);
    assert!(refused.is_err());
});
