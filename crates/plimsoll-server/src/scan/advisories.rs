use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt as _;
use plimsoll_oci::{Digest, Manifest, RepositoryName, Tag, TagOrDigest};
use plimsoll_store::{CatalogueError, ObjectError};
use plimsoll_vuln::artifact::{SHARD_BYTES_MAX, SHARD_TYPE};
use plimsoll_vuln::index::{Index, OpenShardError};

use crate::storage::Storage;

/// The compiled advisories that this registry itself serves: whoever pushes them there puts them in force.
pub(super) struct Advisories {
    storage: Storage,
    repository: RepositoryName,
    tag: Tag,
    /// The artifact that was looked at last, whether it could be opened or not.
    seen: Mutex<Option<Digest>>,
}

/// Why pushed advisories are not in force.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Objects(#[from] ObjectError),
    #[error("it is no image manifest")]
    NotManifest,
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
    pub(super) async fn poll(&self) -> Option<Arc<Index>> {
        let reference = TagOrDigest::Tag(self.tag.clone());
        let stored = match self.storage.catalogue().find_manifest(&self.repository, &reference).await {
            Ok(stored) => stored?,
            Err(error) => {
                tracing::warn!(%error, "cannot look for advisories; it will be tried again");
                return None;
            }
        };
        let before = self.seen.lock().unwrap_or_else(PoisonError::into_inner).replace(stored.digest);
        if before == Some(stored.digest) {
            return None;
        }
        match self.load(&stored.bytes).await {
            Ok(index) => {
                tracing::info!(digest = %stored.digest, shards = index.shards().count(), "advisories were pushed");
                Some(Arc::new(index))
            }
            Err(error) => {
                tracing::error!(digest = %stored.digest, %error, "pushed advisories cannot be used; the old ones stay in force");
                None
            }
        }
    }

    /// The digest of the artifact that was pushed last, as text; empty before there is one.
    pub(super) fn digest(&self) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.map_or_else(String::new, |digest| digest.to_string())
    }

    async fn load(&self, manifest: &[u8]) -> Result<Index, LoadError> {
        let Ok((Manifest::Image(manifest), _)) = Manifest::parse(manifest, None) else {
            return Err(LoadError::NotManifest);
        };
        let shards = manifest.layers.iter().filter(|layer| layer.media_type.as_str() == SHARD_TYPE);
        let mut files = Vec::new();
        for shard in shards {
            files.push(self.read(shard.digest).await?);
        }
        Ok(tokio::task::spawn_blocking(move || Index::open(files)).await??)
    }

    async fn read(&self, shard: Digest) -> Result<Vec<u8>, LoadError> {
        let found = self.storage.catalogue().blob_anywhere(shard).await?;
        let (key, size) =
            found.filter(|(_, size)| *size <= SHARD_BYTES_MAX).ok_or(LoadError::Shard(shard))?;
        let parts = self.storage.objects().read(key, 0..size).await?;
        let append = |mut whole: Vec<u8>, part: bytes::Bytes| async move {
            whole.extend_from_slice(&part);
            Ok(whole)
        };
        Ok(parts.try_fold(Vec::new(), append).await?)
    }
}
