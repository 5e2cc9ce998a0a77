use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use plimsoll_oci::{Descriptor, Digest, Hasher};

use crate::{ByteStream, TransportError};

/// How far the bytes of one blob were seen, with their hash so far.
///
/// It is the only key to open a blob: who opens one in the middle must hold the hash of what came before.
#[derive(Clone, Debug)]
pub struct BlobVerifier {
    expected: Digest,
    size: u64,
    seen: u64,
    hasher: Hasher,
}

impl BlobVerifier {
    /// Stands at the first byte of what `descriptor` promises.
    pub fn start(descriptor: &Descriptor) -> Self {
        Self {
            expected: descriptor.digest,
            size: descriptor.size,
            seen: 0,
            hasher: Hasher::new(descriptor.digest.algorithm()),
        }
    }

    /// The digest that all bytes together must have.
    pub fn digest(&self) -> Digest {
        self.expected
    }

    /// The number of bytes there must be.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many bytes were seen.
    pub fn offset(&self) -> u64 {
        self.seen
    }

    /// Takes the next bytes, and refuses them when they are too many.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        let seen = self.seen.saturating_add(bytes.len() as u64);
        if seen > self.size {
            return Err(self.size_mismatch(seen));
        }
        self.hasher.update(bytes);
        self.seen = seen;
        Ok(())
    }

    /// Checks that the bytes seen are the whole blob.
    pub fn finish(&self) -> Result<(), TransportError> {
        if self.seen != self.size {
            return Err(self.size_mismatch(self.seen));
        }
        let actual = self.hasher.clone().finish();
        if actual == self.expected {
            Ok(())
        } else {
            Err(TransportError::DigestMismatch { expected: self.expected, actual: Box::new(actual) })
        }
    }

    fn size_mismatch(&self, actual: u64) -> TransportError {
        TransportError::SizeMismatch { digest: self.expected, expected: self.size, actual }
    }
}

/// A blob's bytes, which end in an error unless they had the promised digest and size.
///
/// Bytes are handed on as they come, so a reader must not commit anything before the stream has ended well.
pub struct VerifiedStream {
    bytes: ByteStream,
    verifier: BlobVerifier,
    state: State,
    observer: Option<Box<dyn Fn(u64) + Send>>,
}

#[derive(PartialEq, Eq)]
enum State {
    Open,
    Ended,
}

impl VerifiedStream {
    /// Checks `bytes`, which begin where `verifier` stands.
    pub fn new(bytes: ByteStream, verifier: BlobVerifier) -> Self {
        Self { bytes, verifier, state: State::Open, observer: None }
    }

    /// Where the stream stands now, to open the blob there again.
    pub fn position(&self) -> &BlobVerifier {
        &self.verifier
    }

    /// Tells `observer` the position after each piece.
    pub fn observed(self, observer: impl Fn(u64) + Send + 'static) -> Self {
        Self { observer: Some(Box::new(observer)), ..self }
    }

    fn check(
        &mut self,
        next: Option<Result<Bytes, TransportError>>,
    ) -> Option<Result<Bytes, TransportError>> {
        let checked = match next {
            Some(Ok(bytes)) => self.verifier.update(&bytes).map(|()| Some(bytes)),
            Some(Err(error)) => Err(error),
            None => self.verifier.finish().map(|()| None),
        };
        match (&checked, &self.observer) {
            (Ok(Some(_)), Some(observer)) => observer(self.verifier.offset()),
            (Ok(Some(_)), None) => {}
            _ => self.state = State::Ended,
        }
        checked.transpose()
    }
}

impl Stream for VerifiedStream {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.state == State::Ended {
            return Poll::Ready(None);
        }
        let next = ready!(self.bytes.as_mut().poll_next(cx));
        Poll::Ready(self.check(next))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, TryStreamExt as _, stream};
    use plimsoll_oci::MediaType;

    use super::*;

    fn stream_of(parts: &[&'static [u8]]) -> ByteStream {
        let parts: Vec<_> = parts.iter().map(|part| Ok(Bytes::from_static(part))).collect();
        Box::pin(stream::iter(parts))
    }

    fn promised(bytes: &[u8]) -> BlobVerifier {
        BlobVerifier::start(&Descriptor::of(MediaType::LAYER, bytes))
    }

    async fn read(stream: VerifiedStream) -> Result<Vec<Bytes>, TransportError> {
        stream.try_collect().await
    }

    #[tokio::test]
    async fn good_bytes_end_well() {
        let parts = read(VerifiedStream::new(stream_of(&[b"ab", b"c"]), promised(b"abc"))).await.unwrap();
        assert_eq!(parts.concat(), b"abc");
    }

    #[tokio::test]
    async fn wrong_short_and_long_bytes_end_in_an_error() {
        let wrong = read(VerifiedStream::new(stream_of(&[b"abd"]), promised(b"abc"))).await;
        assert!(matches!(wrong, Err(TransportError::DigestMismatch { .. })));
        let short = read(VerifiedStream::new(stream_of(&[b"ab"]), promised(b"abc"))).await;
        assert!(matches!(short, Err(TransportError::SizeMismatch { actual: 2, .. })));
        let long = read(VerifiedStream::new(stream_of(&[b"abc", b"d"]), promised(b"abc"))).await;
        assert!(matches!(long, Err(TransportError::SizeMismatch { actual: 4, .. })));
    }

    #[tokio::test]
    async fn a_second_part_is_checked_together_with_the_first() {
        let mut first = VerifiedStream::new(stream_of(&[b"ab"]), promised(b"abc"));
        first.next().await.unwrap().unwrap();
        let position = first.position().clone();
        assert_eq!(position.offset(), 2);
        read(VerifiedStream::new(stream_of(&[b"c"]), position.clone())).await.unwrap();
        let wrong = read(VerifiedStream::new(stream_of(&[b"x"]), position)).await;
        assert!(matches!(wrong, Err(TransportError::DigestMismatch { .. })));
    }
}
