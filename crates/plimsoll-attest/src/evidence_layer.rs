use std::collections::BTreeMap;

use jiff::Timestamp;
use plimsoll_oci::Digest;

use crate::legacy::{DSSE, SIMPLE_SIGNING, read_payload, verify_legacy_attestation, verify_legacy_signature};
use crate::verify::{read_statement, verify_witnessed};
use crate::{Bundle, Envelope, Fact, Refusal, Signatory, Statement, Trust};

/// A layer of an artifact that is attached to an image.
#[derive(Clone, Copy, Debug)]
pub struct EvidenceLayer<'a> {
    /// The type of its descriptor. It alone tells what the layer is: clients write all kinds of artifact types.
    pub media_type: &'a str,
    /// The annotations of its descriptor.
    pub annotations: &'a BTreeMap<String, String>,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// When a trusted log held it, if something beside it proves that.
    pub witnessed_at: Option<Timestamp>,
}

/// What a layer says before anybody has checked who says it.
///
/// It is for lists and for finding evidence, and never for a decision: those take a [`Fact`].
#[derive(Clone, Debug)]
pub struct Unverified {
    /// What is said.
    pub statement: Statement,
    /// The key that it names, if it names one.
    pub key_hint: Option<String>,
}

impl EvidenceLayer<'_> {
    /// Whether a layer of this type is signed evidence, and worth being read.
    pub fn is_signed_type(media_type: &str) -> bool {
        Bundle::is_layer_type(media_type) || media_type == SIMPLE_SIGNING || media_type == DSSE
    }

    /// Reads what the layer says, whoever says it.
    pub fn read_unverified(&self) -> Result<Unverified, Refusal> {
        let (envelope, key_hint) = match self.media_type {
            SIMPLE_SIGNING => {
                return Ok(Unverified { statement: read_payload(self.bytes)?, key_hint: None });
            }
            DSSE => (Envelope::parse(self.bytes)?, None),
            _ => {
                let bundle = Bundle::parse(self.bytes)?;
                let hint = match bundle.signatory {
                    Signatory::Key { hint } => hint,
                    Signatory::Certificate(_) => None,
                };
                (bundle.envelope, hint)
            }
        };
        let named = envelope.signatures.first().and_then(|signature| signature.key_id.clone());
        Ok(Unverified { statement: read_statement(&envelope)?, key_hint: key_hint.or(named) })
    }

    /// Verifies the layer, whatever kind of evidence it is.
    pub fn verify(&self, subject: &Digest, trust: &Trust, now: Timestamp) -> Result<Fact, Refusal> {
        match self.media_type {
            SIMPLE_SIGNING => verify_legacy_signature(self, subject, trust, now),
            DSSE => verify_legacy_attestation(self, subject, trust, now),
            _ => verify_witnessed(self.bytes, subject, trust, self.witnessed_at, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PredicateType, SigningKey, sign};

    #[test]
    fn what_a_stranger_says_is_read_and_proves_nothing() {
        let (image, key) = (Digest::sha256_of(b"image"), SigningKey::generate(&[1; 32]).unwrap());
        let bundle = sign(&Statement::signature(&image), &key).unwrap().to_json();
        let layer = |bytes| EvidenceLayer {
            media_type: Bundle::MEDIA_TYPE,
            annotations: const { &BTreeMap::new() },
            bytes,
            witnessed_at: None,
        };
        let read = layer(bundle.as_bytes()).read_unverified().unwrap();
        assert!(read.statement.is_about(&image));
        assert_eq!(read.statement.predicate_type, PredicateType::SIGNATURE);
        assert_eq!(read.key_hint, Some(key.public().id().to_string()));
        let judged = layer(bundle.as_bytes()).verify(&image, &Trust::default(), Timestamp::UNIX_EPOCH);
        assert!(matches!(judged, Err(Refusal::UnknownKey { .. })));
        assert!(layer(b"{}").read_unverified().is_err());
    }
}
