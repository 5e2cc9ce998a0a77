//! Entries of logs that others run, as bundles carry them (sigstore/protobuf-specs, `sigstore_rekor.proto`).

use serde::Deserialize;
use serde_json::json;

use super::entry::{HASHES_MAX, JSON_BYTES_MAX, KindText, LogIdText, hash, integer, number};
use super::{EntryError, HashedRekord, OldRecord, RekorLog};
use crate::hash::{Hash, leaf_hash};
use crate::proof::InclusionProof;
use crate::text;

/// An entry of a log of either version. Nobody has checked it.
///
/// A log of the first version promises at once to take an entry in and states the time in that promise; its proof, which
/// may come later, states none. One of the second version proves, and states no time.
#[derive(Clone, Debug)]
pub struct LoggedEntry {
    log_id: Hash,
    log_index: u64,
    stated_at_unix_s: u64,
    promise: Option<Vec<u8>>,
    proof: Option<StatedProof>,
    body: Vec<u8>,
    kind: KindText,
}

#[derive(Clone, Debug)]
struct StatedProof {
    proof: InclusionProof,
    root: Hash,
    checkpoint: String,
}

/// What a log says of a signature, checked as far as the log's word goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// What was logged.
    pub record: LoggedRecord,
    /// The time in the entry, signed or not, in seconds since the Unix epoch.
    pub stated_at_unix_s: Option<u64>,
    /// Whether the log has signed that time.
    pub is_time_signed: bool,
    /// Whether the entry was shown to be in the tree, and is not only promised to be.
    pub is_included: bool,
}

