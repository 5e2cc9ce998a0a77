mod archive;
mod decode;
mod error;
mod extension;
mod header;
mod limits;
mod listing;
pub(crate) mod path;
mod source;
mod trial;
mod unpack;
mod walk;

use std::io::Read;

use plimsoll_oci::Algorithm;

pub use decode::{Compression, Decoder, Decoding, StoredMeasures};
pub use error::{PathFault, ReadLayerError};
pub use limits::Limits;
pub use listing::{Entry, Kind, LayerListing, ListingBuilder};
pub use trial::{CompressionTrial, try_zstd};
pub use walk::{Found, LayerMeasures, LayerWalk, OwnedEntry};

/// The algorithms of the two digests that a layer is measured with: those in which others named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerAlgorithms {
    /// Of the bytes as stored; the descriptor's digest has it.
    pub stored: Algorithm,
    /// Of the uncompressed archive; the config's `DiffId` has it.
    pub unpacked: Algorithm,
}

impl Default for LayerAlgorithms {
    fn default() -> Self {
        Self { stored: Algorithm::Sha256, unpacked: Algorithm::Sha256 }
    }
}

/// Reads one layer to its last byte: what it holds, and both its digests, in one pass.
///
/// The bytes may be a plain tar, gzip or Zstandard, whatever the media type says. Nothing stays in memory but the
/// listing.
pub fn read_layer(
    reader: impl Read,
    algorithms: LayerAlgorithms,
    limits: &Limits,
) -> Result<LayerListing, ReadLayerError> {
    let mut walk = LayerWalk::new(reader, algorithms, limits)?;
    let mut listing = ListingBuilder::new(limits);
    while let Some(found) = walk.next()? {
        listing.add(&found)?;
    }
    Ok(listing.build(walk.finish()?))
}

#[cfg(test)]
mod tests;
