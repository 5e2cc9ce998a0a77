use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;

use crate::{BlobVerifier, TransportError, VerifiedStream};

/// How far apart the places are that an upload can go on from.
const CHECKPOINT_BYTES: u64 = 8 * 1024 * 1024;

/// After how many bytes the connection gets to read. It does not as long as there is something to write, and would then
/// see the closed line before the answer of a registry that takes no more.
const PAUSE_AFTER_BYTES: usize = 64 * 1024;

/// What an upload has read of its blob so far.
///
/// The registry may have kept less than was sent. To go on at its offset without trusting unhashed bytes, the hash
/// is noted every few megabytes: the blob is opened at the last such place, and read past what the registry has.
#[derive(Clone)]
pub(crate) struct UploadProgress(Arc<Mutex<Progress>>);

struct Progress {
    position: BlobVerifier,
    checkpoints: Vec<BlobVerifier>,
    source_error: Option<TransportError>,
}

impl UploadProgress {
    pub(crate) fn new(start: BlobVerifier) -> Self {
        let progress = Progress { position: start.clone(), checkpoints: vec![start], source_error: None };
        Self(Arc::new(Mutex::new(progress)))
    }

    fn with<T>(&self, read: impl FnOnce(&mut Progress) -> T) -> T {
        read(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The last noted place that is not beyond `offset`.
    pub(crate) fn checkpoint_before(&self, offset: u64) -> Option<BlobVerifier> {
        self.with(|progress| {
            progress.checkpoints.iter().rev().find(|noted| noted.offset() <= offset).cloned()
        })
    }

    /// How many bytes were read and hashed.
    pub(crate) fn offset(&self) -> u64 {
        self.with(|progress| progress.position.offset())
    }

    /// Whether the bytes read are the whole blob.
    pub(crate) fn finish(&self) -> Result<(), TransportError> {
        self.with(|progress| progress.position.finish())
    }

    /// The error of the blob's source, if that is why the upload broke.
    pub(crate) fn take_source_error(&self) -> Option<TransportError> {
        self.with(|progress| progress.source_error.take())
    }

    fn advance(&self, position: &BlobVerifier) {
        self.with(|progress| {
            progress.position = position.clone();
            let last = progress.checkpoints.last().map_or(0, BlobVerifier::offset);
            if position.offset() >= last + CHECKPOINT_BYTES {
                progress.checkpoints.push(position.clone());
            }
        });
    }
}

/// A blob's bytes as the body of a request, from the registry's offset on.
pub(crate) struct UploadBody {
    bytes: VerifiedStream,
    progress: UploadProgress,
    skip: u64,
    /// How many bytes may still be handed out.
    left: u64,
    /// What was handed out since the connection last had a chance to read.
    since_pause: usize,
}

impl UploadBody {
    /// Takes `bytes` from a checkpoint, of which the first `skip` are at the registry.
    pub(crate) fn new(bytes: VerifiedStream, progress: UploadProgress, skip: u64) -> Self {
        progress.advance(bytes.position());
        Self { bytes, progress, skip, left: u64::MAX, since_pause: 0 }
    }

    /// The first `length` bytes alone.
    pub(crate) fn cut_to(self, length: u64) -> Self {
        Self { left: length, ..self }
    }
}

/// The request broke because the blob could not be read; the reason is kept in the progress.
#[derive(Debug, thiserror::Error)]
#[error("the blob could not be read to its end")]
pub(crate) struct SourceBroke;

impl Stream for UploadBody {
    type Item = Result<Bytes, SourceBroke>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if self.since_pause >= PAUSE_AFTER_BYTES {
            self.since_pause = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            match ready!(Pin::new(&mut self.bytes).poll_next(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => {
                    self.progress.with(|progress| progress.source_error = Some(error));
                    return Poll::Ready(Some(Err(SourceBroke)));
                }
                Some(Ok(mut bytes)) => {
                    self.progress.advance(self.bytes.position());
                    let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
                    self.skip -= skipped as u64;
                    let mut fresh = bytes.split_off(skipped);
                    fresh.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                    if !fresh.is_empty() {
                        self.left -= fresh.len() as u64;
                        self.since_pause += fresh.len();
                        return Poll::Ready(Some(Ok(fresh)));
                    }
                }
            }
        }
    }
}
