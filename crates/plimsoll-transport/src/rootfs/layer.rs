use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll_oci::{Descriptor, DiffId, HashingWriter, MediaType};

use super::walk::TreeWriter;
use crate::TransportError;

/// How much compressed output is collected before it is written.
const BUFFER_BYTES: usize = 1024 * 1024;

/// A layer in a scratch file.
pub(crate) struct Layer {
    pub(crate) file: File,
    pub(crate) descriptor: Descriptor,
    pub(crate) diff_id: DiffId,
}

/// Packs the tree at `root` into a gzip-compressed layer, hashing both forms as they pass. It blocks.
pub(crate) fn pack_layer(root: &Path, scratch_directory: &Path) -> Result<Layer, TransportError> {
    let scratch = tempfile::tempfile_in(scratch_directory)
        .map_err(TransportError::io("create a file in", scratch_directory))?;
    let stored = HashingWriter::new(BufWriter::with_capacity(BUFFER_BYTES, scratch));
    let unpacked = HashingWriter::new(GzEncoder::new(stored, Compression::default()));
    let mut tar = tar::Builder::new(unpacked);
    TreeWriter::new(&mut tar, root).write()?;
    let write_error = || TransportError::io("write a file in", scratch_directory);
    let unpacked = tar.into_inner().map_err(write_error())?;
    let diff_id = DiffId(unpacked.hasher.finish());
    let stored = unpacked.inner.finish().map_err(write_error())?;
    let descriptor = Descriptor::new(MediaType::LAYER_GZIP, stored.hasher.finish(), stored.bytes);
    let file = stored.inner.into_inner().map_err(|error| write_error()(error.into_error()))?;
    Ok(Layer { file, descriptor, diff_id })
}
