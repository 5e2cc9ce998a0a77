//! What Rekor's first version logs of a signature (sigstore/rekor, `pkg/types`): `dsse` 0.0.1, `intoto` 0.0.2 and
//! `hashedrekord` 0.0.1. They are read, and never written.

use serde::Deserialize;

use super::RekordError;
use crate::entries::ENTRY_BYTES_MAX;
use crate::text;

/// A record of a signature in a log of the first version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldRecord {
    /// What its digest is of.
    pub covers: Covered,
    /// SHA-256 of what it covers.
    pub digest: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// The key or certificate that is said to have made it, in PEM.
    pub verifier_pem: String,
}

/// What the digest of a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    /// The payload of an envelope, without its type.
    EnvelopePayload,
    /// The very bytes that were signed.
    Message,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<S> {
    spec: S,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    api_version: String,
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse {
    payload_hash: HashText,
    signatures: Vec<DsseSignature>,
}

#[derive(Deserialize)]
struct DsseSignature {
    signature: String,
    verifier: String,
}

#[derive(Deserialize)]
struct Intoto {
    content: IntotoContent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContent {
    envelope: IntotoEnvelope,
    payload_hash: HashText,
}

#[derive(Deserialize)]
struct IntotoEnvelope {
    signatures: Vec<IntotoSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoSignature {
    public_key: String,
    sig: String,
}

#[derive(Deserialize)]
struct Hashed {
    data: HashedData,
    signature: HashedSignature,
}

#[derive(Deserialize)]
struct HashedData {
    hash: HashText,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashedSignature {
    content: String,
    public_key: HashedKey,
}

#[derive(Deserialize)]
struct HashedKey {
    content: String,
}

#[derive(Deserialize)]
struct HashText {
    algorithm: String,
    value: String,
}

impl OldRecord {
    /// Reads the body of an entry.
    pub fn from_body(body: &[u8]) -> Result<Self, RekordError> {
        if body.len() > ENTRY_BYTES_MAX {
            return Err(RekordError::TooLong(body.len()));
        }
        let Kind { kind, api_version } = serde_json::from_slice(body)?;
        match (kind.as_str(), api_version.as_str()) {
            ("dsse", "0.0.1") => Self::of_dsse(serde_json::from_slice::<Body<Dsse>>(body)?.spec),
            ("intoto", "0.0.2") => Self::of_intoto(serde_json::from_slice::<Body<Intoto>>(body)?.spec),
            ("hashedrekord", "0.0.1") => Self::of_hashed(&serde_json::from_slice::<Body<Hashed>>(body)?.spec),
            _ => Err(RekordError::Kind(text::shortened(&format!("{kind} {api_version}")))),
        }
    }

    fn of_dsse(spec: Dsse) -> Result<Self, RekordError> {
        let [one] = <[DsseSignature; 1]>::try_from(spec.signatures).map_err(|_| RekordError::Key)?;
        Ok(Self {
            covers: Covered::EnvelopePayload,
            digest: sha256(&spec.payload_hash)?,
            signature: decoded("signature", &one.signature)?,
            verifier_pem: pem("verifier", &one.verifier)?,
        })
    }

    /// The signature is base64 twice: the log took the envelope's text for bytes.
    fn of_intoto(spec: Intoto) -> Result<Self, RekordError> {
        let [one] = <[IntotoSignature; 1]>::try_from(spec.content.envelope.signatures)
            .map_err(|_| RekordError::Key)?;
        Ok(Self {
            covers: Covered::EnvelopePayload,
            digest: sha256(&spec.content.payload_hash)?,
            signature: decoded("sig", &pem("sig", &one.sig)?)?,
            verifier_pem: pem("publicKey", &one.public_key)?,
        })
    }

    fn of_hashed(spec: &Hashed) -> Result<Self, RekordError> {
        Ok(Self {
            covers: Covered::Message,
            digest: sha256(&spec.data.hash)?,
            signature: decoded("signature", &spec.signature.content)?,
            verifier_pem: pem("publicKey", &spec.signature.public_key.content)?,
        })
    }
}

fn decoded(what: &'static str, text: &str) -> Result<Vec<u8>, RekordError> {
    text::from_any_base64(text).ok_or(RekordError::Base64(what))
}

/// A text that is written in base64.
fn pem(what: &'static str, text: &str) -> Result<String, RekordError> {
    String::from_utf8(decoded(what, text)?).map_err(|_| RekordError::Base64(what))
}

fn sha256(hash: &HashText) -> Result<Vec<u8>, RekordError> {
    let bytes = text::from_hex(&hash.value).filter(|bytes| bytes.len() == 32);
    bytes.filter(|_| hash.algorithm == "sha256").ok_or(RekordError::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "2c8e4ab75924ebc06c50e8d2e91411f138ac268e6b887f3f8ed04418c7066418";

    fn dsse(signatures: &str) -> String {
        format!(
            r#"{{"apiVersion":"0.0.1","kind":"dsse","spec":{{"payloadHash":{{"algorithm":"sha256","value":"{HASH}"}},"signatures":[{signatures}]}}}}"#
        )
    }

    #[test]
    fn each_kind_is_read() {
        let signature = r#"{"signature":"AQID","verifier":"UEVN"}"#;
        let read = OldRecord::from_body(dsse(signature).as_bytes()).unwrap();
        assert_eq!((read.covers, read.signature.as_slice()), (Covered::EnvelopePayload, &[1, 2, 3][..]));
        assert_eq!((read.verifier_pem.as_str(), read.digest.len()), ("PEM", 32));
        let intoto = format!(
            r#"{{"apiVersion":"0.0.2","kind":"intoto","spec":{{"content":{{"envelope":{{"signatures":[{{"publicKey":"UEVN","sig":"QVFJRA=="}}]}},"payloadHash":{{"algorithm":"sha256","value":"{HASH}"}}}}}}}}"#
        );
        assert_eq!(OldRecord::from_body(intoto.as_bytes()).unwrap(), read);
        let hashed = format!(
            r#"{{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{{"data":{{"hash":{{"algorithm":"sha256","value":"{HASH}"}}}},"signature":{{"content":"AQID","publicKey":{{"content":"UEVN"}}}}}}}}"#
        );
        let hashed = OldRecord::from_body(hashed.as_bytes()).unwrap();
        assert_eq!(hashed, OldRecord { covers: Covered::Message, ..read });
    }

    #[test]
    fn what_says_less_than_one_signature_or_more_is_refused() {
        let signature = r#"{"signature":"AQID","verifier":"UEVN"}"#;
        let refused = |body: String| OldRecord::from_body(body.as_bytes()).unwrap_err();
        assert!(matches!(refused(dsse("")), RekordError::Key));
        assert!(matches!(refused(dsse(&format!("{signature},{signature}"))), RekordError::Key));
        let good = dsse(signature);
        assert!(matches!(refused(good.replace("sha256", "sha512")), RekordError::Hash));
        assert!(matches!(refused(good.replace("2c8e", "2c")), RekordError::Hash));
        assert!(matches!(refused(good.replace("AQID", "A*")), RekordError::Base64(_)));
        assert!(matches!(refused(good.replace("dsse", "helm")), RekordError::Kind(_)));
    }
}
