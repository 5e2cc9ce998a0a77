//! Attaching something to an image: a referrer with its blobs.

use bytes::Bytes;
use futures_util::stream;
use plimsoll_oci::Descriptor;

use crate::{
    BlobContent, BlobVerifier, Placement, PortFuture, Presence, RawManifest, Sink, TransportError,
    VerifiedStream,
};

/// Attaches a referrer to its subject, with the blobs that it lists. When this returns, it is listed among the
/// subject's referrers, also at registries that keep no such list themselves.
pub async fn attach(
    sink: &dyn Sink,
    blobs: &[(Descriptor, Bytes)],
    referrer: &RawManifest,
) -> Result<(), TransportError> {
    for (blob, bytes) in blobs {
        put_bytes(sink, blob, bytes.clone()).await?;
    }
    sink.put_manifest(referrer, &Placement::Part).await?;
    sink.finish().await
}

/// Stores bytes that are at hand as a blob, and tells whether they were missing.
pub async fn put_bytes(sink: &dyn Sink, blob: &Descriptor, bytes: Bytes) -> Result<bool, TransportError> {
    let is_absent = sink.obtain_blob(blob).await? == Presence::Absent;
    if is_absent {
        sink.put_blob(blob, &InMemory(bytes)).await?;
    }
    Ok(is_absent)
}

/// Bytes that are at hand.
struct InMemory(Bytes);

impl BlobContent for InMemory {
    fn open(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream> {
        let start = usize::try_from(from.offset()).unwrap_or(usize::MAX).min(self.0.len());
        let rest = self.0.slice(start..);
        let bytes = stream::iter((!rest.is_empty()).then_some(Ok(rest)));
        Box::pin(async move { Ok(VerifiedStream::new(Box::pin(bytes), from)) })
    }
}
