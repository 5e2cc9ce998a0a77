//! Writes to an S3-compatible service: whole small objects, and multipart uploads for the rest.
//!
//! S3 takes parts of at least 5 MiB, except the last, and at most 10 000 of them. What is left over when an upload is
//! suspended is kept as an object of its own, the *tail*, and becomes the beginning of the next part.
//!
//! No lock is needed: tails and small objects get keys of their own, and a part that another request sent under the same
//! number has another entity tag, with which the upload cannot be completed.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::{ObjectStoreExt as _, PutPayload};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::super::{
    Claim, CompletedObject, KeyKind, ObjectError, ObjectKey, ObjectWriter, Result, SuspendedObject,
};
use super::{Bucket, failed};

/// The size of the first thousand parts; each later thousand is one step larger, which ends at some 430 GiB.
const PART_STEP_BYTES: usize = 8 * 1024 * 1024;

/// What a suspended upload needs to go on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Suspended {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) multipart: Option<Multipart>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tail: Option<Tail>,
}

/// A multipart upload, under a key of its own: a request that was shut out may begin and complete one as well, and must
/// not replace ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Multipart {
    pub(super) id: String,
    #[serde(with = "key_as_text")]
    pub(super) key: ObjectKey,
}

/// The bytes after the last whole part, at rest.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Tail {
    #[serde(with = "key_as_text")]
    pub(super) key: ObjectKey,
    bytes: u64,
}

