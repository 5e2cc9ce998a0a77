//! Reads any bytes as what proves an identity: a trusted root, a certificate with its timestamps, an RFC 3161 timestamp, a
//! log entry, a pattern, and a whole bundle under Sigstore's own root. Nothing may panic, and nothing that nobody signed
//! may become a fact.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use plimsoll_attest::{Identity, SigstoreRoot, SubjectPattern, Trust, verify_bundle};
use plimsoll_oci::Digest;
use serde_json::{Value, json};

/// A real bundle with log entry and timestamp; each run puts the bytes in the place of one of its parts.
const BUNDLE: &str = include_str!("../../tests/sigstore/data/mail-rekor2-staging.json");
const ROOT: &str = include_str!("../../tests/sigstore/data/root-staging.json");
const PARTS: [&str; 5] = [
    "/verificationMaterial/certificate/rawBytes",
    "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp",
    "/verificationMaterial/tlogEntries/0/canonicalizedBody",
    "/dsseEnvelope/payload",
    "/dsseEnvelope/signatures/0/sig",
];

static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let roots = SigstoreRoot::parse_all(ROOT.as_bytes()).expect("it is a trusted root");
    let subject = SubjectPattern::exactly("jku@goto.fi");
    Trust::of_identity("jku", Identity::new("https://github.com/login/oauth", subject), roots)
});

fuzz_target!(|bytes: &[u8]| {
    let _ = SigstoreRoot::parse_all(bytes);
    if let Some(pattern) = std::str::from_utf8(bytes).ok().and_then(|text| SubjectPattern::parse(text).ok()) {
        assert_eq!(pattern.to_string().as_bytes(), bytes);
    }
    let (Some((choice, bytes)), Ok(mut bundle)) =
        (bytes.split_first(), serde_json::from_str::<Value>(BUNDLE))
    else {
        return;
    };
    let part = PARTS.get(usize::from(*choice) % (PARTS.len() + 1));
    match part.and_then(|part| bundle.pointer_mut(part)) {
        Some(text) if *text == json!(STANDARD.encode(bytes)) => return,
        Some(text) => *text = json!(STANDARD.encode(bytes)),
        None => {
            bundle["verificationMaterial"]["tlogEntries"][0] =
                serde_json::from_slice(bytes).unwrap_or_default()
        }
    }
    // No choice of one part makes another bundle good.
    let image = Digest::sha256_of(b"image");
    assert!(
        verify_bundle(bundle.to_string().as_bytes(), &image, &TRUST, jiff::Timestamp::UNIX_EPOCH).is_err()
    );
});
