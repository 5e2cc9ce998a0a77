//! Rekor's words: the entry `hashedrekord` 0.0.2 of its second version and the proof that a log answers with; and of
//! either version what others' logs say, to be checked.

mod entry;
mod instance;
mod key_details;
mod version_one;
mod witnessed;

use serde::{Deserialize, Serialize};

use crate::entries::ENTRY_BYTES_MAX;
use crate::hash::{Hash, leaf_hash};
use crate::text;

pub use entry::{EntryError, TransparencyLogEntry};
pub use instance::{RekorLog, RekorLogError};
pub use key_details::KeyDetails;
pub use version_one::{Covered, OldRecord};
pub use witnessed::{Logged, LoggedEntry, LoggedRecord};

/// A signature over a digest, and the key or certificate that is said to have made it. Nobody has checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedRekord {
    digest: Vec<u8>,
    signature: Vec<u8>,
    key: RekordKey,
    key_details: KeyDetails,
}

/// What a signature is to be checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RekordKey {
    /// A SubjectPublicKeyInfo in DER.
    PublicKey(Vec<u8>),
    /// An X.509 certificate in DER.
    Certificate(Vec<u8>),
}

/// Why a record of a signature cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RekordError {
    /// The bytes are too many.
    #[error("the record has {0} bytes, more than {ENTRY_BYTES_MAX}")]
    TooLong(usize),
    /// The bytes are not the record's JSON.
    #[error("the record cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// It is a record of another kind.
    #[error("the log holds a `{0}`, which says nothing of a signature that is read here")]
    Kind(String),
    /// A field is not base64.
    #[error("the record's `{0}` is not base64")]
    Base64(&'static str),
    /// There is not exactly one key, or not exactly one signature.
    #[error("the record has no `publicKey` or `x509Certificate`, or both, or not exactly one signature")]
    Key,
    /// It does not say what was signed.
    #[error("the record's hash is no SHA-256")]
    Hash,
    /// The kind of key is none that the log takes.
    #[error("the log takes no signatures by `{0}`")]
    KeyDetails(String),
    /// The digest is not one of the hash that the key signs.
    #[error("the digest has {found} bytes, but `{details}` signs {expected}")]
    DigestLength {
        /// The kind of key.
        details: KeyDetails,
        /// The bytes of its hash.
        expected: usize,
        /// The bytes of the digest.
        found: usize,
    },
    /// There is no signature.
    #[error("the signature is empty")]
    EmptySignature,
    /// The record is not in the one form that a hash can be taken of.
    #[error("the record is not in canonical form")]
    NotCanonical,
}

/// What cosign sends (rekor-tiles, `rekor/v2/entry.proto`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(alias = "hashed_rekord_request_v002")]
    hashed_rekord_request_v002: RequestSpec,
}

#[derive(Deserialize)]
struct RequestSpec {
    digest: String,
    signature: SignatureText,
}

// The members of what follows stand in the order of their names: that is the canonical form (RFC 8785) of values that
// need no escapes.

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    api_version: String,
    kind: String,
    spec: Spec,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    hashed_rekord_v002: Rekord,
}

#[derive(Serialize, Deserialize)]
struct Rekord {
    data: Data,
    signature: SignatureText,
}

#[derive(Serialize, Deserialize)]
struct Data {
    algorithm: String,
    digest: String,
}

#[derive(Serialize, Deserialize)]
struct SignatureText {
    content: String,
    verifier: VerifierText,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VerifierText {
    #[serde(alias = "key_details")]
    key_details: String,
    #[serde(skip_serializing_if = "Option::is_none", alias = "public_key")]
    public_key: Option<RawBytes>,
    #[serde(skip_serializing_if = "Option::is_none", alias = "x509_certificate")]
    x509_certificate: Option<RawBytes>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    #[serde(alias = "raw_bytes")]
    raw_bytes: String,
}

impl HashedRekord {
    pub(crate) const KIND: &str = "hashedrekord";
    pub(crate) const VERSION: &str = "0.0.2";

    /// Takes the parts of a record.
    pub fn new(
        digest: Vec<u8>,
        signature: Vec<u8>,
        key: RekordKey,
        key_details: KeyDetails,
    ) -> Result<Self, RekordError> {
        let (expected, found) = (key_details.digest_bytes(), digest.len());
        if expected != found {
            return Err(RekordError::DigestLength { details: key_details, expected, found });
        }
        if signature.is_empty() {
            return Err(RekordError::EmptySignature);
        }
        let record = Self { digest, signature, key, key_details };
        let length = record.to_body().len();
        if length > ENTRY_BYTES_MAX { Err(RekordError::TooLong(length)) } else { Ok(record) }
    }

    /// Reads what a client sends to have it logged.
    pub fn from_request(json: &[u8]) -> Result<Self, RekordError> {
        if json.len() > ENTRY_BYTES_MAX {
            return Err(RekordError::TooLong(json.len()));
        }
        let Request { hashed_rekord_request_v002: RequestSpec { digest, signature } } =
            serde_json::from_slice(json)?;
        Self::from_text(&digest, signature)
    }

    /// Reads the body of an entry, which must be in canonical form.
    pub fn from_body(body: &[u8]) -> Result<Self, RekordError> {
        if body.len() > ENTRY_BYTES_MAX {
            return Err(RekordError::TooLong(body.len()));
        }
        let Body { api_version, kind, spec } = serde_json::from_slice(body)?;
        if (kind.as_str(), api_version.as_str()) != (Self::KIND, Self::VERSION) {
            return Err(RekordError::Kind(text::shortened(&format!("{kind} {api_version}"))));
        }
        let record =
            Self::from_text(&spec.hashed_rekord_v002.data.digest, spec.hashed_rekord_v002.signature)?;
        if record.to_body() == body { Ok(record) } else { Err(RekordError::NotCanonical) }
    }