mod key_as_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::ObjectKey;

    pub(super) fn serialize<S: Serializer>(key: &ObjectKey, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(key)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectKey, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Suspended {
    pub(super) fn parse(key: ObjectKey, at: &SuspendedObject) -> Result<Self> {
        if at.detail.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(&at.detail).map_err(|error| ObjectError::NotResumable {
            key,
            reason: format!("its state is damaged: {error}"),
        })
    }

    /// What is in the bucket for this state and was not for `before`.
    pub(super) fn without(self, before: &Self) -> Self {
        let (tail, multipart) =
            (before.tail.map(|tail| tail.key), before.multipart.as_ref().map(|multipart| multipart.key));
        Self {
            multipart: self.multipart.filter(|made| Some(made.key) != multipart),
            tail: self.tail.filter(|made| Some(made.key) != tail),
            parts: Vec::new(),
        }
    }
}

/// One object on its way to the bucket.
pub(super) struct S3Writer {
    bucket: Arc<Bucket>,
    key: ObjectKey,
    length: u64,
    multipart: Option<Multipart>,
    began_multipart: bool,
    parts: Vec<String>,
    sending: Option<JoinHandle<Result<PartId>>>,
    /// Bytes at rest that come before `gathered`.
    tail: Option<Tail>,
    gathered: BytesMut,
    superseded: Vec<ObjectKey>,
}

impl Drop for S3Writer {
    /// A multipart upload that this writer began and that nobody else knows of would be kept, and paid for, for ever.
    fn drop(&mut self) {
        let forgotten = self.multipart.take().filter(|_| self.began_multipart);
        if let (Some(multipart), Ok(runtime)) = (forgotten, Handle::try_current()) {
            let bucket = self.bucket.clone();
            runtime.spawn(async move {
                let path = bucket.path(multipart.key);
                if let Err(error) = bucket.service.abort_multipart(&path, &multipart.id).await {
                    tracing::warn!(%error, "cannot abort a multipart upload; the bucket's lifecycle rules must");
                }
            });
        }
    }
}

impl S3Writer {
    pub(super) fn create(bucket: Arc<Bucket>, key: ObjectKey) -> Self {
        Self::at(bucket, key, 0, Suspended::default())
    }

    pub(super) fn resume(bucket: Arc<Bucket>, key: ObjectKey, at: &SuspendedObject) -> Result<Self> {
        Ok(Self::at(bucket, key, at.length, Suspended::parse(key, at)?))
    }

    fn at(bucket: Arc<Bucket>, key: ObjectKey, length: u64, suspended: Suspended) -> Self {
        let Suspended { multipart, parts, tail } = suspended;
        let (gathered, superseded) = (BytesMut::new(), Vec::new());
        let began_multipart = false;
        Self {
            bucket,
            key,
            length,
            multipart,
            began_multipart,
            parts,
            sending: None,
            tail,
            gathered,
            superseded,
        }
    }

    fn part_bytes(&self) -> usize {
        let number = self.parts.len() + usize::from(self.sending.is_some());
        PART_STEP_BYTES * (1 + number / 1000)
    }

    async fn append(&mut self, bytes: Bytes) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.fetch_tail().await?;
        self.length += bytes.len() as u64;
        let mut rest = bytes;
        while self.gathered.len() + rest.len() >= self.part_bytes() {
            let fits = rest.split_to(self.part_bytes() - self.gathered.len());
            self.gathered.extend_from_slice(&fits);
            self.send_part().await?;
        }
        self.gathered.extend_from_slice(&rest);
        Ok(())
    }

    /// Brings the tail back to the front of what is gathered.
    async fn fetch_tail(&mut self) -> Result<()> {
        let Some(tail) = self.tail.take() else { return Ok(()) };
        let got = self.bucket.service.get(&self.bucket.path(tail.key)).await;
        let bytes = match got {
            Ok(got) => got.bytes().await,
            Err(error) => Err(error),
        };
        let bytes = bytes.map_err(failed("read the tail of", self.key))?;
        if bytes.len() as u64 != tail.bytes {
            return Err(ObjectError::Truncated { key: tail.key, at: bytes.len() as u64 });
        }
        self.gathered.extend_from_slice(&bytes);
        self.superseded.push(tail.key);
        Ok(())
    }

    /// Sends what is gathered as the next part, while more may be gathered.
    async fn send_part(&mut self) -> Result<()> {
        self.wait_for_part().await?;
        let Multipart { id, key: target } = match &self.multipart {
            Some(multipart) => multipart.clone(),
            None => {
                let target = ObjectKey::fresh(KeyKind::Blob);
                let begun = self.bucket.service.create_multipart(&self.bucket.path(target)).await;
                let id = begun.map_err(failed("begin the upload of", self.key))?;
                self.began_multipart = true;
                self.multipart.insert(Multipart { id, key: target }).clone()
            }
        };
        let path = self.bucket.path(target);
        let (bucket, key, number) = (self.bucket.clone(), self.key, self.parts.len());
        let payload = PutPayload::from(self.gathered.split().freeze());
        self.sending = Some(tokio::spawn(async move {
            bucket.service.put_part(&path, &id, number, payload).await.map_err(failed("send a part of", key))
        }));
        Ok(())
    }

    async fn wait_for_part(&mut self) -> Result<()> {
        let Some(sending) = self.sending.take() else { return Ok(()) };
        let part = sending.await.map_err(|stopped| ObjectError::Unusable {
            place: format!("s3://{}", self.bucket.name),
            reason: stopped.to_string(),
        })??;
        self.parts.push(part.content_id);
        Ok(())
    }

    /// Puts what is gathered under `key`, whole.
    async fn put(&mut self, key: ObjectKey) -> Result<u64> {
        let bytes = self.gathered.split().freeze();
        let length = bytes.len() as u64;
        self.bucket
            .service
            .put(&self.bucket.path(key), bytes.into())
            .await
            .map_err(failed("put", self.key))?;
        Ok(length)
    }

    async fn put_down(&mut self) -> Result<SuspendedObject> {
        self.wait_for_part().await?;
        if !self.gathered.is_empty() {
            let key = ObjectKey::fresh(KeyKind::Blob);
            self.tail = Some(Tail { key, bytes: self.put(key).await? });
        }
        let suspended = Suspended {
            multipart: self.multipart.take(),
            parts: std::mem::take(&mut self.parts),
            tail: self.tail.take(),
        };
        let detail = serde_json::to_string(&suspended)
            .map_err(|error| ObjectError::NotResumable { key: self.key, reason: error.to_string() })?;
        Ok(SuspendedObject { length: self.length, detail, superseded: std::mem::take(&mut self.superseded) })
    }

    /// An object without parts is the tail itself, or is put whole; one with parts takes the rest as its last part.
    async fn finish(&mut self) -> Result<CompletedObject> {
        if self.multipart.is_none() {
            let resting = self.tail.filter(|_| self.gathered.is_empty());
            let key = match resting {
                Some(tail) => tail.key,
                // A key of its own: a request that was shut out could otherwise put other bytes under ours, late.
                None => {
                    let key = ObjectKey::fresh(KeyKind::Blob);
                    self.put(key).await?;
                    key
                }
            };
            let is_fresh = resting.is_none();
            return Ok(CompletedObject { key, is_fresh, superseded: std::mem::take(&mut self.superseded) });
        }
        self.fetch_tail().await?;
        if !self.gathered.is_empty() {
            self.send_part().await?;
        }
        self.wait_for_part().await?;
        let key = self.assemble().await?;
        Ok(CompletedObject { key, is_fresh: true, superseded: std::mem::take(&mut self.superseded) })
    }

    /// Joins the parts, and trusts the service only after it has said how long the object became.
    async fn assemble(&mut self) -> Result<ObjectKey> {
        let Some(Multipart { id, key }) = self.multipart.take() else { return Ok(self.key) };
        let path = self.bucket.path(key);
        let parts = self.parts.drain(..).map(|content_id| PartId { content_id }).collect();
        let joined = self.bucket.service.complete_multipart(&path, &id, parts).await;
        joined.map_err(failed("complete the upload of", self.key))?;
        let head = self.bucket.service.head(&path).await.map_err(failed("measure", self.key))?;
        if head.size == self.length { Ok(key) } else { Err(ObjectError::Truncated { key, at: head.size }) }
    }
}

impl ObjectWriter for S3Writer {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        self.append(bytes).boxed()
    }

    fn suspend(mut self: Box<Self>) -> BoxFuture<'static, Result<(SuspendedObject, Claim)>> {
        async move { Ok((self.put_down().await?, Claim::default())) }.boxed()
    }

    fn complete(mut self: Box<Self>) -> BoxFuture<'static, Result<(CompletedObject, Claim)>> {
        async move { Ok((self.finish().await?, Claim::default())) }.boxed()
    }
}
