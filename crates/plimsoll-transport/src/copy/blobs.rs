use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use plimsoll_oci::Descriptor;

use super::{Closure, CopyOptions, CopyReport, Progress};
use crate::{BlobContent, BlobVerifier, PortFuture, Presence, Sink, Source, TransportError, VerifiedStream};

/// Brings every blob to the sink that it lacks, several at once and each of them once.
pub(crate) async fn copy_blobs(
    source: &dyn Source,
    sink: &dyn Sink,
    closure: &Closure,
    options: &CopyOptions,
    report: &mut CopyReport,
) -> Result<(), TransportError> {
    let (foreign, blobs): (Vec<_>, Vec<_>) =
        closure.blobs().into_iter().partition(|blob| blob.media_type.is_nondistributable());
    report.foreign_layers = foreign.len();
    options.progress.started(blobs.iter().map(|blob| blob.size).sum());
    let copies = blobs.into_iter().map(|blob| copy_blob(source, sink, blob, &options.progress));
    let mut running = stream::iter(copies).buffer_unordered(options.parallel_blobs.max(1));
    while let Some((presence, bytes)) = running.try_next().await? {
        match presence {
            Presence::Present => {
                report.blobs_present += 1;
                report.bytes_present += bytes;
            }
            Presence::Mounted => {
                report.blobs_mounted += 1;
                report.bytes_present += bytes;
            }
            Presence::Absent => {
                report.blobs_copied += 1;
                report.bytes_copied += bytes;
            }
        }
    }
    Ok(())
}

async fn copy_blob(
    source: &dyn Source,
    sink: &dyn Sink,
    blob: &Descriptor,
    progress: &Arc<dyn Progress>,
) -> Result<(Presence, u64), TransportError> {
    let presence = sink.obtain_blob(blob).await?;
    if presence == Presence::Absent {
        let content = CountedContent { source, progress: Arc::clone(progress), reached: Arc::default() };
        sink.put_blob(blob, &content).await?;
    } else {
        progress.advanced(blob.size);
    }
    Ok((presence, blob.size))
}

/// A blob of the source, whose bytes are counted as they pass.
struct CountedContent<'a> {
    source: &'a dyn Source,
    progress: Arc<dyn Progress>,
    /// How far the blob came at best: bytes that are sent again are not counted again.
    reached: Arc<AtomicU64>,
}

impl BlobContent for CountedContent<'_> {
    fn open(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream> {
        Box::pin(async move {
            let stream = self.source.blob(from.clone()).await?;
            let counter =
                Counter { progress: Arc::clone(&self.progress), reached: Arc::clone(&self.reached) };
            Ok(stream.observed(move |position| counter.count(position)))
        })
    }
}

struct Counter {
    progress: Arc<dyn Progress>,
    reached: Arc<AtomicU64>,
}

impl Counter {
    fn count(&self, position: u64) {
        let before = self.reached.fetch_max(position, Ordering::Relaxed);
        if position > before {
            self.progress.advanced(position - before);
        }
    }
}
