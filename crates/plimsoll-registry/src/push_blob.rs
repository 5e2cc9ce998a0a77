//! Upload sessions: begun, continued by any replica, and closed with a digest that must be right.

use std::io;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use plimsoll_oci::{Algorithm, Digest, Hasher};
use plimsoll_store::catalogue::{CommitBlob, StoredBlob, Upload, UploadId};
use plimsoll_store::objects::{Claim, CompletedObject, KeyKind, ObjectWriter, SuspendedObject};
use plimsoll_store::{CatalogueError, ObjectError, ObjectKey};

use crate::access::CanPush;
use crate::{Arrival, Registry};

/// An upload of as many bytes is announced while it goes on: what is shorter is soon read when it is there.
const LONG_BYTES: u64 = 8 << 20;

/// The bytes of a request as they arrive.
pub type IncomingBytes = BoxStream<'static, io::Result<Bytes>>;

/// Why a step of an upload failed.
#[derive(Debug, thiserror::Error)]
pub enum PushBlobError {
    /// There is no such session in the repository.
    #[error("upload session `{0}` is not known: it was finished, cancelled or has expired")]
    UnknownUpload(UploadId),
    /// The bytes do not follow those that were received.
    #[error("the next byte of this upload is number {received}")]
    OutOfOrder {
        /// Bytes received so far.
        received: u64,
    },
    /// Another request writes to the session, or has taken it up since.
    #[error("another request is writing to upload session `{0}`")]
    Busy(UploadId),
    /// The bytes do not hash to the digest that was given.
    #[error("the bytes received have the digest `{found}` and not `{expected}`")]
    DigestMismatch {
        /// The digest that was given.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// The connection ended before the bytes did; what arrived is kept.
    #[error("the request's body ended early after {received} bytes")]
    BodyInterrupted {
        /// Bytes received so far.
        received: u64,
        /// What the connection said.
        source: io::Error,
    },
    /// The session cannot be continued.
    #[error("upload session `{id}` cannot be continued")]
    NotResumable {
        /// The session.
        id: UploadId,
        /// Why not.
        source: ObjectError,
    },
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The object storage failed.
    #[error(transparent)]
    Objects(ObjectError),
}

/// An upload that is being written to.
struct Writing {
    upload: Upload,
    writer: Box<dyn ObjectWriter>,
    hasher: Hasher,
    length: u64,
    /// What the bytes should be, where the client has said so.
    expected: Option<Digest>,
}

impl Registry {
    /// Begins an upload session whose bytes will be hashed with `algorithm`.
    pub async fn begin_upload(
        &self,
        can_push: &CanPush,
        algorithm: Algorithm,
    ) -> Result<Upload, PushBlobError> {
        let now = self.now();
        let upload = Upload {
            id: UploadId::fresh(),
            repository: can_push.repository().clone(),
            object_key: ObjectKey::fresh(KeyKind::Blob),
            object: SuspendedObject::default(),
            hash: Hasher::new(algorithm).save(),
            generation: 0,
            expires_at: now.plus(self.config().upload_ttl),
        };
        self.catalogue().begin_upload(upload.clone(), now).await?;
        Ok(upload)
    }

    /// Pushes a blob in one step.
    pub async fn push_blob(
        &self,
        can_push: &CanPush,
        digest: Digest,
        body: IncomingBytes,
    ) -> Result<StoredBlob, PushBlobError> {
        let upload = self.begin_upload(can_push, digest.algorithm()).await?;
        self.receive_and_close(upload, digest, Some(body)).await
    }

    /// How far an upload session is.
    pub async fn upload_status(&self, can_push: &CanPush, id: UploadId) -> Result<Upload, PushBlobError> {
        let found = self.catalogue().find_upload(can_push.repository(), id).await?;
        found.ok_or(PushBlobError::UnknownUpload(id))
    }

    /// Adds bytes to an upload session. `start` is the number of the first byte, where the client gives it.
    pub async fn append_to_upload(
        &self,
        can_push: &CanPush,
        id: UploadId,
        start: Option<u64>,
        body: IncomingBytes,
    ) -> Result<Upload, PushBlobError> {
        let upload = self.take_up(can_push, id, start).await?;
        let mut writing = self.open(upload, None).await?;
        let received = self.receive(&mut writing, body).await;
        match received {
            Ok(()) => self.put_down(writing).await,
            Err(PushBlobError::BodyInterrupted { .. }) => {
                self.put_down(writing).await?;
                received.and(Err(PushBlobError::UnknownUpload(id)))
            }
            Err(error) => Err(error),
        }
    }

