use std::io::{self, Read};

use plimsoll_oci::{Algorithm, DiffId, Hasher};

use super::decode::Decoding;
use super::walk::LayerMeasures;

/// The uncompressed archive inside a layer's bytes: hashed and counted as it is read.
pub(super) struct Unpacked<'a> {
    bytes: Box<dyn Decoding + 'a>,
    hasher: Hasher,
    unpacked_bytes: u64,
}

impl<'a> Unpacked<'a> {
    pub(super) fn new(bytes: impl Decoding + 'a, diff: Algorithm) -> Self {
        Self { bytes: Box::new(bytes), hasher: Hasher::new(diff), unpacked_bytes: 0 }
    }

    /// Bytes of the archive that came out so far.
    pub(super) fn offset(&self) -> u64 {
        self.unpacked_bytes
    }

    /// Ends the hashes; the caller has read to the end.
    pub(super) fn finish(self, hides_bytes: bool) -> Option<LayerMeasures> {
        let stored = self.bytes.finish()?;
        Some(LayerMeasures {
            digest: stored.digest,
            stored_bytes: stored.stored_bytes,
            diff_id: DiffId(self.hasher.finish()),
            unpacked_bytes: self.unpacked_bytes,
            compression: stored.compression,
            trailing_bytes: stored.trailing_bytes,
            hides_bytes,
        })
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(out)?;
        self.hasher.update(&out[..count]);
        self.unpacked_bytes += count as u64;
        Ok(count)
    }
}
