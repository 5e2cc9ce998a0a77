//! Writing a file so that a reader, or a crash, sees the old one or the new one and nothing between.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::TransportError;

/// What a file begins with in its name until it is complete.
const PARTIAL_PREFIX: &str = ".partial-";

/// Replaces `path` by a file with these bytes. `mode` is narrowed by the process's umask.
pub(crate) fn replace_file(path: &Path, bytes: &[u8], mode: u32) -> Result<(), TransportError> {
    let mut partial = partial_beside(path, mode)?;
    partial.write_all(bytes).map_err(TransportError::io("write", path))?;
    commit(partial, path)
}

/// Starts a file that will stand at `path`, in the same directory.
pub(crate) fn partial_beside(path: &Path, mode: u32) -> Result<NamedTempFile, TransportError> {
    let directory = directory_of(path);
    std::fs::create_dir_all(directory).map_err(TransportError::io("create", directory))?;
    tempfile::Builder::new()
        .prefix(PARTIAL_PREFIX)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(directory)
        .map_err(TransportError::io("create a file in", directory))
}

/// Makes the partial file durable and gives it its name.
pub(crate) fn commit(partial: NamedTempFile, path: &Path) -> Result<(), TransportError> {
    partial.as_file().sync_all().map_err(TransportError::io("sync", path))?;
    partial.persist(path).map_err(|error| TransportError::io("replace", path)(error.error))?;
    sync_directory(directory_of(path))
}

fn sync_directory(directory: &Path) -> Result<(), TransportError> {
    let synced = File::open(directory).and_then(|opened| opened.sync_all());
    synced.map_err(TransportError::io("sync", directory))
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
