use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plimsoll_oci::{Descriptor, Digest, Manifest, RepositoryName, Tag, TagOrDigest};
use plimsoll_store::{CatalogueError, ObjectError};
use plimsoll_vuln::artifact::{ARTIFACT_TYPE, SHARD_BYTES_MAX, SHARD_KIND, SHARD_NAME, SHARD_TYPE};
use plimsoll_vuln::index::{Index, OpenShardError, Shard};

use crate::storage::Storage;

/// The compiled advisories that this registry itself serves: whoever pushes them there puts them in force.
pub(super) struct Advisories {
    storage: Storage,
    repository: RepositoryName,
    tag: Tag,
    /// The artifact that was looked at last, whether it could be used or not.
    seen: Mutex<Option<Digest>>,
}

/// Advisories, and the artifact that they are from: verdicts name it.
#[derive(Clone, Default)]
pub(super) struct InForce {
    pub(super) index: Arc<Index>,
    /// None before any were pushed.
    pub(super) artifact: Option<Digest>,
}

/// How long to wait when the storage fails while advisories are read.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Why pushed advisories are not in force.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Objects(#[from] ObjectError),
    #[error("it is no artifact of the type `{ARTIFACT_TYPE}`")]
    NotAdvisories,
    #[error("its shard `{0}` is not in the registry, or larger than {SHARD_BYTES_MAX} bytes")]
    Shard(Digest),
    #[error(transparent)]
    Open(#[from] OpenShardError),
    #[error("opening it ended early")]
    Ended(#[from] tokio::task::JoinError),
}

impl Advisories {
    pub(super) fn new(storage: Storage, place: (RepositoryName, Tag)) -> Self {
        Self { storage, repository: place.0, tag: place.1, seen: Mutex::new(None) }
    }

    /// The advisories, if they are others than at the last look.
    pub(super) async fn poll(&self) -> Option<InForce> {
        let reference = TagOrDigest::Tag(self.tag.clone());
        let stored = match self.storage.catalogue().find_manifest(&self.repository, &reference).await {
            Ok(stored) => stored?,
            Err(error) => {
                tracing::warn!(%error, "cannot look for advisories; it will be tried again");
                return None;
            }
        };
        if self.see(Some(stored.digest)) == Some(stored.digest) {
            return None;
        }
        match self.load(&stored.bytes).await {
            Ok(index) => {
                tracing::info!(digest = %stored.digest, shards = index.shards().count(), "advisories were pushed");
                Some(InForce { index: Arc::new(index), artifact: Some(stored.digest) })
            }
            Err(error @ (LoadError::Catalogue(_) | LoadError::Objects(_))) => {
                tracing::warn!(digest = %stored.digest, %error, "cannot read pushed advisories; it will be tried again");
                self.see(None);
                tokio::time::sleep(RETRY_AFTER).await;
                None
            }
            Err(error) => {
                tracing::error!(digest = %stored.digest, %error, "pushed advisories cannot be used; the old ones stay in force");
                None
            }
        }
    }

    /// Whether the registry's tag points at this artifact now.
    pub(super) async fn is_tagged(&self, artifact: Digest) -> Result<bool, CatalogueError> {
        let reference = TagOrDigest::Tag(self.tag.clone());
        let stored = self.storage.catalogue().find_manifest(&self.repository, &reference).await?;
        Ok(stored.is_some_and(|stored| stored.digest == artifact))
    }

    /// Advisories that were in force once, or why they cannot be had any more.
    pub(super) async fn former(&self, artifact: Digest) -> Result<Result<Arc<Index>, String>, LoadError> {
        let Some(stored) = self.storage.catalogue().manifest_anywhere(artifact).await? else {
            return Ok(Err("the registry does not hold the advisories before them any more".to_owned()));
        };
        match self.load(&stored.bytes).await {
            Ok(index) => Ok(Ok(Arc::new(index))),
            Err(error @ (LoadError::Catalogue(_) | LoadError::Objects(_))) => Err(error),
            Err(error) => Ok(Err(format!("the advisories before them cannot be read: {error}"))),
        }
    }

    /// Where whoever brings advisories puts them.
    pub(super) fn place(&self) -> (&RepositoryName, &Tag) {
        (&self.repository, &self.tag)
    }

    /// The shard of an ecosystem in an artifact that was in force once; `None` if the registry has it no more.
    pub(super) async fn shard_of(
        &self,
        artifact: Digest,
        ecosystem: &str,
    ) -> Result<Option<Digest>, CatalogueError> {
        let Some(stored) = self.storage.catalogue().manifest_anywhere(artifact).await? else {
            return Ok(None);
        };
        let Ok((Manifest::Image(manifest), _)) = Manifest::parse(&stored.bytes, None) else {
            return Ok(None);
        };
        let is_wanted = |layer: &&Descriptor| {
            layer.media_type.as_str() == SHARD_TYPE
                && layer.annotations.get(SHARD_NAME).is_some_and(|name| name == ecosystem)
                && layer.annotations.get(SHARD_KIND).is_none_or(|kind| kind == "advisories")
        };
        Ok(manifest.layers.iter().find(is_wanted).map(|layer| layer.digest))
    }

    /// Remembers the artifact that is looked at, and returns the one before.
    fn see(&self, artifact: Option<Digest>) -> Option<Digest> {
        std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), artifact)
    }

    async fn load(&self, manifest: &[u8]) -> Result<Index, LoadError> {
        let Ok((Manifest::Image(manifest), _)) = Manifest::parse(manifest, None) else {
            return Err(LoadError::NotAdvisories);
        };
        if manifest.artifact_type.as_deref() != Some(ARTIFACT_TYPE) {
            return Err(LoadError::NotAdvisories);
        }
        let shards = manifest.layers.iter().filter(|layer| layer.media_type.as_str() == SHARD_TYPE);
        let mut files = Vec::new();
        for shard in shards {
            files.push(self.read(shard.digest).await?);
        }
        Ok(tokio::task::spawn_blocking(move || open_whole(files)).await??)
    }

    /// The bytes of a shard.
    pub(super) async fn read(&self, shard: Digest) -> Result<Vec<u8>, LoadError> {
        let found = self.storage.catalogue().blob_anywhere(shard).await?;
        let (key, size) =
            found.filter(|(_, size)| *size <= SHARD_BYTES_MAX).ok_or(LoadError::Shard(shard))?;
        Ok(self.storage.read_whole(key, size).await?)
    }
}

/// Opens shards and looks at every byte: damage that only a look-up would meet would read as nothing being known.
fn open_whole(files: Vec<Vec<u8>>) -> Result<Index, OpenShardError> {
    let index = Index::open(files)?;
    index.shards().try_for_each(Shard::verify)?;
    if let Some(enrichments) = index.enrichments() {
        enrichments.verify()?;
    }
    Ok(index)
}
