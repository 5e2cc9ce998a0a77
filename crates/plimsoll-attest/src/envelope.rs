use serde::{Deserialize, Serialize};

use crate::base64_text::{decode, encode};
use crate::nesting::{TooDeep, check_nesting};

/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Most signatures of one envelope that are read.
const SIGNATURES_MAX: usize = 64;

/// A signed payload with its type (DSSE, `envelope.md`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// What was signed, byte for byte.
    pub payload: Vec<u8>,
    /// Who signed.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// The signature over the envelope's [`pae`].
    pub bytes: Vec<u8>,
    /// Which key it may be by. It is not signed, so it is never more than a hint.
    pub key_id: Option<String>,
}

/// Why something is not an envelope.
#[derive(Debug, thiserror::Error)]
pub enum ParseEnvelopeError {
    /// It is too deep.
    #[error(transparent)]
    Nesting(#[from] TooDeep),
    /// It is not JSON of the expected shape.
    #[error("the envelope is not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// A part is not base64.
    #[error("the envelope's {0} is not base64")]
    Base64(&'static str),
    /// There are too many signatures.
    #[error("the envelope has {0} signatures; at most {SIGNATURES_MAX} are read")]
    ManySignatures(usize),
}

/// The bytes that are signed: DSSE's pre-authentication encoding, which binds the payload to its type.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// An envelope as JSON has it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvelopeJson {
    #[serde(default)]
    payload: String,
    #[serde(default, alias = "payload_type")]
    payload_type: String,
    #[serde(default)]
    signatures: Option<Vec<SignatureJson>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SignatureJson {
    #[serde(default)]
    sig: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
}

impl Envelope {
    /// Reads an envelope that stands alone, as in a layer of a `.att` tag.
    pub fn parse(json: &[u8]) -> Result<Self, ParseEnvelopeError> {
        check_nesting(json)?;
        serde_json::from_slice::<EnvelopeJson>(json)?.try_into()
    }

    /// The bytes that its signatures are over.
    pub fn signed_bytes(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }
}

impl From<&Envelope> for EnvelopeJson {
    fn from(envelope: &Envelope) -> Self {
        let written = |signature: &EnvelopeSignature| SignatureJson {
            sig: encode(&signature.bytes),
            keyid: signature.key_id.clone(),
        };
        Self {
            payload: encode(&envelope.payload),
            payload_type: envelope.payload_type.clone(),
            signatures: Some(envelope.signatures.iter().map(written).collect()),
        }
    }
}

impl TryFrom<EnvelopeJson> for Envelope {
    type Error = ParseEnvelopeError;

    fn try_from(json: EnvelopeJson) -> Result<Self, Self::Error> {
        let signatures = json.signatures.unwrap_or_default();
        if signatures.len() > SIGNATURES_MAX {
            return Err(ParseEnvelopeError::ManySignatures(signatures.len()));
        }
        let read = |signature: SignatureJson| {
            let bytes = decode(&signature.sig).ok_or(ParseEnvelopeError::Base64("signature"))?;
            let key_id = signature.keyid.filter(|key_id| !key_id.is_empty());
            Ok::<_, ParseEnvelopeError>(EnvelopeSignature { bytes, key_id })
        };
        Ok(Self {
            payload_type: json.payload_type,
            payload: decode(&json.payload).ok_or(ParseEnvelopeError::Base64("payload"))?,
            signatures: signatures.into_iter().map(read).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_bytes_are_those_of_the_specifications_example() {
        let bytes = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn an_envelope_with_more_than_it_may_have_is_refused() {
        let json = |count| {
            format!(r#"{{"payload":"","signatures":[{}]}}"#, vec![r#"{"sig":"AA=="}"#; count].join(","))
        };
        assert_eq!(Envelope::parse(json(64).as_bytes()).unwrap().signatures.len(), 64);
        let refused = Envelope::parse(json(65).as_bytes()).unwrap_err();
        assert_eq!(refused.to_string(), "the envelope has 65 signatures; at most 64 are read");
        assert!(matches!(Envelope::parse(br#"{"payload":"%"}"#), Err(ParseEnvelopeError::Base64("payload"))));
    }
}
