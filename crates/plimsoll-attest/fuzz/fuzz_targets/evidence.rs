//! Reads any bytes as each kind of evidence: nothing may panic, nothing that nobody signed may become a fact, and what
//! is read is written so that it reads the same.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use plimsoll_attest::{Bundle, EvidenceLayer, Provenance, SigningKey, Statement, Trust};
use plimsoll_oci::Digest;

const TYPES: [&str; 3] = [
    Bundle::MEDIA_TYPE,
    "application/vnd.dev.cosign.simplesigning.v1+json",
    "application/vnd.dsse.envelope.v1+json",
];

fuzz_target!(|bytes: &[u8]| {
    let key = SigningKey::generate(&[7; 32]).expect("it is a key").public().clone();
    let (subject, trust) = (Digest::sha256_of(b"image"), Trust::of_key("ci", key));
    let annotations = BTreeMap::new();
    for media_type in TYPES {
        let layer = EvidenceLayer { media_type, annotations: &annotations, bytes, witnessed_at: None };
        assert!(layer.verify(&subject, &trust, jiff::Timestamp::UNIX_EPOCH).is_err());
    }
    if let Ok(bundle) = Bundle::parse(bytes) {
        let again = Bundle::parse(bundle.to_json().as_bytes()).expect("what was written is read");
        assert_eq!(again.envelope, bundle.envelope);
    }
    if let Ok(statement) = Statement::parse(bytes) {
        let _ = Provenance::of(&statement);
        assert!(Statement::parse(statement.to_json().as_bytes()).is_ok());
    }
});
