use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use plimsoll_oci::{Digest, MANIFEST_BYTES_MAX};

use crate::file_stream::Region;
use crate::{RawManifest, TransportError};

/// Where the files of a layout stand.
pub(crate) trait LayoutFiles: Send + Sync {
    /// How messages call the layout.
    fn place(&self) -> String;

    /// Opens the file at a path relative to the layout's root. It blocks.
    fn open(&self, path: &str) -> Result<Region, TransportError>;
}

/// The path of a blob inside a layout.
pub(crate) fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.encoded())
}

/// Reads a manifest from its blob. It blocks.
pub(crate) fn read_manifest(files: &dyn LayoutFiles, digest: &Digest) -> Result<RawManifest, TransportError> {
    let region = files.open(&blob_path(digest)).map_err(|error| match error {
        TransportError::NotFound { place, .. } => {
            TransportError::not_found(format!("manifest `{digest}`"), place)
        }
        other => other,
    })?;
    RawManifest::verify(region.read_all(MANIFEST_BYTES_MAX)?, digest, None)
}

/// A layout in a directory.
#[derive(Clone, Debug)]
pub(crate) struct Directory(pub(crate) PathBuf);

impl LayoutFiles for Directory {
    fn place(&self) -> String {
        format!("oci:{}", self.0.display())
    }

    /// Opens without waiting, so that a pipe put in the place of a blob cannot hold the reader for ever.
    fn open(&self, path: &str) -> Result<Region, TransportError> {
        let full = self.0.join(path);
        let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
        match OpenOptions::new().read(true).custom_flags(nonblocking).open(&full) {
            Ok(file) => Region::whole(file, &full),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(TransportError::not_found(format!("file `{path}`"), self.place()))
            }
            Err(error) => Err(TransportError::io("open", &full)(error)),
        }
    }
}
