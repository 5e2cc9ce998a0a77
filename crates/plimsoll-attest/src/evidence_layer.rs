use std::collections::BTreeMap;

use jiff::Timestamp;
use plimsoll_oci::Digest;

use crate::legacy::{DSSE, SIMPLE_SIGNING, verify_legacy_attestation, verify_legacy_signature};
use crate::{Bundle, Fact, Refusal, Trust, verify_bundle};

/// A layer of an artifact that is attached to an image.
#[derive(Clone, Copy, Debug)]
pub struct EvidenceLayer<'a> {
    /// The type of its descriptor. It alone tells what the layer is: clients write all kinds of artifact types.
    pub media_type: &'a str,
    /// The annotations of its descriptor.
    pub annotations: &'a BTreeMap<String, String>,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl EvidenceLayer<'_> {
    /// Whether a layer of this type is signed evidence, and worth being read.
    pub fn is_signed_type(media_type: &str) -> bool {
        Bundle::is_layer_type(media_type) || media_type == SIMPLE_SIGNING || media_type == DSSE
    }

    /// Verifies the layer, whatever kind of evidence it is.
    pub fn verify(&self, subject: &Digest, trust: &Trust, now: Timestamp) -> Result<Fact, Refusal> {
        match self.media_type {
            SIMPLE_SIGNING => verify_legacy_signature(self, subject, trust, now),
            DSSE => verify_legacy_attestation(self, subject, trust, now),
            _ => verify_bundle(self.bytes, subject, trust, now),
        }
    }
}
