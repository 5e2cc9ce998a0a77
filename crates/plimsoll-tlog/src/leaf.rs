//! What the leaves of Plimsoll's log say.
//!
//! A leaf is JSON in the form of Rekor's entries, canonical (RFC 8785), and holds hashes only: what it is about can be
//! erased and the tree stays whole.

use serde::{Deserialize, Serialize};

use crate::entries::ENTRY_BYTES_MAX;
use crate::hash::{Hash, leaf_hash};
use crate::rekor::{HashedRekord, RekordError};

const FACT: &str = "plimsollfact";
const EVENT: &str = "plimsollevent";
const API_VERSION: &str = "0.0.1";

/// Longest digest: SHA-512 in hexadecimal, with its name.
const DIGEST_BYTES_MAX: usize = 135;

/// One leaf, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// A signature over a digest, as cosign hands it in.
    HashedRekord(HashedRekord),
    /// A registry accepted a signed statement.
    Fact(FactLeaf),
    /// Something happened in the server.
    Event(EventLeaf),
}

/// A registry accepted a manifest that carries signed statements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactLeaf {
    /// The digest of the manifest.
    pub manifest: String,
    /// The digest of what it is about, if it names that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
}

/// Something happened in the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLeaf {
    /// What kind of thing, such as `tag-moved`.
    pub kind: String,
    /// The hash of the document that tells of it.
    pub payload: Hash,
}

/// Why bytes are not a leaf that is known.
#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    /// The bytes are too many.
    #[error("the entry has {0} bytes, more than {ENTRY_BYTES_MAX}")]
    TooLong(usize),
    /// The bytes are not a leaf's JSON.
    #[error("the entry cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The kind is none that is known.
    #[error("the entry is of the kind `{0}`, which is not known")]
    Kind(String),
    /// The JSON is not in the one form that a hash can be taken of.
    #[error("the entry is not in canonical form")]
    NotCanonical,
    /// A digest is none.
    #[error("`{0}` is not a digest")]
    Digest(String),
    /// The signature's record cannot be used.
    #[error(transparent)]
    Rekord(#[from] RekordError),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope<S> {
    api_version: String,
    kind: String,
    spec: S,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventSpec {
    payload: Sha256Of,
    r#type: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sha256Of {
    algorithm: String,
    digest: String,
}

#[derive(Deserialize)]
struct AnyKind {
    kind: String,
}

impl FactLeaf {
    /// The entry's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        envelope(FACT, self)
    }

    /// The entry's place in the tree.
    pub fn hash(&self) -> Hash {
        leaf_hash(&self.to_bytes())
    }
}

impl EventLeaf {
    /// The leaf of an event told by `payload`.
    pub fn of(kind: &str, payload: &[u8]) -> Self {
        Self { kind: kind.to_owned(), payload: Hash::sha256_of(payload) }
    }

    /// The entry's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let payload = Sha256Of { algorithm: "SHA2_256".to_owned(), digest: self.payload.to_string() };
        envelope(EVENT, &EventSpec { payload, r#type: self.kind.clone() })
    }
}

impl Leaf {
    /// Reads an entry.
    pub fn parse(entry: &[u8]) -> Result<Self, LeafError> {
        if entry.len() > ENTRY_BYTES_MAX {
            return Err(LeafError::TooLong(entry.len()));
        }
        let AnyKind { kind } = serde_json::from_slice(entry)?;
        match kind.as_str() {
            HashedRekord::KIND => Ok(Self::HashedRekord(HashedRekord::from_body(entry)?)),
            FACT => fact(entry).map(Self::Fact),
            EVENT => event(entry).map(Self::Event),
            _ => Err(LeafError::Kind(crate::text::shortened(&kind))),
        }
    }
}

fn fact(entry: &[u8]) -> Result<FactLeaf, LeafError> {
    let Envelope { spec, .. } = serde_json::from_slice::<Envelope<FactLeaf>>(entry)?;
    for digest in std::iter::once(&spec.manifest).chain(&spec.subject) {
        if !is_digest(digest) {
            return Err(LeafError::Digest(crate::text::shortened(digest)));
        }
    }
    if spec.to_bytes() == entry { Ok(spec) } else { Err(LeafError::NotCanonical) }
}

fn event(entry: &[u8]) -> Result<EventLeaf, LeafError> {
    let Envelope { spec, .. } = serde_json::from_slice::<Envelope<EventSpec>>(entry)?;
    let payload = spec.payload.digest.parse().map_err(|_| LeafError::Digest(spec.payload.digest))?;
    let leaf = EventLeaf { kind: spec.r#type, payload };
    if leaf.to_bytes() == entry { Ok(leaf) } else { Err(LeafError::NotCanonical) }
}

fn is_digest(text: &str) -> bool {
    let hexadecimal = |hex: &str| hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let parts = text.split_once(':').filter(|_| text.len() <= DIGEST_BYTES_MAX);
    parts.is_some_and(|(algorithm, hex)| !algorithm.is_empty() && !hex.is_empty() && hexadecimal(hex))
}

/// Members in the order of their names and no white space: of such simple values this is the canonical form.
fn envelope<S: Serialize>(kind: &str, spec: S) -> Vec<u8> {
    let envelope = Envelope { api_version: API_VERSION.to_owned(), kind: kind.to_owned(), spec };
    serde_json::to_vec(&envelope).expect("strings are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact() -> FactLeaf {
        let digest = |hex: &str| format!("sha256:{}", hex.repeat(32));
        FactLeaf { manifest: digest("ab"), subject: Some(digest("cd")) }
    }

    #[test]
    fn leaves_read_as_they_were_written() {
        let without_subject = FactLeaf { subject: None, ..fact() };
        for fact in [fact(), without_subject] {
            assert_eq!(Leaf::parse(&fact.to_bytes()).unwrap(), Leaf::Fact(fact));
        }
        let event = EventLeaf::of("tag-moved", b"{}");
        assert_eq!(Leaf::parse(&event.to_bytes()).unwrap(), Leaf::Event(event));
    }

    #[test]
    fn a_leaf_has_one_form_only() {
        let bytes = String::from_utf8(fact().to_bytes()).unwrap();
        let spaced = bytes.replace(':', ": ").replace("sha256: ", "sha256:");
        assert!(matches!(Leaf::parse(spaced.as_bytes()), Err(LeafError::NotCanonical)));
        let other_version = bytes.replace("0.0.1", "0.0.2");
        assert!(matches!(Leaf::parse(other_version.as_bytes()), Err(LeafError::NotCanonical)));
        let shouted = bytes.replace("abab", "ABAB");
        assert!(matches!(Leaf::parse(shouted.as_bytes()), Err(LeafError::Digest(_))));
    }

    #[test]
    fn what_is_no_leaf_is_refused() {
        assert!(matches!(Leaf::parse(b"{\"kind\":\"rpm\"}"), Err(LeafError::Kind(_))));
        assert!(matches!(Leaf::parse(b"{}"), Err(LeafError::Json(_))));
        assert!(matches!(Leaf::parse(&vec![b' '; 70_000]), Err(LeafError::TooLong(_))));
        let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
        assert!(matches!(Leaf::parse(&deep), Err(LeafError::Json(_))));
    }
}
