//! What cosign 2 left beside a keyless signature, in annotations of its layer.

use std::collections::BTreeMap;

use plimsoll_tlog::{EntryError, LoggedEntry};
use serde::Deserialize;

use crate::IdentityError;
use crate::base64_text::decode;
use crate::key::pem;
use crate::sigstore::CertifiedSignature;

/// The certificate, in PEM. The chain beside it is not read: the trusted root has it.
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
/// The promise of a log to take the signature in.
const PROMISE: &str = "dev.sigstore.cosign/bundle";
/// A timestamp of the signature.
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";
/// Longest annotation that is read.
const ANNOTATION_BYTES_MAX: usize = 256 * 1024;

/// A certificate, with what proves when it was used.
pub(super) struct Certified {
    certificate: Vec<u8>,
    entry: Option<LoggedEntry>,
    timestamps: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PromiseJson {
    signed_entry_timestamp: String,
    payload: PromisedJson,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromisedJson {
    body: String,
    integrated_time: u64,
    log_index: u64,
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Deserialize)]
struct TimestampJson {
    #[serde(rename = "SignedRFC3161Timestamp")]
    timestamp: String,
}

impl Certified {
    /// What stands in the annotations; nothing where there is no certificate.
    pub(super) fn read(annotations: &BTreeMap<String, String>) -> Result<Option<Self>, IdentityError> {
        let text = |name| annotations.get(name).filter(|text| text.len() <= ANNOTATION_BYTES_MAX);
        if !annotations.contains_key(CERTIFICATE) {
            return Ok(None);
        }
        let certificate = text(CERTIFICATE).and_then(|text| pem::read(text));
        // What is no certificate is refused as one that is damaged.
        let certificate = certificate.map(|pem| pem.bytes).unwrap_or_default();
        let entry = text(PROMISE).map(|text| read_promise(text)).transpose()?;
        let timestamps = text(TIMESTAMP).and_then(|text| read_timestamp(text)).into_iter().collect();
        Ok(Some(Self { certificate, entry, timestamps }))
    }

    /// The signature that it stands beside.
    pub(super) fn signature<'a>(
        &'a self,
        signed: &'a [u8],
        payload: Option<&'a [u8]>,
        signature: &'a [u8],
    ) -> CertifiedSignature<'a> {
        CertifiedSignature {
            certificate: &self.certificate,
            signed,
            payload,
            signature,
            entries: self.entry.iter().cloned().collect(),
            timestamps: &self.timestamps,
            witnessed_at: None,
            is_promise_enough: true,
        }
    }
}

fn read_promise(text: &str) -> Result<LoggedEntry, EntryError> {
    let PromiseJson { signed_entry_timestamp, payload } = serde_json::from_str(text)?;
    let PromisedJson { body, integrated_time, log_index, log_id } = payload;
    LoggedEntry::of_promise(&log_id, log_index, integrated_time, &body, &signed_entry_timestamp)
        .ok_or(EntryError::Field("Payload"))
}

fn read_timestamp(text: &str) -> Option<Vec<u8>> {
    decode(&serde_json::from_str::<TimestampJson>(text).ok()?.timestamp)
}
