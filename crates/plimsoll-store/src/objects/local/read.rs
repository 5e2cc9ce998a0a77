//! Reads in 256 KiB steps: straight from the page cache where the bytes are there, on a blocking thread where not.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::ReadWriteFlags;

use super::super::buffers::{Buffer, BufferPool, READ_BYTES};
use super::super::{ByteStream, ObjectError, ObjectKey, Result};
use super::blocking;

/// A file and what is still to be read of it.
struct Reading {
    file: Arc<File>,
    key: ObjectKey,
    rest: Range<u64>,
    buffers: BufferPool,
}

pub(super) async fn open(
    path: PathBuf,
    key: ObjectKey,
    range: Range<u64>,
    buffers: BufferPool,
) -> Result<ByteStream> {
    let reading = Reading { file: open_file(path, key).await?, key, rest: range, buffers };
    Ok(stream::try_unfold(reading, Reading::next).boxed())
}

/// What one read yields from `start` on; nothing at the end, or where no file is. The file is opened each time, so that
/// one that is deleted gives its room back at once.
pub(super) async fn some(path: PathBuf, key: ObjectKey, start: u64, buffers: BufferPool) -> Result<Bytes> {
    let file = match open_file(path, key).await {
        Ok(file) => file,
        Err(ObjectError::NotFound(_)) => return Ok(Bytes::new()),
        Err(error) => return Err(error),
    };
    let mut reading = Reading { file, key, rest: start..u64::MAX, buffers };
    let (buffer, read) = reading.read_once(READ_BYTES).await?;
    Ok(buffer.filled(read))
}

async fn open_file(path: PathBuf, key: ObjectKey) -> Result<Arc<File>> {
    let file = match open_cached(&path) {
        Ok(file) => file,
        Err(_) => blocking(move || File::open(path).map_err(ObjectError::io("open", key))).await?,
    };
    Ok(Arc::new(file))
}

/// Opens without waiting for the disk, or fails at once. Any failure is looked into by the patient way.
fn open_cached(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let opened = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED)?;
    Ok(File::from(opened))
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        let wanted = usize::try_from(self.rest.end.saturating_sub(self.rest.start))
            .unwrap_or(READ_BYTES)
            .min(READ_BYTES);
        if wanted == 0 {
            return Ok(None);
        }
        let start = self.rest.start;
        let (buffer, read) = self.read_once(wanted).await?;
        if read == 0 {
            return Err(ObjectError::Truncated { key: self.key, at: start });
        }
        Ok(Some((buffer.filled(read), self)))
    }

    /// Reads at most `wanted` bytes, and goes on behind them next time.
    async fn read_once(&mut self, wanted: usize) -> Result<(Buffer, usize)> {
        let mut buffer = self.buffers.take();
        let read = match read_cached(&self.file, &mut buffer.space()[..wanted], self.rest.start) {
            Some(read) => read,
            None => {
                let (file, start) = (self.file.clone(), self.rest.start);
                let (filled, read) = blocking(move || Ok(read_waiting(&file, buffer, wanted, start))).await?;
                buffer = filled;
                read
            }
        };
        let read = read.map_err(ObjectError::io("read", self.key))?;
        self.rest.start += read as u64;
        Ok((buffer, read))
    }
}

/// Reads what the page cache holds, or `None` if that would wait for the disk or the file system cannot tell. Some
/// kernels (5.9 and 5.10) say that nothing is left where they would have to wait.
fn read_cached(file: &File, space: &mut [u8], offset: u64) -> Option<io::Result<usize>> {
    match rustix::io::preadv2(file, &mut [IoSliceMut::new(space)], offset, ReadWriteFlags::NOWAIT) {
        Ok(0) | Err(_) => None,
        Ok(read) => Some(Ok(read)),
    }
}

fn read_waiting(file: &File, mut buffer: Buffer, wanted: usize, offset: u64) -> (Buffer, io::Result<usize>) {
    let read = file.read_at(&mut buffer.space()[..wanted], offset);
    (buffer, read)
}
