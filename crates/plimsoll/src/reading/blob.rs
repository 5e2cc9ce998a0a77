use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use futures_util::{StreamExt as _, TryStreamExt as _};
use plimsoll_oci::Descriptor;
use plimsoll_transport::{BlobVerifier, Source, TransportError, VerifiedStream};
use tokio::runtime::Handle;

use crate::failure::Failure;
use crate::terminal::Step;

/// Largest blob that is read into memory: image configs are held to the same limit.
const WHOLE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Reads a small blob into memory.
pub(super) async fn read_whole(source: &dyn Source, descriptor: &Descriptor) -> Result<Vec<u8>, Failure> {
    if descriptor.size > WHOLE_BYTES_MAX {
        let what =
            format!("image config {} is larger than {WHOLE_BYTES_MAX} bytes", descriptor.digest.short());
        return Err(Failure::not_evaluated(what).at(source.place()));
    }
    let stream = source.blob(BlobVerifier::start(descriptor)).await?;
    let append = |mut whole: Vec<u8>, part: Bytes| async move {
        whole.extend_from_slice(&part);
        Ok(whole)
    };
    Ok(stream.try_fold(Vec::new(), append).await?)
}

/// A blob's stream for a reader on a blocking thread.
pub(crate) struct BlockingBlob {
    stream: VerifiedStream,
    runtime: Handle,
    part: Bytes,
    step: Step,
    error: Option<TransportError>,
}

impl BlockingBlob {
    /// Wraps `stream`; must be called within a runtime.
    pub(crate) fn new(stream: VerifiedStream, step: Step) -> Self {
        Self { stream, runtime: Handle::current(), part: Bytes::new(), step, error: None }
    }

    /// The error that ended the stream. It says more than the [`io::Error`] that the reader saw.
    pub(crate) fn into_error(self) -> Option<TransportError> {
        self.error
    }
}

impl Read for BlockingBlob {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.runtime.block_on(self.stream.next()) {
                None => return Ok(0),
                Some(Ok(part)) => self.part = part,
                Some(Err(error)) => {
                    self.error = Some(error);
                    return Err(io::Error::other("the blob's stream ended in an error"));
                }
            }
        }
        let count = self.part.len().min(out.len());
        self.part.copy_to_slice(&mut out[..count]);
        self.step.advance(count as u64);
        Ok(count)
    }
}
