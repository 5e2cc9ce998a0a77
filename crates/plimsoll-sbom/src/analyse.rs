//! Reads a layer once, and writes its record.

mod file;

use std::io::{self, Write};

use plimsoll_image::{Found, Kind, LayerWalk, Limits, OwnedEntry, ReadLayerError};

use crate::record::RecordWriter;
use crate::{FileEntry, FileNote, RecordHead, Spool, reader};

/// Why a layer could not be analysed. There is no record then, and its images cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum AnalyseError {
    /// The layer itself cannot be read.
    #[error(transparent)]
    Layer(#[from] ReadLayerError),
    /// The record or the spool cannot be written.
    #[error("cannot write the layer's record")]
    Write(#[source] io::Error),
}

/// The limits for layers that are analysed: a Zstandard window of 32 MiB at most, so that any layer is analysed in
/// 64 MiB of memory.
pub fn analysis_limits() -> Limits {
    Limits { zstd_window_log_max: 25, ..Limits::default() }
}

/// Walks a layer to its last byte and writes its record to `out`.
///
/// Whatever size it has, memory is bounded: a file that some reader wants is held in memory when it is small and in the
/// spool otherwise, and the file index is sorted through the spool.
pub fn analyse_layer(
    mut walk: LayerWalk<'_>,
    spool: &mut impl Spool,
    out: &mut impl Write,
) -> Result<RecordHead, AnalyseError> {
    let mut record = RecordWriter::new(spool).map_err(AnalyseError::Write)?;
    let mut reading = file::Reading::new();
    while let Some(found) = walk.next()? {
        match found {
            Found::Whiteout { path, is_opaque } => {
                record.add_whiteout(&path, is_opaque).map_err(AnalyseError::Write)?;
            }
            Found::Entry(entry) if entry.kind == Kind::File && !entry.is_sparse => {
                reading.read(entry, &mut walk.content(), &mut record)?;
            }
            Found::Entry(entry) => add_without_content(entry, &mut record).map_err(AnalyseError::Write)?,
        }
    }
    let measures = walk.finish()?;
    record.finish(measures, out).map_err(AnalyseError::Write)
}

fn add_without_content<S: Spool>(entry: OwnedEntry, record: &mut RecordWriter<'_, S>) -> io::Result<()> {
    if entry.kind == Kind::Symlink {
        record.outline_entry(&entry, false)?;
    }
    if entry.is_sparse {
        let path = String::from_utf8_lossy(&entry.path).into_owned();
        let is_unread = reader::is_wanted_unseen(&path, entry.size_bytes, entry.mode);
        let text = "it is stored with holes, and was not read".to_owned();
        record.note(FileNote { path, text, is_unread });
    }
    record.add_entry(&FileEntry { entry, digest: None })
}

#[cfg(test)]
pub(crate) mod tests;
