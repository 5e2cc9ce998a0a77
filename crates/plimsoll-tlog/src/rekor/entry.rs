//! The proof that a log answers with, and that bundles carry (sigstore/protobuf-specs, `sigstore_rekor.proto`).

use serde::{Deserialize, Deserializer, Serialize};

use super::{HashedRekord, RekordError};
use crate::checkpoint::Checkpoint;
use crate::hash::{Hash, leaf_hash};
use crate::note::NOTE_BYTES_MAX;
use crate::proof::{InclusionProof, ProofError};
use crate::sign::{LogVerifier, OpenError, Opened};
use crate::text;

/// Most bytes of an entry's JSON: a body, and a checkpoint with a proof.
pub(super) const JSON_BYTES_MAX: usize = 4 * NOTE_BYTES_MAX;

/// Most hashes of a proof: a tree has no more levels.
pub(super) const HASHES_MAX: usize = 64;

/// A signature's record with the proof that a log holds it. It is complete: no log needs to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransparencyLogEntry {
    /// The whole id of the log's key.
    pub log_id: Hash,
    /// The record, as the log holds it.
    pub body: Vec<u8>,
    /// The proof. Index and size are as the log says; only the checkpoint's are believed.
    pub proof: InclusionProof,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// Why an entry cannot be read or does not hold.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The bytes are too many.
    #[error("the log entry has {0} bytes, more than {JSON_BYTES_MAX}")]
    TooLong(usize),
    /// The bytes are not an entry's JSON.
    #[error("the log entry cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A field is missing, or is not what it should be.
    #[error("the log entry's `{0}` is missing or damaged")]
    Field(&'static str),
    /// The entry's number is not the one that is proved.
    #[error("the log entry says it is number {said}, but its proof is of number {proved}")]
    Index {
        /// The number outside the proof.
        said: u64,
        /// The number inside the proof.
        proved: u64,
    },
    /// Another log has answered.
    #[error("the log entry is of the log `{found}` and not of `{expected}`")]
    Log {
        /// The id of the trusted log.
        expected: Hash,
        /// The id in the entry.
        found: Hash,
    },
    /// The checkpoint is not believed.
    #[error(transparent)]
    Checkpoint(#[from] OpenError),
    /// The log has not promised to take it.
    #[error("the log's promise to take the entry is not signed by it")]
    Promise,
    /// The record is not in the checkpoint's tree.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The record cannot be used.
    #[error(transparent)]
    Record(#[from] RekordError),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryText {
    /// Proto3 leaves out what is zero.
    #[serde(alias = "log_index", default, deserialize_with = "integer", skip_serializing_if = "is_zero")]
    log_index: String,
    #[serde(alias = "log_id")]
    log_id: LogIdText,
    #[serde(alias = "kind_version")]
    kind_version: KindText,
    #[serde(alias = "inclusion_proof")]
    inclusion_proof: ProofText,
    #[serde(alias = "canonicalized_body")]
    canonicalized_body: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogIdText {
    #[serde(alias = "key_id")]
    pub(super) key_id: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KindText {
    pub(super) kind: String,
    pub(super) version: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProofText {
    #[serde(alias = "log_index", default, deserialize_with = "integer", skip_serializing_if = "is_zero")]
    log_index: String,
    #[serde(alias = "root_hash", default)]
    root_hash: String,
    #[serde(alias = "tree_size", default, deserialize_with = "integer", skip_serializing_if = "is_zero")]
    tree_size: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<String>,
    checkpoint: EnvelopeText,
}

#[derive(Serialize, Deserialize)]
struct EnvelopeText {
    envelope: String,
}

/// A 64-bit number is a string in proto3's JSON form, and may be read from a number.
pub(super) fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }
    Ok(match Either::deserialize(from)? {
        Either::Number(number) => number.to_string(),
        Either::Text(text) => text,
    })
}

/// The serialiser's signature wants a reference to the field.
fn is_zero(text: &String) -> bool {
    text == "0"
}

impl TransparencyLogEntry {
    /// Puts the answer of a log together.
    pub fn new(log_id: Hash, record: &HashedRekord, proof: InclusionProof, checkpoint: String) -> Self {
        Self { log_id, body: record.to_body(), proof, checkpoint }
    }

    /// Checks the whole of it: the log's signature, the record's place in the tree, and the record's form. Returns what
    /// was logged and the opened checkpoint, whose time is when that was.
    pub fn verify(&self, log: &LogVerifier) -> Result<(HashedRekord, Opened), EntryError> {
        let expected = log.log.id();
        if self.log_id != expected {
            return Err(EntryError::Log { expected, found: self.log_id });
        }
        let opened = log.open(&self.checkpoint)?;
        let size = opened.checkpoint.size;
        let proof = InclusionProof { size, ..self.proof.clone() };
        proof.verify(leaf_hash(&self.body), opened.checkpoint.root)?;
        Ok((HashedRekord::from_body(&self.body)?, opened))
    }

    /// Writes it in proto3's JSON form.
    pub fn to_json(&self) -> Vec<u8> {
        let log_index = self.proof.index.to_string();
        let inclusion_proof = ProofText {
            log_index: log_index.clone(),
            root_hash: self.root_of_checkpoint(),
            tree_size: self.proof.size.to_string(),
            hashes: self.proof.hashes.iter().map(Hash::to_string).collect(),
            checkpoint: EnvelopeText { envelope: self.checkpoint.clone() },
        };
        let (kind, version) = (HashedRekord::KIND.to_owned(), HashedRekord::VERSION.to_owned());
        let entry = EntryText {
            log_index,
            log_id: LogIdText { key_id: self.log_id.to_string() },
            kind_version: KindText { kind, version },
            inclusion_proof,
            canonicalized_body: text::to_base64(&self.body),
        };
        serde_json::to_vec(&entry).expect("strings are JSON")
    }

    /// The root that the checkpoint names, as the proof repeats it.
    fn root_of_checkpoint(&self) -> String {
        let text = self.checkpoint.split_once("\n\n").map(|(text, _)| format!("{text}\n"));
        let checkpoint = text.and_then(|text| text.parse::<Checkpoint>().ok());
        checkpoint.map(|checkpoint| checkpoint.root.to_string()).unwrap_or_default()
    }

    /// Reads it from proto3's JSON form.
    pub fn parse(json: &[u8]) -> Result<Self, EntryError> {
        if json.len() > JSON_BYTES_MAX {
            return Err(EntryError::TooLong(json.len()));
        }
        let entry: EntryText = serde_json::from_slice(json)?;
        let said = number("logIndex", &entry.log_index)?;
        let proof = entry.inclusion_proof;
        let index = number("inclusionProof.logIndex", &proof.log_index)?;
        if said != index {
            return Err(EntryError::Index { said, proved: index });
        }
        if proof.hashes.len() > HASHES_MAX {
            return Err(EntryError::Field("inclusionProof.hashes"));
        }
        let size = number("inclusionProof.treeSize", &proof.tree_size)?;
        let hashes =
            proof.hashes.iter().map(|text| hash("inclusionProof.hashes", text)).collect::<Result<_, _>>()?;
        let body = text::from_any_base64(&entry.canonicalized_body);
        Ok(Self {
            log_id: hash("logId.keyId", &entry.log_id.key_id)?,
            body: body.ok_or(EntryError::Field("canonicalizedBody"))?,
            proof: InclusionProof { index, size, hashes },
            checkpoint: proof.checkpoint.envelope,
        })
    }
}

pub(super) fn number(what: &'static str, text: &str) -> Result<u64, EntryError> {
    if text.is_empty() { Ok(0) } else { text::decimal(text).ok_or(EntryError::Field(what)) }
}

pub(super) fn hash(what: &'static str, text: &str) -> Result<Hash, EntryError> {
    let bytes = text::from_any_base64(text).and_then(|bytes| bytes.try_into().ok());
    bytes.map(Hash::new).ok_or(EntryError::Field(what))
}