/// What a log holds of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedRecord {
    /// As the first version has it.
    Old(OldRecord),
    /// As the second version has it.
    New(HashedRekord),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryText {
    #[serde(alias = "log_index", default, deserialize_with = "integer")]
    log_index: String,
    #[serde(alias = "log_id")]
    log_id: LogIdText,
    #[serde(alias = "kind_version")]
    kind_version: KindText,
    #[serde(alias = "integrated_time", default, deserialize_with = "integer")]
    integrated_time: String,
    #[serde(alias = "inclusion_promise", default)]
    inclusion_promise: Option<PromiseText>,
    #[serde(alias = "inclusion_proof", default)]
    inclusion_proof: Option<ProofText>,
    #[serde(alias = "canonicalized_body")]
    canonicalized_body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromiseText {
    #[serde(alias = "signed_entry_timestamp", default)]
    signed_entry_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProofText {
    #[serde(alias = "log_index", default, deserialize_with = "integer")]
    log_index: String,
    #[serde(alias = "root_hash")]
    root_hash: String,
    #[serde(alias = "tree_size", default, deserialize_with = "integer")]
    tree_size: String,
    #[serde(default)]
    hashes: Vec<String>,
    checkpoint: CheckpointText,
}

#[derive(Deserialize)]
struct CheckpointText {
    envelope: String,
}

impl LoggedEntry {
    /// Reads an entry in proto3's JSON form.
    pub fn parse(json: &[u8]) -> Result<Self, EntryError> {
        if json.len() > JSON_BYTES_MAX {
            return Err(EntryError::TooLong(json.len()));
        }
        let entry: EntryText = serde_json::from_slice(json)?;
        let decoded = |what, text: &str| text::from_any_base64(text).ok_or(EntryError::Field(what));
        let promise = entry.inclusion_promise.map(|promise| promise.signed_entry_timestamp);
        let promise = promise.filter(|text| !text.is_empty());
        Ok(Self {
            log_id: hash("logId.keyId", &entry.log_id.key_id)?,
            log_index: number("logIndex", &entry.log_index)?,
            stated_at_unix_s: number("integratedTime", &entry.integrated_time)?,
            promise: promise.map(|text| decoded("inclusionPromise", &text)).transpose()?,
            proof: entry.inclusion_proof.map(StatedProof::read).transpose()?,
            body: decoded("canonicalizedBody", &entry.canonicalized_body)?,
            kind: entry.kind_version,
        })
    }

    /// The log that it says to be of.
    pub fn log_id(&self) -> Hash {
        self.log_id
    }

    /// The same from an annotation of cosign's second version, where hashes are hexadecimal and a promise is all there is.
    pub fn of_promise(log_id: &str, index: u64, time_unix_s: u64, body: &str, promise: &str) -> Option<Self> {
        let log_id = text::from_hex(log_id).and_then(|bytes| bytes.try_into().ok()).map(Hash::new)?;
        let body = text::from_base64(body).filter(|body| body.len() <= JSON_BYTES_MAX)?;
        let kind: KindOfBody = serde_json::from_slice(&body).ok()?;
        Some(Self {
            log_id,
            log_index: index,
            stated_at_unix_s: time_unix_s,
            promise: Some(text::from_base64(promise)?),
            proof: None,
            body,
            kind: KindText { kind: kind.kind, version: kind.api_version },
        })
    }

    /// Checks everything that the log says: its promise and its proof, each where it is there, and one must be.
    pub fn verify(&self, log: &RekorLog) -> Result<Logged, EntryError> {
        if self.log_id != log.id() {
            return Err(EntryError::Log { expected: log.id(), found: self.log_id });
        }
        if self.promise.is_none() && self.proof.is_none() {
            return Err(EntryError::Field("inclusionProof"));
        }
        let record = self.record()?;
        if let Some(promise) = &self.promise {
            let is_signed = log.has_signed(self.promised().as_bytes(), promise);
            // The second version makes no promises.
            if !is_signed || matches!(record, LoggedRecord::New(_)) {
                return Err(EntryError::Promise);
            }
        }
        if let Some(proof) = &self.proof {
            self.check_inclusion(proof, log, &record)?;
        }
        Ok(Logged {
            record,
            stated_at_unix_s: Some(self.stated_at_unix_s).filter(|time| *time > 0),
            is_time_signed: self.promise.is_some() && self.stated_at_unix_s > 0,
            is_included: self.proof.is_some(),
        })
    }

    fn record(&self) -> Result<LoggedRecord, EntryError> {
        let KindOfBody { kind, api_version } = serde_json::from_slice(&self.body)?;
        if (&kind, &api_version) != (&self.kind.kind, &self.kind.version) {
            return Err(EntryError::Field("kindVersion"));
        }
        if (kind.as_str(), api_version.as_str()) == (HashedRekord::KIND, HashedRekord::VERSION) {
            return Ok(LoggedRecord::New(HashedRekord::from_body(&self.body)?));
        }
        Ok(LoggedRecord::Old(OldRecord::from_body(&self.body)?))
    }

    /// What a log of the first version signs when it takes an entry: RFC 8785's form of it.
    fn promised(&self) -> String {
        let id: String = self.log_id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let body = text::to_base64(&self.body);
        format!(
            r#"{{"body":{},"integratedTime":{},"logID":{},"logIndex":{}}}"#,
            json!(body),
            self.stated_at_unix_s,
            json!(id),
            self.log_index
        )
    }

    /// Size and root are the checkpoint's. What the proof repeats of them must not contradict it.
    fn check_inclusion(
        &self,
        stated: &StatedProof,
        log: &RekorLog,
        record: &LoggedRecord,
    ) -> Result<(), EntryError> {
        let checkpoint = log.open(&stated.checkpoint)?;
        let index = stated.proof.index;
        // The first version counts the entries of a log through all its trees, and a proof is of one of them.
        if matches!(record, LoggedRecord::New(_)) && index != self.log_index {
            return Err(EntryError::Index { said: self.log_index, proved: index });
        }
        if (stated.root, stated.proof.size) != (checkpoint.root, checkpoint.size) {
            return Err(EntryError::Field("inclusionProof.rootHash"));
        }
        Ok(stated.proof.verify(leaf_hash(&self.body), checkpoint.root)?)
    }
}

impl StatedProof {
    fn read(proof: ProofText) -> Result<Self, EntryError> {
        if proof.hashes.len() > HASHES_MAX {
            return Err(EntryError::Field("inclusionProof.hashes"));
        }
        let hashes = proof.hashes.iter().map(|text| hash("inclusionProof.hashes", text));
        let inclusion = InclusionProof {
            index: number("inclusionProof.logIndex", &proof.log_index)?,
            size: number("inclusionProof.treeSize", &proof.tree_size)?,
            hashes: hashes.collect::<Result<_, _>>()?,
        };
        let root = hash("inclusionProof.rootHash", &proof.root_hash)?;
        Ok(Self { proof: inclusion, root, checkpoint: proof.checkpoint.envelope })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KindOfBody {
    api_version: String,
    kind: String,
}
