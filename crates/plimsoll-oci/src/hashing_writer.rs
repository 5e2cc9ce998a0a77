use std::io::{self, Write};

use crate::{Algorithm, Hasher};

/// Hashes with SHA-256 and counts what is written through it.
#[derive(Debug)]
pub struct HashingWriter<W> {
    /// Where it is written to.
    pub inner: W,
    /// The hash of what was taken so far.
    pub hasher: Hasher,
    /// How many bytes that is.
    pub bytes: u64,
}

impl<W> HashingWriter<W> {
    /// Begins before the first byte.
    pub fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::new(Algorithm::Sha256), bytes: 0 }
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    #[test]
    fn only_what_was_taken_counts() {
        let mut room = [0_u8; 4];
        let mut writer = HashingWriter::new(room.as_mut_slice());
        assert_eq!(writer.write(b"abcdef").unwrap(), 4);
        assert_eq!((writer.bytes, writer.hasher.finish()), (4, Digest::sha256_of(b"abcd")));
    }
}
