use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream as _, StreamExt as _, TryStreamExt as _, stream};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use plimsoll_store::ObjectError;
use plimsoll_store::objects::ByteStream;

use crate::IncomingBytes;

/// A request's body, from whichever server brings it.
pub trait RequestBody:
    Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static
{
}

impl<B> RequestBody for B
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
}

/// How long a body may bring nothing before it counts as interrupted.
const STALL_MAX: Duration = Duration::from_secs(120);

/// The body's bytes as they arrive.
pub(super) fn incoming<B: RequestBody>(body: B) -> IncomingBytes {
    let bytes = body.into_data_stream().map_err(io::Error::other).boxed();
    stream::unfold(bytes, |mut bytes| async move {
        let next = match tokio::time::timeout(STALL_MAX, bytes.next()).await {
            Ok(next) => next?,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        Some((next, bytes))
    })
    .boxed()
}

/// Why a small body was not read whole.
#[derive(Debug)]
pub(super) enum CollectError {
    /// It is longer than it may be.
    TooLarge,
    /// The connection ended.
    Interrupted,
}

/// Reads a body of at most `bytes_max` bytes whole.
pub(super) async fn collect<B: RequestBody>(body: B, bytes_max: usize) -> Result<Bytes, CollectError> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(CollectError::TooLarge);
    }
    let mut stream = incoming(body);
    let mut collected = BytesMut::new();
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(|_| CollectError::Interrupted)?;
        if collected.len() + bytes.len() > bytes_max {
            return Err(CollectError::TooLarge);
        }
        collected.extend_from_slice(&bytes);
    }
    Ok(collected.freeze())
}

/// An answer's body.
pub enum ResponseBody {
    /// Nothing.
    Empty,
    /// Bytes at hand.
    Full(Bytes),
    /// Bytes as they are read.
    Stream {
        /// The bytes.
        bytes: ByteStream,
        /// How many are still to come.
        remaining: u64,
    },
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = ObjectError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ObjectError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Stream { bytes, remaining } => {
                let next = futures_util::ready!(Pin::new(bytes).poll_next(context));
                Poll::Ready(next.map(|next| {
                    next.map(|bytes| {
                        *remaining = remaining.saturating_sub(bytes.len() as u64);
                        Frame::data(bytes)
                    })
                }))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::Stream { remaining, .. } => *remaining == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Empty => 0,
            Self::Full(bytes) => bytes.len() as u64,
            Self::Stream { remaining, .. } => *remaining,
        })
    }
}
