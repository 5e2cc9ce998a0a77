use serde::{Deserialize, Serialize};

use crate::base64_text::{decode, encode};
use crate::envelope::EnvelopeJson;
use crate::nesting::{TooDeep, check_nesting};
use crate::{Envelope, KeyId, ParseEnvelopeError};

/// Largest bundle that is read or written: cosign's own limit.
pub const BUNDLE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Most entries of transparency logs, and most timestamps, in one bundle that are read.
const WITNESSES_MAX: usize = 32;

/// A Sigstore bundle: an envelope with what is needed to verify it (`sigstore_bundle.proto`).
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The form in which it was read. Bundles are written in the newest.
    pub version: BundleVersion,
    /// Who is said to have signed.
    pub signatory: Signatory,
    /// What was signed.
    pub envelope: Envelope,
    /// Entries of transparency logs, as they stand in the bundle.
    pub log_entries: Vec<serde_json::Value>,
    /// Signed timestamps (RFC 3161), in DER.
    pub timestamps: Vec<Vec<u8>>,
}

/// The forms of bundles. The first came without proofs that a log has an entry, and the third has no chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleVersion {
    /// 0.1.
    V01,
    /// 0.2.
    V02,
    /// 0.3.
    V03,
}

/// Who a bundle says has signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signatory {
    /// Somebody with a key, which the hint may name.
    Key {
        /// Base64 of the SHA-256 of the public key, as a rule.
        hint: Option<String>,
    },
    /// Somebody to whom a certificate was issued, which is here in DER.
    Certificate(Vec<u8>),
}

