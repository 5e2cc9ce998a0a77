//! The tar that `docker save` writes and `docker load` reads.
//!
//! Docker wrote two forms over the years: `manifest.json` with a config and layer tars, and since version 25 an OCI
//! image layout beside it. The layout is taken when it is there, because it keeps digests.

mod legacy;
mod members;
mod sink;

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use flate2::read::GzDecoder;

use self::legacy::LegacySource;
pub(crate) use self::legacy::make_manifest;
use self::members::Members;
pub use self::sink::DockerArchiveSink;
use crate::file_stream::{Region, blocking};
use crate::layout::LayoutSource;
use crate::{Source, TransportError};

/// Most bytes that a compressed archive may unpack to.
const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024 * 1024;

/// Opens the docker archive in `file`, which may be compressed with gzip.
///
/// It is read in place; only a compressed one is unpacked first, to a nameless file in `scratch_directory`.
pub async fn open_docker_archive(
    file: &Path,
    scratch_directory: &Path,
) -> Result<Box<dyn Source>, TransportError> {
    let (path, scratch) = (file.to_owned(), scratch_directory.to_owned());
    blocking(move || {
        let file = File::open(&path).map_err(TransportError::io("open", &path))?;
        let place = format!("docker-archive:{}", path.display());
        open_in(file, &path, place, &scratch)
    })
    .await
}

/// Opens the archive in an open file. It blocks.
pub(crate) fn open_in(
    file: File,
    path: &Path,
    place: String,
    scratch_directory: &Path,
) -> Result<Box<dyn Source>, TransportError> {
    let plain = if is_gzip(&file, path)? { unpack(file, path, scratch_directory)? } else { file };
    let members = Members::list(Region::whole(plain, path)?, place)?;
    if members.contains("oci-layout") && members.contains("index.json") {
        Ok(Box::new(LayoutSource::over(Arc::new(members))?))
    } else {
        Ok(Box::new(LegacySource::read(&members)?))
    }
}

fn is_gzip(mut file: &File, path: &Path) -> Result<bool, TransportError> {
    let mut magic = Vec::with_capacity(2);
    let read = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.take(2).read_to_end(&mut magic))
        .and_then(|_| file.seek(SeekFrom::Start(0)));
    read.map_err(TransportError::io("read", path))?;
    Ok(magic == [0x1f, 0x8b])
}

fn unpack(file: File, path: &Path, scratch_directory: &Path) -> Result<File, TransportError> {
    let mut unpacked = tempfile::tempfile_in(scratch_directory)
        .map_err(TransportError::io("create a file in", scratch_directory))?;
    let mut limited = GzDecoder::new(file).take(UNPACKED_BYTES_MAX + 1);
    let bytes = std::io::copy(&mut limited, &mut unpacked).map_err(TransportError::io("unpack", path))?;
    if bytes > UNPACKED_BYTES_MAX {
        let what = format!("the unpacked size of `{}`", path.display());
        return Err(TransportError::limit(what, format!("{UNPACKED_BYTES_MAX} bytes")));
    }
    Ok(unpacked)
}
