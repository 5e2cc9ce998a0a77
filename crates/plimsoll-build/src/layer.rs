//! Layers that depend on nothing but what is in them.

mod gzip;
mod tar;

use std::io::{self, BufWriter, Write};

use plimsoll_image::{
    Compression as Stored, Found, LayerListing, LayerMeasures, Limits, ListingBuilder, OwnedEntry,
};
use plimsoll_oci::{Descriptor, DiffId, HashingWriter, MediaType};

use self::gzip::GzipWriter;
use self::tar::TarWriter;
use crate::BuildError;
use crate::files::{Contents, Item};
use crate::store::Store;

/// How much output is collected before it is written.
const BUFFER_BYTES: usize = 1 << 20;
/// The level of Zstandard: its own default.
const ZSTD_LEVEL: i32 = 3;

/// How the layers that are made are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// gzip, which everything reads.
    #[default]
    Gzip,
    /// Zstandard: faster to make, and much faster to unpack.
    Zstd,
}

/// A layer of an image that is being made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) descriptor: Descriptor,
    pub(crate) diff_id: DiffId,
}

/// Writes the items as a layer, sorted as they come, with one time for all.
///
/// The archive is hashed first: where a layer with the same content was made before, it is taken from the store.
pub(crate) fn write_layer(
    items: &[Item],
    contents: &Contents,
    settings: LayerSettings,
    store: &Store,
) -> Result<Layer, BuildError> {
    let hashed = archive(items, contents, settings.time, io::sink())?;
    let diff_id = DiffId(hashed.hasher.finish());
    if let Some(descriptor) = store.known_layer(&diff_id, settings.compression) {
        return Ok(Layer { descriptor, diff_id });
    }
    let scratch = store.scratch_file()?;
    let failed =
        |source| BuildError::Io { operation: "write a layer in", path: store.directory().to_owned(), source };
    let stored = HashingWriter::new(BufWriter::with_capacity(BUFFER_BYTES, scratch));
    let (stored, diff_id) = match settings.compression {
        Compression::Gzip => {
            let hashed = archive(items, contents, settings.time, GzipWriter::new(stored).map_err(failed)?)?;
            (hashed.inner.finish().map_err(failed)?, DiffId(hashed.hasher.finish()))
        }
        Compression::Zstd => {
            let encoder = zstd::stream::write::Encoder::new(stored, ZSTD_LEVEL).map_err(failed)?;
            let hashed = archive(items, contents, settings.time, encoder)?;
            (hashed.inner.finish().map_err(failed)?, DiffId(hashed.hasher.finish()))
        }
    };
    let descriptor = Descriptor::new(settings.compression.media_type(), stored.hasher.finish(), stored.bytes);
    let scratch = stored.inner.into_inner().map_err(|error| failed(error.into_error()))?;
    store.keep_layer(scratch, &descriptor, &diff_id, settings.compression)?;
    Ok(Layer { descriptor, diff_id })
}

/// What all layers of a build have in common.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LayerSettings {
    /// The time of every file, in seconds since 1970.
    pub(crate) time: u64,
    pub(crate) compression: Compression,
}

/// The listing of a layer that was just written, so that it need not be read again.
pub(crate) fn listing_of(items: &[Item], layer: &Layer) -> Result<LayerListing, BuildError> {
    let limits = Limits::default();
    let mut listing = ListingBuilder::new(&limits);
    let unreadable = |source| BuildError::Layer { digest: layer.descriptor.digest, source: Box::new(source) };
    for item in items {
        let entry = OwnedEntry {
            path: item.path.clone(),
            kind: item.kind,
            size_bytes: item.size_bytes,
            mode: item.mode,
            uid: item.uid,
            gid: item.gid,
            link: item.link.clone(),
            ..OwnedEntry::default()
        };
        listing.add(&Found::Entry(entry)).map_err(unreadable)?;
    }
    Ok(listing.build(LayerMeasures {
        digest: layer.descriptor.digest,
        stored_bytes: layer.descriptor.size,
        diff_id: layer.diff_id,
        unpacked_bytes: items.iter().map(|item| item.size_bytes).fold(0, u64::saturating_add),
        compression: Stored::None,
        trailing_bytes: 0,
        hides_bytes: false,
    }))
}

fn archive<W: Write>(
    items: &[Item],
    contents: &Contents,
    time: u64,
    out: W,
) -> Result<HashingWriter<W>, BuildError> {
    let mut tar = TarWriter::new(HashingWriter::new(out), time);
    for item in items {
        let shown = || String::from_utf8_lossy(&item.path).into_owned();
        let failed = |source| BuildError::Content { path: shown(), source };
        tar.append(item, contents.open(item).map_err(failed)?).map_err(failed)?;
    }
    tar.finish().map_err(|source| BuildError::Content { path: "the layer".to_owned(), source })
}

impl Compression {
    fn media_type(self) -> MediaType {
        match self {
            Self::Gzip => MediaType::LAYER_GZIP,
            Self::Zstd => MediaType::LAYER_ZSTD,
        }
    }

    /// Its name in the names of files.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}
