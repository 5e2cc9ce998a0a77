use jiff::Timestamp;
use plimsoll_oci::Digest;
use serde::{Deserialize, Serialize};

use super::container::{FORMAT, OpenShardError, ShardKind, kind_of};
use super::refusal::Tally;

/// A larger catalogue is not read: a world of shards needs less than a tenth.
pub const CATALOGUE_BYTES_MAX: usize = 16 << 20;

/// The list of an index's shards and of the sources that they were made from: the one document that names an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Catalogue {
    /// The format of the shards.
    pub format: u16,
    /// The time of the newest record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_time: Option<Timestamp>,
    /// What it consists of.
    pub shards: Vec<ListedShard>,
    /// What it was made from.
    pub sources: Vec<ListedSource>,
}

/// A shard in a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedShard {
    /// The ecosystem with its release, `Debian:12`; empty for what belongs to none.
    pub name: String,
    /// What it holds.
    pub kind: ShardKind,
    /// Of its bytes.
    pub digest: Digest,
    /// Their number.
    pub bytes: u64,
    /// Advisories, or CVEs in an enrichment.
    pub records: u64,
    /// Packages with at least one advisory.
    #[serde(default)]
    pub packages: u64,
    /// The time of the newest record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_time: Option<Timestamp>,
    /// The names of the sources.
    #[serde(default)]
    pub sources: Vec<String>,
}

/// A source in a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedSource {
    /// What whoever built the index called it.
    pub name: String,
    /// Under which terms its data may be passed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// How new it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_time: Option<Timestamp>,
    /// What became of its records.
    pub tally: Tally,
}

/// Why bytes are no catalogue.
#[derive(Debug, thiserror::Error)]
pub enum ReadCatalogueError {
    /// Too large.
    #[error("the catalogue has {0} bytes, more than the limit of {CATALOGUE_BYTES_MAX}")]
    TooLarge(usize),
    /// Not of the form.
    #[error("the file is no catalogue of an advisory index")]
    Malformed(#[source] serde_json::Error),
    /// Of a newer or older Plimsoll.
    #[error("the index has format {0}, and this version reads format {FORMAT}: build or download it again")]
    Format(u16),
}

impl Catalogue {
    pub(super) fn new(shards: Vec<ListedShard>, sources: Vec<ListedSource>) -> Self {
        let data_time = shards.iter().filter_map(|shard| shard.data_time).max();
        Self { format: FORMAT, data_time, shards, sources }
    }

    /// Reads the JSON document.
    pub fn parse(json: &[u8]) -> Result<Self, ReadCatalogueError> {
        /// The one field whose meaning never changes.
        #[derive(Deserialize)]
        struct Format {
            format: u16,
        }
        if json.len() > CATALOGUE_BYTES_MAX {
            return Err(ReadCatalogueError::TooLarge(json.len()));
        }
        match serde_json::from_slice(json).map_err(ReadCatalogueError::Malformed)? {
            Format { format: FORMAT } => serde_json::from_slice(json).map_err(ReadCatalogueError::Malformed),
            Format { format } => Err(ReadCatalogueError::Format(format)),
        }
    }

    /// The JSON document; equal catalogues give equal bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }

    /// The digest of the document: what a finding names as the index that it came from.
    pub fn digest(&self) -> Digest {
        Digest::sha256_of(&self.to_json())
    }

    /// The entry of a shard.
    pub fn shard(&self, name: &str, kind: ShardKind) -> Option<&ListedShard> {
        self.shards.iter().find(|shard| shard.kind == kind && shard.name == name)
    }

    /// Whether bytes are the shard that is listed: done where they are written and downloaded, not where they are opened.
    pub fn verify(&self, name: &str, bytes: &[u8]) -> Result<&ListedShard, OpenShardError> {
        let kind = kind_of(bytes)?;
        let listed = self.shard(name, kind).ok_or_else(|| OpenShardError::NotListed(name.to_owned()))?;
        let found = Digest::sha256_of(bytes);
        if found == listed.digest {
            return Ok(listed);
        }
        Err(OpenShardError::Digest { name: name.to_owned(), listed: listed.digest, found })
    }
}
