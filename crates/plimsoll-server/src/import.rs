//! A repository of this server's own storage as a place to copy images to, without a server that runs.

use std::io;
use std::sync::Mutex;

use futures_util::{StreamExt as _, TryStreamExt as _};
use plimsoll_oci::{Descriptor, Digest, RepositoryName, Tag, TagOrDigest};
use plimsoll_registry::access::{CanPull, CanPush, Denied, Identity};
use plimsoll_registry::{
    IncomingBytes, ManifestPush, PullError, PushBlobError, PushManifestError, Registry, TagPrecondition,
};
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::UploadId;
use plimsoll_transport::{
    BlobContent, BlobVerifier, Keeps, Placement, PortFuture, Presence, RawManifest, Sink, TransportError,
};

/// A repository that images are imported into: the same operations as a push, without HTTP between.
pub struct RegistrySink {
    registry: Registry,
    identity: Identity,
    can_pull: CanPull,
    can_push: CanPush,
    /// Uploads that were begun and did not end well yet.
    unfinished: Mutex<Vec<UploadId>>,
}

/// Why something was not imported.
#[derive(Debug, thiserror::Error)]
enum ImportError {
    #[error(transparent)]
    Pull(#[from] PullError),
    #[error(transparent)]
    Blob(#[from] PushBlobError),
    #[error(transparent)]
    Manifest(#[from] PushManifestError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

impl RegistrySink {
    /// Imports as `identity`, whose name stands in the history of tags.
    pub fn new(
        registry: Registry,
        identity: Identity,
        repository: &RepositoryName,
    ) -> Result<Self, Box<Denied>> {
        let (can_pull, can_push) = (identity.can_pull(repository)?, identity.can_push(repository)?);
        Ok(Self { registry, identity, can_pull, can_push, unfinished: Mutex::default() })
    }

    /// Gives back at once what an import that failed has written of blobs; it would go by itself when the uploads
    /// expire.
    pub async fn give_up(&self) {
        let unfinished = std::mem::take(&mut *self.unfinished.lock().expect("no panic with the lock"));
        for id in unfinished {
            if let Err(error) = self.registry.cancel_upload(&self.can_push, id).await {
                tracing::debug!(%error, upload = %id, "an upload that failed could not be cancelled");
            }
        }
    }

    /// What is there is held from here on, so that the garbage collector does not overtake the manifest.
    async fn obtain(&self, digest: Digest) -> Result<Presence, ImportError> {
        if self.registry.find_blob(&self.can_pull, Some(&self.can_push), digest).await?.is_some() {
            return Ok(Presence::Present);
        }
        let is_mounted = self.registry.mount_blob(&self.can_push, &self.identity, digest, None).await?;
        Ok(if is_mounted { Presence::Mounted } else { Presence::Absent })
    }

    async fn receive(&self, blob: &Descriptor, body: IncomingBytes) -> Result<(), TransportError> {
        let algorithm = blob.digest.algorithm();
        let begun = self.registry.begin_upload(&self.can_push, algorithm).await;
        let upload = begun.map_err(|error| self.failed("begin an upload in", error))?;
        self.unfinished.lock().expect("no panic with the lock").push(upload.id);
        let closed =
            self.registry.close_upload(&self.can_push, upload.id, blob.digest, None, Some(body)).await;
        closed.map_err(|error| match source_error(error) {
            Ok(of_source) => of_source,
            Err(error) => self.failed("write a blob to", error),
        })?;
        self.unfinished.lock().expect("no panic with the lock").retain(|id| *id != upload.id);
        Ok(())
    }

    async fn push(&self, manifest: &RawManifest, placement: &Placement) -> Result<(), ImportError> {
        let tags = match placement {
            Placement::Tagged(tag) => vec![tag.clone()],
            Placement::TopLevel | Placement::Part => Vec::new(),
        };
        let push = ManifestPush {
            reference: TagOrDigest::Digest(manifest.digest),
            tags,
            media_type: Some(manifest.media_type.clone()),
            bytes: manifest.bytes.clone(),
            precondition: TagPrecondition::Any,
        };
        self.registry.push_manifest(&self.can_push, push).await?;
        Ok(())
    }

    async fn find(&self, reference: TagOrDigest) -> Result<Option<RawManifest>, TransportError> {
        let found = self.registry.pull_manifest(&self.can_pull, &reference).await;
        let found = found.map_err(|error| self.failed("look up a manifest in", error))?;
        Ok(found.map(|stored| RawManifest {
            bytes: stored.bytes,
            media_type: stored.media_type,
            digest: stored.digest,
        }))
    }

    fn failed(&self, operation: &'static str, error: impl Into<ImportError>) -> TransportError {
        TransportError::Io {
            operation,
            path: self.can_push.repository().as_str().into(),
            source: io::Error::other(error.into()),
        }
    }
}

/// The error of the source, if it was the source that failed.
fn source_error(error: PushBlobError) -> Result<TransportError, PushBlobError> {
    match error {
        PushBlobError::BodyInterrupted { received, source } => source
            .downcast::<TransportError>()
            .map_err(|source| PushBlobError::BodyInterrupted { received, source }),
        error => Err(error),
    }
}

impl Sink for RegistrySink {
    fn place(&self) -> String {
        format!("repository `{}` of this server", self.can_push.repository())
    }

    fn keeps(&self) -> Keeps {
        Keeps::Everything
    }

    fn obtain_blob<'a>(&'a self, blob: &'a Descriptor) -> PortFuture<'a, Presence> {
        Box::pin(async move {
            self.obtain(blob.digest).await.map_err(|error| self.failed("look up a blob in", error))
        })
    }

    fn put_blob<'a>(&'a self, blob: &'a Descriptor, content: &'a dyn BlobContent) -> PortFuture<'a, ()> {
        Box::pin(async move {
            let stream = content.open(BlobVerifier::start(blob)).await?;
            self.receive(blob, stream.map_err(io::Error::other).boxed()).await
        })
    }

    fn has_manifest<'a>(&'a self, digest: &'a Digest) -> PortFuture<'a, bool> {
        Box::pin(async move { Ok(self.find(TagOrDigest::Digest(*digest)).await?.is_some()) })
    }

    fn put_manifest<'a>(&'a self, manifest: &'a RawManifest, placement: &'a Placement) -> PortFuture<'a, ()> {
        Box::pin(async move {
            let pushed = self.push(manifest, placement).await;
            pushed.map_err(|error| self.failed("write a manifest to", error))
        })
    }

    fn tagged<'a>(&'a self, tag: &'a Tag) -> PortFuture<'a, Option<RawManifest>> {
        Box::pin(self.find(TagOrDigest::Tag(tag.clone())))
    }

    fn finish(&self) -> PortFuture<'_, ()> {
        // Whatever was acknowledged is durable already.
        Box::pin(async { Ok(()) })
    }
}