/// Why some bytes are not a bundle that can be judged.
#[derive(Debug, thiserror::Error)]
pub enum ParseBundleError {
    /// It is too large.
    #[error("the bundle has {0} bytes; at most {BUNDLE_BYTES_MAX} are read")]
    TooLarge(u64),
    /// It is too deep.
    #[error(transparent)]
    Nesting(#[from] TooDeep),
    /// It is not JSON of the expected shape.
    #[error("the bundle is not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// It says to be of another type.
    #[error("`{0}` is not the media type of a Sigstore bundle of version 0.1 to 0.3")]
    MediaType(String),
    /// It holds a signature over bytes, and no statement.
    #[error("the bundle signs a message and not a statement: it has no DSSE envelope")]
    NoEnvelope,
    /// It does not say who signed.
    #[error("the bundle has neither a public key nor a certificate")]
    NoSignatory,
    /// It has certificates that only older forms have.
    #[error("the bundle has a chain of certificates, where version 0.3 has one certificate")]
    Chain,
    /// The envelope is not understood.
    #[error(transparent)]
    Envelope(#[from] ParseEnvelopeError),
    /// A part is not base64.
    #[error("the bundle's {0} is not base64")]
    Base64(&'static str),
    /// There is too much.
    #[error("the bundle has {0} log entries or timestamps; at most {WITNESSES_MAX} are read")]
    ManyWitnesses(usize),
}

/// The media types of the three versions: `v0.3` has a form of its own, and every version the older one.
fn version_of(media_type: &str) -> Option<BundleVersion> {
    let version = media_type
        .strip_prefix("application/vnd.dev.sigstore.bundle.v")
        .and_then(|rest| rest.strip_suffix("+json"))
        .or_else(|| media_type.strip_prefix("application/vnd.dev.sigstore.bundle+json;version="));
    match version? {
        "0.1" => Some(BundleVersion::V01),
        "0.2" => Some(BundleVersion::V02),
        "0.3" => Some(BundleVersion::V03),
        _ => None,
    }
}

/// The protocol buffer as JSON: default values are absent, and names are read in both of proto3's spellings.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BundleJson {
    #[serde(default, alias = "media_type")]
    media_type: String,
    #[serde(default, alias = "verification_material")]
    verification_material: Material,
    #[serde(default, alias = "dsse_envelope", skip_serializing_if = "Option::is_none")]
    dsse_envelope: Option<EnvelopeJson>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    #[serde(default, alias = "public_key", skip_serializing_if = "Option::is_none")]
    public_key: Option<PublicKeyIdentifier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate>,
    #[serde(default, alias = "x509_certificate_chain", skip_serializing_if = "Option::is_none")]
    x509_certificate_chain: Option<Chain>,
    #[serde(default, alias = "tlog_entries", skip_serializing_if = "Vec::is_empty")]
    tlog_entries: Vec<serde_json::Value>,
    #[serde(default, alias = "timestamp_verification_data", skip_serializing_if = "Option::is_none")]
    timestamp_verification_data: Option<Timestamps>,
}

#[derive(Serialize, Deserialize)]
struct PublicKeyIdentifier {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    hint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    #[serde(default, alias = "raw_bytes")]
    raw_bytes: String,
}

#[derive(Serialize, Deserialize)]
struct Chain {
    #[serde(default)]
    certificates: Vec<Certificate>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timestamps {
    #[serde(default, alias = "rfc3161_timestamps", skip_serializing_if = "Vec::is_empty")]
    rfc3161_timestamps: Vec<SignedTimestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedTimestamp {
    #[serde(default, alias = "signed_timestamp")]
    signed_timestamp: String,
}

impl Bundle {
    /// The media type of the bundles that are written, of the layer that holds one, and of the artifact around it.
    pub const MEDIA_TYPE: &'static str = "application/vnd.dev.sigstore.bundle.v0.3+json";

    /// Whether a layer of this type holds a bundle. Parameters of media types are dropped when manifests are read, so
    /// that the older form is known by its beginning.
    pub fn is_layer_type(media_type: &str) -> bool {
        media_type == "application/vnd.dev.sigstore.bundle+json" || version_of(media_type).is_some()
    }

    /// A bundle signed with a key.
    pub fn of_key(envelope: Envelope, key: &KeyId) -> Self {
        let signatory = Signatory::Key { hint: Some(key.to_string()) };
        let version = BundleVersion::V03;
        Self { version, signatory, envelope, log_entries: Vec::new(), timestamps: Vec::new() }
    }

    /// Reads a bundle of version 0.1 to 0.3.
    pub fn parse(json: &[u8]) -> Result<Self, ParseBundleError> {
        if json.len() as u64 > BUNDLE_BYTES_MAX {
            return Err(ParseBundleError::TooLarge(json.len() as u64));
        }
        check_nesting(json)?;
        let read: BundleJson = serde_json::from_slice(json)?;
        let Some(version) = version_of(&read.media_type) else {
            return Err(ParseBundleError::MediaType(read.media_type));
        };
        let material = read.verification_material;
        let stamps =
            material.timestamp_verification_data.map_or_else(Vec::new, |data| data.rfc3161_timestamps);
        let witnesses = material.tlog_entries.len().max(stamps.len());
        if witnesses > WITNESSES_MAX {
            return Err(ParseBundleError::ManyWitnesses(witnesses));
        }
        let timestamp = |stamp: SignedTimestamp| {
            decode(&stamp.signed_timestamp).ok_or(ParseBundleError::Base64("timestamp"))
        };
        if version == BundleVersion::V03 && material.x509_certificate_chain.is_some() {
            return Err(ParseBundleError::Chain);
        }
        Ok(Self {
            version,
            signatory: signatory(material.public_key, material.certificate, material.x509_certificate_chain)?,
            envelope: read.dsse_envelope.ok_or(ParseBundleError::NoEnvelope)?.try_into()?,
            log_entries: material.tlog_entries,
            timestamps: stamps.into_iter().map(timestamp).collect::<Result<_, _>>()?,
        })
    }

    /// Writes a bundle of version 0.3.
    pub fn to_json(&self) -> String {
        let (public_key, certificate) = match &self.signatory {
            Signatory::Key { hint } => {
                (Some(PublicKeyIdentifier { hint: hint.clone().unwrap_or_default() }), None)
            }
            Signatory::Certificate(der) => (None, Some(Certificate { raw_bytes: encode(der) })),
        };
        let stamp = |der: &Vec<u8>| SignedTimestamp { signed_timestamp: encode(der) };
        let rfc3161_timestamps: Vec<SignedTimestamp> = self.timestamps.iter().map(stamp).collect();
        let stamps = (!rfc3161_timestamps.is_empty()).then_some(Timestamps { rfc3161_timestamps });
        let written = BundleJson {
            media_type: Self::MEDIA_TYPE.to_owned(),
            verification_material: Material {
                public_key,
                certificate,
                x509_certificate_chain: None,
                tlog_entries: self.log_entries.clone(),
                timestamp_verification_data: stamps,
            },
            dsse_envelope: Some((&self.envelope).into()),
        };
        serde_json::to_string(&written).expect("texts serialise")
    }
}

/// Version 0.3 has the leaf alone, the older ones a chain that begins with it.
fn signatory(
    key: Option<PublicKeyIdentifier>,
    leaf: Option<Certificate>,
    chain: Option<Chain>,
) -> Result<Signatory, ParseBundleError> {
    let leaf = leaf.or_else(|| chain?.certificates.into_iter().next());
    match (key, leaf) {
        (_, Some(leaf)) => {
            let der = decode(&leaf.raw_bytes).ok_or(ParseBundleError::Base64("certificate"))?;
            Ok(Signatory::Certificate(der))
        }
        (Some(key), None) => Ok(Signatory::Key { hint: Some(key.hint).filter(|hint| !hint.is_empty()) }),
        (None, None) => Err(ParseBundleError::NoSignatory),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"XVFg3hFqWaF1HiS20tUcrqCsQMrRerkUG7OGRYWyfd4="}},"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAE="}]}}"#;

    #[test]
    fn a_bundle_is_written_as_cosign_writes_it() {
        assert_eq!(Bundle::parse(OURS.as_bytes()).unwrap().to_json(), OURS);
    }

    #[test]
    fn older_forms_are_read() {
        let with = |from: &str, to: &str| OURS.replace(from, to);
        let type_of = |version: &str| {
            with(Bundle::MEDIA_TYPE, &format!("application/vnd.dev.sigstore.bundle+json;version={version}"))
        };
        for text in [type_of("0.1"), type_of("0.2"), type_of("0.3"), with("dsseEnvelope", "dsse_envelope")] {
            assert!(Bundle::parse(text.as_bytes()).is_ok(), "{text}");
        }
        let chain = with(
            r#""publicKey":{"hint":"XVFg3hFqWaF1HiS20tUcrqCsQMrRerkUG7OGRYWyfd4="}"#,
            r#""x509CertificateChain":{"certificates":[{"rawBytes":"MAA="},{"rawBytes":"MAE="}]}"#,
        );
        assert!(matches!(Bundle::parse(chain.as_bytes()), Err(ParseBundleError::Chain)));
        let older = chain.replace(Bundle::MEDIA_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.2");
        let signatory = Bundle::parse(older.as_bytes()).unwrap().signatory;
        assert_eq!(signatory, Signatory::Certificate(vec![0x30, 0]));
    }

    #[test]
    fn what_is_no_bundle_is_refused_with_the_reason() {
        let refusal =
            |from: &str, to: &str| Bundle::parse(OURS.replace(from, to).as_bytes()).unwrap_err().to_string();
        assert!(refusal("v0.3", "v0.4").contains("v0.4+json` is not the media type"));
        assert!(refusal("dsseEnvelope", "messageSignature").contains("it has no DSSE envelope"));
        assert!(refusal("publicKey", "secretKey").contains("neither a public key nor a certificate"));
        let deep = OURS
            .replace("{\"hint\"", &format!("{{\"x\":{}{},\"hint\"", "[".repeat(10_000), "]".repeat(10_000)));
        assert_eq!(Bundle::parse(deep.as_bytes()).unwrap_err().to_string(), TooDeep.to_string());
        let crowded = format!(r#""tlogEntries":[{}],"publicKey""#, vec!["{}"; 33].join(","));
        assert!(refusal(r#""publicKey""#, &crowded).contains("33 log entries"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
            let _ = Bundle::parse(&bytes);
        }
    }
}
