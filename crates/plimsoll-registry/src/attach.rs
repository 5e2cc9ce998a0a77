use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use plimsoll_oci::{Digest, TagOrDigest};

use crate::access::CanPush;
use crate::{ManifestPush, PushBlobError, PushManifestError, PushedManifest, Registry, TagPrecondition};

/// A manifest that refers to another one, with the few bytes that its blobs have.
#[derive(Clone, Debug)]
pub struct Referrer {
    /// The blobs that it lists.
    pub blobs: Vec<(Digest, Bytes)>,
    /// The manifest, which says its own media type.
    pub manifest: Bytes,
}

/// Why a referrer was not stored.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// One of its blobs was not.
    #[error(transparent)]
    Blob(#[from] PushBlobError),
    /// The manifest was not.
    #[error(transparent)]
    Manifest(#[from] PushManifestError),
}

impl Registry {
    /// Stores what the server itself says about an image, in the same steps as a client's push.
    pub async fn attach(
        &self,
        can_push: &CanPush,
        referrer: Referrer,
    ) -> Result<PushedManifest, AttachError> {
        for (digest, bytes) in referrer.blobs {
            self.push_blob(can_push, digest, stream::iter([Ok(bytes)]).boxed()).await?;
        }
        let push = ManifestPush {
            reference: TagOrDigest::Digest(Digest::sha256_of(&referrer.manifest)),
            tags: Vec::new(),
            media_type: None,
            bytes: referrer.manifest,
            precondition: TagPrecondition::Any,
        };
        Ok(self.push_manifest(can_push, push).await?)
    }
}
