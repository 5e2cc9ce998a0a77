//! Manifests and blobs on their way out.

use std::ops::Range;
use std::time::Duration;

use plimsoll_oci::{Digest, TagOrDigest};
use plimsoll_store::catalogue::{QuarantinedObject, StoredBlob, StoredManifest, StoredPush};
use plimsoll_store::objects::ByteStream;
use plimsoll_store::{CatalogueError, ObjectError};

use crate::Registry;
use crate::access::{CanPull, CanPush};

/// How long a client may use the address it was sent to.
const REDIRECT_VALID_FOR: Duration = Duration::from_secs(20 * 60);

/// Why something could not be pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The object storage failed.
    #[error(transparent)]
    Objects(#[from] ObjectError),
}

impl Registry {
    /// Looks up a manifest.
    pub async fn pull_manifest(
        &self,
        can_pull: &CanPull,
        reference: &TagOrDigest,
    ) -> Result<Option<StoredManifest>, PullError> {
        Ok(self.catalogue().find_manifest(can_pull.repository(), reference).await?)
    }

    /// Who pushed a manifest that is here, and when.
    pub async fn find_push(
        &self,
        can_pull: &CanPull,
        digest: Digest,
    ) -> Result<Option<StoredPush>, PullError> {
        Ok(self.catalogue().find_push(can_pull.repository(), digest).await?)
    }

    /// Looks up a blob. Somebody who may push is told what is there only while it stays there: the answer holds the blob.
    pub async fn find_blob(
        &self,
        can_pull: &CanPull,
        can_push: Option<&CanPush>,
        digest: Digest,
    ) -> Result<Option<StoredBlob>, PullError> {
        Ok(match can_push {
            Some(can_push) => {
                self.catalogue().hold_blob(can_push.repository(), digest, self.hold_until()).await?
            }
            None => self.catalogue().find_blob(can_pull.repository(), digest).await?,
        })
    }

    /// Where a client can fetch the blob itself, if it is to do so.
    pub async fn redirect_to_blob(&self, blob: &StoredBlob) -> Result<Option<String>, PullError> {
        if !self.config().redirect {
            return Ok(None);
        }
        Ok(self.objects().presign(blob.object_key, REDIRECT_VALID_FOR).await?)
    }

    /// Reads some of a blob. `None` if its object has gone missing: it is noted, so that the next push heals it.
    pub async fn read_blob(
        &self,
        blob: &StoredBlob,
        range: Range<u64>,
    ) -> Result<Option<ByteStream>, PullError> {
        match self.objects().read(blob.object_key, range).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ObjectError::NotFound(key)) => {
                // Where the storage is not the right one, nothing is lost.
                self.objects().check().await?;
                let found_at = self.now();
                let missing =
                    QuarantinedObject { key, digest: blob.digest, found: "missing".into(), found_at };
                if self.catalogue().quarantine(missing).await? {
                    tracing::error!(digest = %blob.digest, object = %key, "a blob's object is missing");
                }
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}
