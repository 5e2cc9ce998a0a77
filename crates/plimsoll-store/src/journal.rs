//! The journal: what is needed to rebuild the catalogue, written beside the blobs before the catalogue says it is so.
//!
//! A record is one object: a line of JSON, and after it the manifest's bytes if the record brings any. Records of
//! pushes that came to nothing do no harm: playing one again is refused for the same reason, or points a tag at content
//! that is whole.

use bytes::Bytes;
use plimsoll_oci::{Digest, MediaType, RepositoryName, Tag};
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::catalogue::LogBatch;
use crate::objects::{IngestObjects, KeyKind, ObjectError, ObjectKey};

/// One change of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The repository that changed.
    pub repository: RepositoryName,
    /// Who changed it.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// How.
    pub change: Change,
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A manifest was pushed, and tags moved to it.
    Push {
        /// Its digest.
        digest: Digest,
        /// The type it was pushed as.
        media_type: MediaType,
        /// The tags.
        tags: Vec<Tag>,
        /// Its bytes as received.
        bytes: Bytes,
    },
    /// Tags moved to a manifest that was there.
    Tag {
        /// The manifest.
        digest: Digest,
        /// The tags.
        tags: Vec<Tag>,
    },
    /// A tag was deleted.
    Untag {
        /// The tag.
        tag: Tag,
    },
    /// A manifest and its tags were deleted.
    Delete {
        /// Its digest.
        digest: Digest,
    },
}

/// Why an object is not a record.
#[derive(Debug, thiserror::Error)]
pub enum ParseRecordError {
    /// There is no first line.
    #[error("the record has no header line")]
    NoHeader,
    /// The first line is not a header.
    #[error("the record's header is damaged: {0}")]
    Header(#[from] serde_json::Error),
    /// The bytes do not hash to the digest in the header.
    #[error("the record's manifest has the digest `{found}` and not `{expected}`")]
    Digest {
        /// The digest of the bytes.
        found: Digest,
        /// The digest in the header.
        expected: Digest,
    },
}

#[derive(Serialize, Deserialize)]
struct Header<C> {
    repository: RepositoryName,
    actor: String,
    at: Timestamp,
    #[serde(flatten)]
    change: C,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
enum ChangeHeader {
    #[serde(rename_all = "camelCase")]
    Push {
        digest: Digest,
        media_type: MediaType,
        tags: Vec<Tag>,
    },
    Tag {
        digest: Digest,
        tags: Vec<Tag>,
    },
    Untag {
        tag: Tag,
    },
    Delete {
        digest: Digest,
    },
}

impl Record {
    /// Writes the record durably, and returns its key.
    pub async fn write(&self, objects: &dyn IngestObjects) -> Result<ObjectKey, ObjectError> {
        let key = ObjectKey::fresh(KeyKind::Record);
        objects.put(key, self.to_bytes()).await?;
        Ok(key)
    }

    fn to_bytes(&self) -> Bytes {
        let (change, body) = match &self.change {
            Change::Push { digest, media_type, tags, bytes } => {
                let header = ChangeHeader::Push {
                    digest: *digest,
                    media_type: media_type.clone(),
                    tags: tags.clone(),
                };
                (header, bytes.as_ref())
            }
            Change::Tag { digest, tags } => {
                (ChangeHeader::Tag { digest: *digest, tags: tags.clone() }, [].as_slice())
            }
            Change::Untag { tag } => (ChangeHeader::Untag { tag: tag.clone() }, [].as_slice()),
            Change::Delete { digest } => (ChangeHeader::Delete { digest: *digest }, [].as_slice()),
        };
        let header =
            Header { repository: self.repository.clone(), actor: self.actor.clone(), at: self.at, change };
        let mut bytes = serde_json::to_vec(&header).expect("a header of strings and numbers is JSON");
        bytes.push(b'\n');
        bytes.extend_from_slice(body);
        bytes.into()
    }

    /// Reads a record back, and checks that a manifest in it has the digest it is said to have.
    pub fn parse(bytes: &Bytes) -> Result<Self, ParseRecordError> {
        let line_end = bytes.iter().position(|byte| *byte == b'\n').ok_or(ParseRecordError::NoHeader)?;
        let header: Header<ChangeHeader> = serde_json::from_slice(&bytes[..line_end])?;
        let change = match header.change {
            ChangeHeader::Push { digest, media_type, tags } => {
                let bytes = bytes.slice(line_end + 1..);
                let found = Digest::of(digest.algorithm(), &bytes);
                if found != digest {
                    return Err(ParseRecordError::Digest { found, expected: digest });
                }
                Change::Push { digest, media_type, tags, bytes }
            }
            ChangeHeader::Tag { digest, tags } => Change::Tag { digest, tags },
            ChangeHeader::Untag { tag } => Change::Untag { tag },
            ChangeHeader::Delete { digest } => Change::Delete { digest },
        };
        Ok(Self { repository: header.repository, actor: header.actor, at: header.at, change })
    }
}

impl LogBatch {
    /// Writes the batch durably, and returns its key. A batch that is written twice does no harm: it says the same.
    pub async fn write(&self, objects: &dyn IngestObjects) -> Result<ObjectKey, ObjectError> {
        let key = ObjectKey::fresh(KeyKind::Log);
        let bytes = serde_json::to_vec(self).expect("a batch of strings and numbers is JSON");
        objects.put(key, bytes.into()).await?;
        Ok(key)
    }

    /// Reads a batch back.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseRecordError> {
        Ok(serde_json::from_slice(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(bytes: &'static [u8]) -> Record {
        Record {
            repository: "team/app".parse().unwrap(),
            actor: "ana".into(),
            at: Timestamp::from_unix_ms(1),
            change: Change::Push {
                digest: Digest::sha256_of(b"{}\n{}"),
                media_type: MediaType::IMAGE_MANIFEST,
                tags: vec!["v1".parse().unwrap()],
                bytes: Bytes::from_static(bytes),
            },
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record = push(b"{}\n{}");
        assert_eq!(Record::parse(&record.to_bytes()).unwrap(), record);
        let untag = Record { change: Change::Untag { tag: "v1".parse().unwrap() }, ..record };
        assert_eq!(Record::parse(&untag.to_bytes()).unwrap(), untag);
    }

    #[test]
    fn a_damaged_manifest_is_noticed() {
        let damaged = push(b"{ }").to_bytes();
        assert!(matches!(Record::parse(&damaged), Err(ParseRecordError::Digest { .. })));
        assert!(matches!(Record::parse(&Bytes::from_static(b"x")), Err(ParseRecordError::NoHeader)));
    }
}
