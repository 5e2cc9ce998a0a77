//! Files as streams of bytes, read and written on blocking threads in large pieces.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use crate::{BlobVerifier, ByteStream, TransportError, VerifiedStream};

/// How much is read or written at once: small pieces cost more in thread hops than in copying.
const PIECE_BYTES: usize = 1024 * 1024;

/// Runs `work` on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TransportError> + Send + 'static,
) -> Result<T, TransportError> {
    tokio::task::spawn_blocking(work).await?
}

/// A part of an open file, such as one member of a tar.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub(crate) file: Arc<File>,
    pub(crate) path: PathBuf,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

impl Region {
    /// The whole of `file`.
    pub(crate) fn whole(file: File, path: &Path) -> Result<Self, TransportError> {
        let metadata = file.metadata().map_err(TransportError::io("read", path))?;
        if !metadata.is_file() {
            return Err(TransportError::damaged(path.display().to_string(), "it is not a regular file"));
        }
        Ok(Self { file: Arc::new(file), path: path.to_owned(), offset: 0, length: metadata.len() })
    }

    /// All bytes, when they are few enough. It blocks.
    pub(crate) fn read_all(&self, limit: usize) -> Result<Bytes, TransportError> {
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        if length > limit {
            let what = format!("`{}` with {} bytes", self.path.display(), self.length);
            return Err(TransportError::limit(what, format!("{limit} bytes")));
        }
        self.read_at(0, length)
    }

    /// Up to `wanted` bytes from `position` inside the region. It blocks.
    pub(crate) fn read_at(&self, position: u64, wanted: usize) -> Result<Bytes, TransportError> {
        let left = self.length.saturating_sub(position);
        let mut piece = vec![0; wanted.min(usize::try_from(left).unwrap_or(usize::MAX))];
        let read = self.file.read_exact_at(&mut piece, self.offset + position);
        read.map_err(TransportError::io("read", &self.path))?;
        Ok(piece.into())
    }

    /// The bytes from `from`'s position to the end, checked as they pass.
    pub(crate) fn stream(self, from: BlobVerifier) -> VerifiedStream {
        let start = from.offset();
        VerifiedStream::new(self.bytes_from(start), from)
    }

    fn bytes_from(self, start: u64) -> ByteStream {
        let pieces = stream::try_unfold((self, start), |(region, position)| async move {
            if position >= region.length {
                return Ok(None);
            }
            let (region, piece) = blocking(move || {
                let piece = region.read_at(position, PIECE_BYTES)?;
                Ok((region, piece))
            })
            .await?;
            let next = position + piece.len() as u64;
            Ok(Some((piece, (region, next))))
        });
        Box::pin(pieces)
    }
}

/// Writes a whole stream to `file`, and gives the file back.
pub(crate) async fn write_stream(
    mut stream: VerifiedStream,
    mut file: File,
    path: &Path,
) -> Result<File, TransportError> {
    let mut waiting: Vec<Bytes> = Vec::new();
    let mut waiting_bytes = 0;
    while let Some(bytes) = stream.next().await.transpose()? {
        waiting_bytes += bytes.len();
        waiting.push(bytes);
        if waiting_bytes >= PIECE_BYTES {
            file = write_pieces(file, std::mem::take(&mut waiting), path).await?;
            waiting_bytes = 0;
        }
    }
    write_pieces(file, waiting, path).await
}

async fn write_pieces(mut file: File, pieces: Vec<Bytes>, path: &Path) -> Result<File, TransportError> {
    let path = path.to_owned();
    blocking(move || {
        for piece in pieces {
            file.write_all(&piece).map_err(TransportError::io("write", &path))?;
        }
        Ok(file)
    })
    .await
}
