//! The public archive of an ecosystem: a zip with a JSON file for each record.

use std::io::{Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::index::Refusal;

use super::{
    ARCHIVE_ENTRIES_MAX, ImportError, RATIO_MAX, RECORD_BYTES_MAX, Reading, UNPACKED_BYTES_MAX, lines,
};

/// So much may come out of one member before its ratio counts.
const RATIO_FREE_BYTES: u64 = 1 << 20;

pub(super) fn import(mut reading: Reading<'_>, input: impl Read + Seek) -> Result<(), ImportError> {
    let broken = |name: &str, source| ImportError::Archive { name: name.to_owned(), source };
    let mut archive = ZipArchive::new(input).map_err(|error| broken(reading.source.name, error))?;
    if archive.len() > ARCHIVE_ENTRIES_MAX {
        return Err(reading.too_large(format!("{ARCHIVE_ENTRIES_MAX} files, the limit for one archive")));
    }
    let mut json = Vec::new();
    let mut unpacked_bytes = 0_u64;
    for index in 0..archive.len() {
        match member(&mut archive, index, &mut json) {
            Ok(Member::Record) => {}
            Ok(Member::Other) => continue,
            Ok(Member::TooLarge(name)) => {
                reading.builder.refuse(reading.id, Refusal::TooLarge, &name);
                continue;
            }
            Err(ZipError::Io(error)) if error.kind() != std::io::ErrorKind::InvalidData => {
                return Err(reading.failed(error));
            }
            Err(_) => {
                reading.builder.refuse(reading.id, Refusal::Malformed, &format!("member {index}"));
                continue;
            }
        }
        unpacked_bytes = unpacked_bytes.saturating_add(json.len() as u64);
        if unpacked_bytes > UNPACKED_BYTES_MAX {
            return Err(
                reading.too_large(format!("{UNPACKED_BYTES_MAX} bytes unpacked, the limit for one source"))
            );
        }
        if let Err(reason) = lines::osv(&mut reading, &json) {
            reading.builder.refuse(reading.id, reason, &format!("member {index}"));
        }
    }
    Ok(())
}

enum Member {
    /// Its bytes are in the buffer.
    Record,
    /// A directory, a read-me.
    Other,
    TooLarge(String),
}

fn member<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    index: usize,
    json: &mut Vec<u8>,
) -> Result<Member, ZipError> {
    let file = archive.by_index(index)?;
    let name = file.name()?.into_owned();
    if !file.is_file() || !name.ends_with(".json") {
        return Ok(Member::Other);
    }
    let ratio_bytes_max = RATIO_FREE_BYTES.max(file.compressed_size().saturating_mul(RATIO_MAX));
    let bytes_max = ratio_bytes_max.min(RECORD_BYTES_MAX);
    json.clear();
    // What the directory says of the size is a claim; what comes out counts.
    file.take(bytes_max + 1).read_to_end(json)?;
    Ok(if json.len() as u64 > bytes_max { Member::TooLarge(name) } else { Member::Record })
}
