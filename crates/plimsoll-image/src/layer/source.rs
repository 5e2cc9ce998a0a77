use std::io::{self, BufRead, Read};

use plimsoll_oci::{Algorithm, Digest, Hasher};

/// Bytes asked of the inner reader at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// A layer's bytes as stored: buffered, hashed and counted as they come in.
pub(super) struct Source<R> {
    inner: R,
    hasher: Hasher,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    read_bytes: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R, algorithm: Algorithm) -> Self {
        Self {
            inner,
            hasher: Hasher::new(algorithm),
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            read_bytes: 0,
        }
    }

    /// The next `wanted` bytes without taking them; fewer only at the end.
    pub(super) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        if self.start + wanted > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while self.end - self.start < wanted && self.read_more()? > 0 {}
        let available = wanted.min(self.end - self.start);
        Ok(&self.buffer[self.start..self.start + available])
    }

    /// Bytes handed on so far.
    pub(super) fn taken_bytes(&self) -> u64 {
        self.read_bytes - (self.end - self.start) as u64
    }

    /// Reads to the end, and returns how many bytes were left.
    pub(super) fn drain(&mut self) -> io::Result<u64> {
        let taken = self.taken_bytes();
        loop {
            let available = self.fill_buf()?.len();
            if available == 0 {
                return Ok(self.read_bytes - taken);
            }
            self.consume(available);
        }
    }

    /// The digest and number of all bytes read.
    pub(super) fn finish(self) -> (Digest, u64) {
        (self.hasher.finish(), self.read_bytes)
    }

    fn read_more(&mut self) -> io::Result<usize> {
        loop {
            match self.inner.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.hasher.update(&self.buffer[self.end..self.end + count]);
                    self.end += count;
                    self.read_bytes += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(super::ReadLayerError::Read(error).into_io()),
            }
        }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            self.read_more()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}