    /// Closes an upload session: the bytes must hash to `digest`. `body` brings the last bytes, if some are missing.
    pub async fn close_upload(
        &self,
        can_push: &CanPush,
        id: UploadId,
        digest: Digest,
        start: Option<u64>,
        body: Option<IncomingBytes>,
    ) -> Result<StoredBlob, PushBlobError> {
        let upload = match body {
            Some(_) => self.take_up(can_push, id, start).await?,
            None => self.upload_status(can_push, id).await?,
        };
        self.receive_and_close(upload, digest, body).await
    }

    /// Ends an upload session whose bytes are not wanted.
    pub async fn cancel_upload(&self, can_push: &CanPush, id: UploadId) -> Result<(), PushBlobError> {
        let key = self.upload_status(can_push, id).await?.object_key;
        let cancelled = self.catalogue().cancel_upload(can_push.repository(), id, None, self.now()).await?;
        if !cancelled {
            return Err(PushBlobError::UnknownUpload(id));
        }
        self.announce(Arrival::GivenUp { key });
        Ok(())
    }

    /// Makes the session this request's own. A request that is out of order is refused before it shuts anyone out.
    async fn take_up(
        &self,
        can_push: &CanPush,
        id: UploadId,
        start: Option<u64>,
    ) -> Result<Upload, PushBlobError> {
        if let Some(start) = start {
            let received = self.upload_status(can_push, id).await?.object.length;
            if start != received {
                return Err(PushBlobError::OutOfOrder { received });
            }
        }
        let fresh = ObjectKey::fresh(KeyKind::Blob);
        let now = self.now();
        let expires_at = now.plus(self.config().upload_ttl);
        let taken =
            self.catalogue().take_up_upload(can_push.repository(), id, fresh, expires_at, now).await?;
        let upload = taken.ok_or(PushBlobError::UnknownUpload(id))?;
        match start {
            Some(start) if start != upload.object.length => {
                Err(PushBlobError::OutOfOrder { received: upload.object.length })
            }
            _ => Ok(upload),
        }
    }

    /// Opens the object for writing. An object with bytes was open to others until now: only after it is ours alone is it
    /// certain that the session was not taken up meanwhile.
    async fn open(&self, upload: Upload, expected: Option<Digest>) -> Result<Writing, PushBlobError> {
        let id = upload.id;
        let opened = match upload.object.length {
            0 => self.objects().create(upload.object_key).await,
            _ => self.objects().resume(upload.object_key, upload.object.clone()).await,
        };
        let writer = opened.map_err(|error| upload_error(id, error))?;
        let is_shared = upload.object.length > 0;
        if is_shared && self.catalogue().upload_generation(id).await? != Some(upload.generation) {
            return Err(PushBlobError::Busy(id));
        }
        let hasher = Hasher::resume(&upload.hash)
            .map_err(|error| CatalogueError::Damaged { what: "hash state", found: error.to_string() })?;
        let length = upload.object.length;
        Ok(Writing { upload, writer, hasher, length, expected })
    }

    async fn receive(&self, writing: &mut Writing, mut body: IncomingBytes) -> Result<(), PushBlobError> {
        while let Some(bytes) = body.next().await {
            let bytes = bytes
                .map_err(|source| PushBlobError::BodyInterrupted { received: writing.length, source })?;
            writing.hasher.update(&bytes);
            let was_long = writing.length >= LONG_BYTES;
            writing.length += bytes.len() as u64;
            if let Err(error) = writing.writer.write(bytes).await {
                return Err(self.give_up_if_full(&writing.upload, error).await);
            }
            if !was_long && writing.length >= LONG_BYTES {
                self.announce(Arrival::Growing { key: writing.upload.object_key, blob: writing.expected });
            }
        }
        Ok(())
    }

    /// Writes down how far the session came.
    async fn put_down(&self, writing: Writing) -> Result<Upload, PushBlobError> {
        let Writing { mut upload, writer, hasher, .. } = writing;
        let (object, claim) = match writer.suspend().await {
            Ok(suspended) => suspended,
            Err(error) => return Err(self.give_up_if_full(&upload, error).await),
        };
        let before = std::mem::replace(&mut upload.object, object);
        upload.hash = hasher.save();
        let now = self.now();
        upload.expires_at = now.plus(self.config().upload_ttl);
        let is_advanced = self.catalogue().advance_upload(upload.clone(), now).await?;
        drop(claim);
        if is_advanced {
            return Ok(upload);
        }
        let (key, id) = (upload.object_key, upload.id);
        if let Err(error) = self.objects().withdraw(key, before, upload.object).await {
            tracing::warn!(%error, upload = %id, "cannot remove the bytes of a request that was shut out");
        }
        Err(PushBlobError::Busy(id))
    }

