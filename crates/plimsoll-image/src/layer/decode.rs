use std::fmt;
use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use plimsoll_oci::{Algorithm, Digest};
use serde::{Deserialize, Serialize};

use super::source::Source;
use super::{Limits, ReadLayerError};

/// How a layer's bytes are compressed, as found in the bytes themselves: media types lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, in one or several members (RFC 1952, section 2.2).
    Gzip,
    /// Zstandard, in one or several frames (RFC 8878, section 3.1).
    Zstd,
}

impl Compression {
    /// Tells the compression from the first bytes.
    pub fn sniff(first: &[u8]) -> Self {
        match first {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// The uncompressed archive inside a layer's bytes, wherever it is decoded.
pub trait Decoding: Read {
    /// What is known of the stored bytes; the caller has read to the end. `None` if that was not the end.
    fn finish(self: Box<Self>) -> Option<StoredMeasures>;
}

/// What is known of a layer's stored bytes after the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMeasures {
    /// Their digest.
    pub digest: Digest,
    /// How many there are.
    pub stored_bytes: u64,
    /// How the layer is compressed.
    pub compression: Compression,
    /// Bytes after the last compressed member.
    pub trailing_bytes: u64,
}

/// The uncompressed archive inside a layer's bytes: counted and held to the limits as it comes out.
pub struct Decoder<R: Read> {
    stage: Stage<R>,
    compression: Compression,
    limits: Limits,
    unpacked_bytes: u64,
    trailing_bytes: u64,
}

/// One gzip member or Zstandard frame at a time, so that what follows the last one is seen.
enum Stage<R: Read> {
    Between(Source<R>),
    Plain(Source<R>),
    Gzip(Box<GzDecoder<Source<R>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Source<R>>>),
    Ended(Source<R>),
    Broken,
}

impl<R: Read> Decoder<R> {
    /// Begins to decode: a plain tar, gzip or Zstandard.
    pub fn new(reader: R, stored: Algorithm, limits: &Limits) -> io::Result<Self> {
        let mut source = Source::new(reader, stored);
        let compression = Compression::sniff(source.peek(4)?);
        Ok(Self {
            stage: if compression == Compression::None {
                Stage::Plain(source)
            } else {
                Stage::Between(source)
            },
            compression,
            limits: limits.clone(),
            unpacked_bytes: 0,
            trailing_bytes: 0,
        })
    }

    /// Reads from the current stage and moves to the next one at its end.
    fn read_stage(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = match &mut self.stage {
                Stage::Between(_) => 0,
                Stage::Plain(source) => return source.read(out),
                Stage::Gzip(decoder) => decoder.read(out)?,
                Stage::Zstd(decoder) => decoder.read(out)?,
                Stage::Ended(_) | Stage::Broken => return Ok(0),
            };
            if count > 0 {
                return Ok(count);
            }
            self.stage = match std::mem::replace(&mut self.stage, Stage::Broken) {
                Stage::Between(source) => self.next_stage(source)?,
                Stage::Gzip(decoder) => Stage::Between(decoder.into_inner()),
                Stage::Zstd(decoder) => Stage::Between(decoder.into_inner()),
                settled => settled,
            };
        }
    }

    /// Begins the next member or frame, or ends the layer when there is none.
    fn next_stage(&mut self, mut source: Source<R>) -> io::Result<Stage<R>> {
        let next = Compression::sniff(source.peek(4)?);
        if next != self.compression {
            self.trailing_bytes = source.drain()?;
            return Ok(Stage::Ended(source));
        }
        if next == Compression::Gzip {
            return Ok(Stage::Gzip(Box::new(GzDecoder::new(source))));
        }
        let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?.single_frame();
        decoder.window_log_max(self.limits.zstd_window_log_max)?;
        Ok(Stage::Zstd(Box::new(decoder)))
    }

    /// Bytes as stored that went into what came out.
    pub(super) fn stored_bytes(&self) -> u64 {
        match &self.stage {
            Stage::Between(source) | Stage::Plain(source) | Stage::Ended(source) => source.taken_bytes(),
            Stage::Gzip(decoder) => decoder.get_ref().taken_bytes(),
            Stage::Zstd(decoder) => decoder.get_ref().taken_bytes(),
            Stage::Broken => 0,
        }
    }

    fn check_limits(&self) -> Result<(), ReadLayerError> {
        let limits = &self.limits;
        if self.unpacked_bytes > limits.unpacked_bytes_max {
            return Err(ReadLayerError::TooLarge(limits.unpacked_bytes_max));
        }
        let is_free = self.unpacked_bytes <= limits.ratio_free_bytes;
        if !is_free && self.unpacked_bytes / limits.ratio_max > self.stored_bytes() {
            return Err(ReadLayerError::Ratio(limits.ratio_max));
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let compression = self.compression;
        let count = self.read_stage(out).map_err(|error| as_damage(error, compression).into_io())?;
        self.unpacked_bytes += count as u64;
        self.check_limits().map_err(ReadLayerError::into_io)?;
        Ok(count)
    }
}

impl<R: Read> Decoding for Decoder<R> {
    fn finish(self: Box<Self>) -> Option<StoredMeasures> {
        let (Stage::Ended(source) | Stage::Plain(source)) = self.stage else { return None };
        let (digest, stored_bytes) = source.finish();
        let (compression, trailing_bytes) = (self.compression, self.trailing_bytes);
        Some(StoredMeasures { digest, stored_bytes, compression, trailing_bytes })
    }
}

/// Tells the decoder's complaints from those of the inner reader, which [`Source`] has already wrapped.
fn as_damage(error: io::Error, compression: Compression) -> ReadLayerError {
    error.downcast().unwrap_or_else(|source| ReadLayerError::Damaged { compression, source })
}
