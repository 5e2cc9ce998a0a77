use std::io::Read as _;

use plimsoll_oci::Algorithm;
use zstd::bulk::Compressor;

use super::{Compression, Decoder, Limits};

/// The level that builders use unasked: it compresses faster than a disk writes.
const LEVEL: i32 = 3;

/// Bytes of the archive that are compressed again; more would tell little more.
const UNPACKED_BYTES_MAX: u64 = 32 << 20;

/// What Zstandard makes of the beginning of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompressionTrial {
    /// Bytes as stored of the part that was tried.
    pub stored_bytes: u64,
    /// Bytes of that part when Zstandard has compressed them.
    pub zstd_bytes: u64,
}

impl CompressionTrial {
    /// What a layer of so many stored bytes would take, if the rest compresses as its beginning does.
    pub fn projected(&self, stored_bytes: u64) -> u64 {
        let scaled = u128::from(stored_bytes) * u128::from(self.zstd_bytes);
        let projected = scaled.checked_div(self.stored_bytes.into()).unwrap_or_default();
        u64::try_from(projected).unwrap_or(u64::MAX)
    }
}

/// Compresses the beginning of a layer with Zstandard. `first` are its first stored bytes: all of it, or as many as the
/// caller kept. Nothing where it is Zstandard already, or cannot be read.
pub fn try_zstd(first: &[u8]) -> Option<CompressionTrial> {
    if Compression::sniff(first) == Compression::Zstd {
        return None;
    }
    let mut unpacked = Vec::new();
    let mut decoder = Decoder::new(first, Algorithm::Sha256, &Limits::default()).ok()?;
    // The kept bytes end in the middle of the layer: what came out until then is the sample.
    let _ = (&mut decoder).take(UNPACKED_BYTES_MAX).read_to_end(&mut unpacked);
    let stored_bytes = decoder.stored_bytes();
    if unpacked.is_empty() || stored_bytes == 0 {
        return None;
    }
    let zstd_bytes = Compressor::new(LEVEL).ok()?.compress(&unpacked).ok()?.len() as u64;
    Some(CompressionTrial { stored_bytes, zstd_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archives::{Raw, archive, gzip, zstd};

    fn text() -> Vec<u8> {
        let lines: String = (0..60_000).map(|line| format!("line {line} of {}\n", line * 7919)).collect();
        archive(&[Raw::file("etc/words", lines.as_bytes())])
    }

    #[test]
    fn a_trial_on_the_whole_layer_tells_its_size_as_zstandard() {
        let stored = gzip(&text());
        let trial = try_zstd(&stored).unwrap();
        assert_eq!(trial.stored_bytes, stored.len() as u64);
        assert_eq!(trial.projected(stored.len() as u64), trial.zstd_bytes);
        assert!(trial.zstd_bytes < trial.stored_bytes, "{trial:?}");
    }

    #[test]
    fn a_trial_on_the_beginning_comes_close() {
        let stored = gzip(&text());
        let whole = try_zstd(&stored).unwrap();
        let part = try_zstd(&stored[..stored.len() / 2]).unwrap();
        assert!(part.stored_bytes <= stored.len() as u64 / 2);
        let projected = part.projected(stored.len() as u64);
        assert!(projected.abs_diff(whole.zstd_bytes) < whole.zstd_bytes / 5, "{projected} for {whole:?}");
    }

    #[test]
    fn what_is_zstandard_or_damaged_is_not_tried() {
        assert_eq!(try_zstd(&zstd(&text())), None);
        assert_eq!(try_zstd(b""), None);
        assert_eq!(try_zstd(b"\x1f\x8b\x08 and then nothing of a gzip member"), None);
    }
}