    async fn receive_and_close(
        &self,
        mut upload: Upload,
        digest: Digest,
        body: Option<IncomingBytes>,
    ) -> Result<StoredBlob, PushBlobError> {
        if upload.object.length == 0 {
            upload.hash = Hasher::new(digest.algorithm()).save();
        }
        let mut writing = self.open(upload, Some(digest)).await?;
        if let Some(body) = body {
            let received = self.receive(&mut writing, body).await;
            if let Err(interrupted @ PushBlobError::BodyInterrupted { .. }) = received {
                self.put_down(writing).await?;
                return Err(interrupted);
            }
            received?;
        }
        let Writing { upload, writer, hasher, length, .. } = writing;
        if hasher.algorithm() == digest.algorithm() {
            // Wrong bytes are not made durable first.
            self.check_digest(&upload, digest, hasher.finish()).await?;
            let (object, claim) = self.complete(&upload, writer).await?;
            return self.commit(upload, digest, length, object, claim).await;
        }
        let (object, claim) = self.complete(&upload, writer).await?;
        let found = self.hash_again(object.key, length, digest.algorithm()).await?;
        self.check_digest(&upload, digest, found).await?;
        self.commit(upload, digest, length, object, claim).await
    }

    async fn complete(
        &self,
        upload: &Upload,
        writer: Box<dyn ObjectWriter>,
    ) -> Result<(CompletedObject, Claim), PushBlobError> {
        match writer.complete().await {
            Ok(completed) => Ok(completed),
            Err(error) => Err(self.give_up_if_full(upload, error).await),
        }
    }

    /// A session whose bytes are wrong cannot become right, and is ended.
    async fn check_digest(
        &self,
        upload: &Upload,
        expected: Digest,
        found: Digest,
    ) -> Result<(), PushBlobError> {
        if found == expected {
            return Ok(());
        }
        let generation = Some(upload.generation);
        self.catalogue().cancel_upload(&upload.repository, upload.id, generation, self.now()).await?;
        self.announce(Arrival::GivenUp { key: upload.object_key });
        Err(PushBlobError::DigestMismatch { expected, found })
    }

    /// Hashes what was stored with another algorithm than the session was begun with.
    async fn hash_again(
        &self,
        key: ObjectKey,
        length: u64,
        algorithm: Algorithm,
    ) -> Result<Digest, PushBlobError> {
        let mut bytes = self.objects().read(key, 0..length).await.map_err(PushBlobError::Objects)?;
        let mut hasher = Hasher::new(algorithm);
        while let Some(bytes) = bytes.next().await {
            hasher.update(&bytes.map_err(PushBlobError::Objects)?);
        }
        Ok(hasher.finish())
    }

    async fn commit(
        &self,
        upload: Upload,
        digest: Digest,
        size: u64,
        object: CompletedObject,
        claim: Claim,
    ) -> Result<StoredBlob, PushBlobError> {
        let (object_key, is_fresh) = (object.key, object.is_fresh);
        let commit = CommitBlob {
            upload: upload.id,
            generation: upload.generation,
            digest,
            size,
            object,
            hold_until: self.hold_until(),
            now: self.now(),
        };
        let is_committed = self.catalogue().commit_blob(commit).await?;
        drop(claim);
        if is_committed {
            self.announce(Arrival::Stored { key: upload.object_key, blob: digest });
            return Ok(StoredBlob { digest, size, object_key });
        }
        // The session's objects belong to whoever took it up or has ended it; one that this request made, to nobody.
        if is_fresh && object_key != upload.object_key {
            self.catalogue().doom_object(object_key, self.now()).await?;
        }
        Err(PushBlobError::Busy(upload.id))
    }

    /// When the storage is full, the bytes of the session that met it are given back at once.
    async fn give_up_if_full(&self, upload: &Upload, error: ObjectError) -> PushBlobError {
        if matches!(error, ObjectError::Full(_)) {
            let generation = Some(upload.generation);
            let cancelled =
                self.catalogue().cancel_upload(&upload.repository, upload.id, generation, self.now()).await;
            match cancelled {
                Ok(true) => {
                    let _ = self.objects().abandon(upload.object_key, None).await;
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, upload = %upload.id, "cannot cancel the upload that met a full storage");
                }
            }
        }
        upload_error(upload.id, error)
    }
}

fn upload_error(id: UploadId, error: ObjectError) -> PushBlobError {
    match error {
        ObjectError::Busy(_) => PushBlobError::Busy(id),
        source @ ObjectError::NotResumable { .. } => PushBlobError::NotResumable { id, source },
        error => PushBlobError::Objects(error),
    }
}