    fn from_text(digest: &str, signature: SignatureText) -> Result<Self, RekordError> {
        let decoded = |what, text: &str| text::from_any_base64(text).ok_or(RekordError::Base64(what));
        let VerifierText { key_details, public_key, x509_certificate } = signature.verifier;
        let key = match (public_key, x509_certificate) {
            (Some(key), None) => RekordKey::PublicKey(decoded("publicKey", &key.raw_bytes)?),
            (None, Some(key)) => RekordKey::Certificate(decoded("x509Certificate", &key.raw_bytes)?),
            _ => return Err(RekordError::Key),
        };
        let key_details = key_details.parse()?;
        Self::new(decoded("digest", digest)?, decoded("signature", &signature.content)?, key, key_details)
    }

    /// The entry's bytes: the canonical form of the record.
    pub fn to_body(&self) -> Vec<u8> {
        let raw = |bytes: &[u8]| Some(RawBytes { raw_bytes: text::to_base64(bytes) });
        let (public_key, x509_certificate) = match &self.key {
            RekordKey::PublicKey(key) => (raw(key), None),
            RekordKey::Certificate(certificate) => (None, raw(certificate)),
        };
        let key_details = self.key_details.name().to_owned();
        let verifier = VerifierText { key_details, public_key, x509_certificate };
        let algorithm = self.key_details.hash_name().to_owned();
        let data = Data { algorithm, digest: text::to_base64(&self.digest) };
        let signature = SignatureText { content: text::to_base64(&self.signature), verifier };
        let body = Body {
            api_version: Self::VERSION.to_owned(),
            kind: Self::KIND.to_owned(),
            spec: Spec { hashed_rekord_v002: Rekord { data, signature } },
        };
        serde_json::to_vec(&body).expect("strings are JSON")
    }

    /// The entry's place in the tree.
    pub fn leaf_hash(&self) -> Hash {
        leaf_hash(&self.to_body())
    }

    /// What was signed: for a DSSE envelope the digest of its pre-authentication encoding, not of its payload.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// The signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// What the signature is to be checked with.
    pub fn key(&self) -> &RekordKey {
        &self.key
    }

    /// The kind of key.
    pub fn key_details(&self) -> KeyDetails {
        self.key_details
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: &str) -> String {
        format!(
            r#"{{"hashedRekordRequestV002":{{"digest":"{}","signature":{{"content":"AQID","verifier":{{{key},"keyDetails":"PKIX_ECDSA_P256_SHA_256"}}}}}}}}"#,
            text::to_base64(&[7; 32])
        )
    }

    #[test]
    fn a_request_becomes_the_canonical_body() {
        let record =
            HashedRekord::from_request(request(r#""publicKey":{"rawBytes":"AQ=="}"#).as_bytes()).unwrap();
        let expected = r#"{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="},"signature":{"content":"AQID","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":"AQ=="}}}}}}"#;
        assert_eq!(String::from_utf8(record.to_body()).unwrap(), expected);
        assert_eq!(HashedRekord::from_body(expected.as_bytes()).unwrap(), record);
        let certificate = request(r#""x509Certificate":{"rawBytes":"Ag"}"#);
        let certificate = HashedRekord::from_request(certificate.as_bytes()).unwrap();
        assert_eq!(certificate.key(), &RekordKey::Certificate(vec![2]));
    }

    #[test]
    fn a_body_in_another_form_is_refused() {
        let record =
            HashedRekord::from_request(request(r#""publicKey":{"rawBytes":"AQ=="}"#).as_bytes()).unwrap();
        let body = String::from_utf8(record.to_body()).unwrap();
        for other in [
            body.replace("\"kind\"", " \"kind\""),
            body.replace("AQ==", "AQ"),
            body.replace("SHA2_256", "SHA2_384"),
        ] {
            assert!(
                matches!(HashedRekord::from_body(other.as_bytes()), Err(RekordError::NotCanonical)),
                "{other}"
            );
        }
        let older = body.replace("0.0.2", "0.0.1");
        assert!(matches!(HashedRekord::from_body(older.as_bytes()), Err(RekordError::Kind(_))));
    }

    #[test]
    fn half_a_request_is_refused_with_the_reason() {
        let refused =
            |request: String| HashedRekord::from_request(request.as_bytes()).unwrap_err().to_string();
        assert!(refused("{}".into()).contains("hashedRekordRequestV002"));
        let key = r#""publicKey":{"rawBytes":"AQ=="}"#;
        assert!(refused(request(r#""x":1"#)).contains("no `publicKey`"));
        assert!(
            refused(request(&format!("{key},\"x509Certificate\":{{\"rawBytes\":\"\"}}"))).contains("or both")
        );
        assert!(refused(request(key).replace("AQID", "")).contains("signature is empty"));
        assert!(refused(request(key).replace("BwcH", "")).contains("the digest has"));
        assert!(refused(request(key).replace("P256_SHA_256", "X")).contains("takes no signatures by"));
        assert!(refused(request(key).replace("AQID", "A*")).contains("`signature` is not base64"));
        let key = format!(r#""publicKey":{{"rawBytes":"{}"}}"#, "A".repeat(ENTRY_BYTES_MAX));
        assert!(refused(request(&key)).contains("more than"));
    }
}
