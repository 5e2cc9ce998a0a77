//! Signatures and attestations as cosign 2 left them: layers of an image under the tags `sha256-….sig` and
//! `sha256-….att`. They are read, and never written.

mod certified;

use jiff::Timestamp;
use plimsoll_oci::Digest;
use serde::Deserialize;

use self::certified::Certified;
use crate::base64_text::decode;
use crate::nesting::check_nesting;
use crate::verify::{admit, admit_identity, read_statement, who_signed};
use crate::{Envelope, EvidenceLayer, Fact, Refusal, Statement, Trust};

/// The type of a layer that is signed itself.
pub(crate) const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The type of a layer that is an envelope.
pub(crate) const DSSE: &str = "application/vnd.dsse.envelope.v1+json";

/// The annotation with the signature over a layer's bytes.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// What a payload says to be.
const PAYLOAD_TYPE: &str = "cosign container image signature";

/// What is signed: "simple signing", of which nothing but the digest and the type counts.
#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// Verifies a layer of a `.sig` image.
pub(crate) fn verify_legacy_signature(
    layer: &EvidenceLayer<'_>,
    subject: &Digest,
    trust: &Trust,
    now: Timestamp,
) -> Result<Fact, Refusal> {
    let signature = layer.annotations.get(SIGNATURE).and_then(|text| decode(text)).unwrap_or_default();
    if let Some(certified) = Certified::read(layer.annotations)? {
        let certified = certified.signature(layer.bytes, None, &signature);
        return admit_identity(&certified, || read_payload(layer.bytes), subject, trust);
    }
    let signer = who_signed(layer.bytes, &signature, None, trust)?;
    let statement = read_payload(layer.bytes)?;
    let fact = admit(statement, signer, subject, trust, layer.witnessed_at.unwrap_or(now))?;
    Ok(fact.witnessed(layer.witnessed_at))
}

/// A payload says what a signature statement says today.
pub(crate) fn read_payload(bytes: &[u8]) -> Result<Statement, Refusal> {
    check_nesting(bytes).map_err(crate::ParseStatementError::from)?;
    let read: Payload = serde_json::from_slice(bytes).map_err(crate::ParseStatementError::from)?;
    let digest = read.critical.image.digest.parse::<Digest>().ok();
    match digest.filter(|_| read.critical.kind == PAYLOAD_TYPE) {
        Some(digest) => Ok(Statement::signature(&digest)),
        None => Err(Refusal::PayloadType(read.critical.kind)),
    }
}

/// Verifies a layer of a `.att` image: an envelope that stands alone, and may have several signatures.
pub(crate) fn verify_legacy_attestation(
    layer: &EvidenceLayer<'_>,
    subject: &Digest,
    trust: &Trust,
    now: Timestamp,
) -> Result<Fact, Refusal> {
    let envelope = Envelope::parse(layer.bytes)?;
    let signed = envelope.signed_bytes();
    if let Some(certified) = Certified::read(layer.annotations)? {
        let [signature] = envelope.signatures.as_slice() else {
            return Err(Refusal::SignatureCount(envelope.signatures.len()));
        };
        let certified = certified.signature(&signed, Some(&envelope.payload), &signature.bytes);
        return admit_identity(&certified, || read_statement(&envelope), subject, trust);
    }
    let mut refusal = Refusal::SignatureCount(0);
    for signature in &envelope.signatures {
        match who_signed(&signed, &signature.bytes, signature.key_id.as_deref(), trust) {
            Ok(signer) => {
                let at = layer.witnessed_at.unwrap_or(now);
                let fact = admit(read_statement(&envelope)?, signer, subject, trust, at)?;
                return Ok(fact.witnessed(layer.witnessed_at));
            }
            Err(other) => refusal = other,
        }
    }
    Err(refusal)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{PredicateType, SigningKey, sign};

    fn payload(digest: &Digest, kind: &str) -> String {
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"r/app"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"{kind}"}},"optional":null}}"#
        )
    }

    fn judge(content: &str, subject: &Digest) -> Result<Fact, Refusal> {
        let key = SigningKey::generate(&[1; 32]).unwrap();
        let signature = crate::base64_text::encode(&key.sign(content.as_bytes()));
        let annotations = BTreeMap::from([(SIGNATURE.to_owned(), signature)]);
        let layer = EvidenceLayer {
            media_type: SIMPLE_SIGNING,
            annotations: &annotations,
            bytes: content.as_bytes(),
            witnessed_at: None,
        };
        let trust = Trust::of_key("ci", key.public().clone());
        verify_legacy_signature(&layer, subject, &trust, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_old_signature_is_a_signature() {
        let image = Digest::sha256_of(b"image");
        let fact = judge(&payload(&image, PAYLOAD_TYPE), &image).unwrap();
        assert_eq!(*fact.predicate_type(), PredicateType::SIGNATURE);
        let other = judge(&payload(&Digest::sha256_of(b"other"), PAYLOAD_TYPE), &image);
        assert!(matches!(other, Err(Refusal::WrongSubject { .. })));
        let strange = judge(&payload(&image, "atomic container signature"), &image);
        assert!(matches!(strange, Err(Refusal::PayloadType(_))));
    }

    #[test]
    fn one_of_several_signatures_is_enough_for_an_old_attestation() {
        let image = Digest::sha256_of(b"image");
        let [ours, other] = [1, 2].map(|seed| SigningKey::generate(&[seed; 32]).unwrap());
        let statement = Statement::signature(&image);
        let mut envelope = sign(&statement, &other).unwrap().envelope;
        envelope.signatures.extend(sign(&statement, &ours).unwrap().envelope.signatures);
        let json = serde_json::to_vec(&crate::envelope::EnvelopeJson::from(&envelope)).unwrap();
        let annotations = BTreeMap::new();
        let layer =
            EvidenceLayer { media_type: DSSE, annotations: &annotations, bytes: &json, witnessed_at: None };
        let trust = Trust::of_key("ci", ours.public().clone());
        assert!(verify_legacy_attestation(&layer, &image, &trust, Timestamp::UNIX_EPOCH).is_ok());
        let stranger = Trust::of_key("eve", SigningKey::generate(&[3; 32]).unwrap().public().clone());
        assert!(verify_legacy_attestation(&layer, &image, &stranger, Timestamp::UNIX_EPOCH).is_err());
    }
}
