//! Puts a backup back.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read};

use bytes::Bytes;
use plimsoll_oci::{Digest, Hasher};
use plimsoll_store::ObjectKey;
use plimsoll_store::catalogue::SnapshotRow;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use super::{BackupError, BackupReport, FORM, HEADER, Header, TRAILER, object_of};
use crate::Storage;

/// Longest line of the catalogue: a manifest in hexadecimal.
const LINE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Objects up to this length are put in one go.
const WHOLE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Longest header or trailer.
const JSON_BYTES_MAX: u64 = 64 * 1024;

/// What was put back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoreReport {
    /// Rows of the catalogue.
    pub rows: u64,
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Puts a backup back into an empty storage, and checks every blob against its digest. Occupies the calling thread.
pub fn restore(
    storage: &Storage,
    runtime: &Handle,
    archive: impl Read,
    mut progress: impl FnMut(u64),
) -> Result<RestoreReport, BackupError> {
    if !runtime.block_on(storage.catalogue().is_empty())? {
        return Err(BackupError::NotEmpty);
    }
    let mut report = RestoreReport::default();
    let mut expected = HashMap::new();
    let mut archive = tar::Archive::new(archive);
    let (mut has_header, mut end) = (false, None);
    for entry in archive.entries()? {
        let mut entry =
            entry.map_err(|error| if has_header { error.into() } else { not_a_backup(&error) })?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if name == HEADER {
            check_header(&mut entry)?;
            has_header = true;
        } else if !has_header {
            return Err(BackupError::Form("it does not begin with its header".into()));
        } else if name.starts_with("catalogue/") {
            report.rows += restore_rows(storage, runtime, &mut entry, &mut expected)?;
        } else if let Some(key) = name.strip_prefix("objects/") {
            let key = key.parse().map_err(|_| BackupError::Form(format!("`{name}` names no object")))?;
            let size = entry.size();
            restore_object(storage, runtime, key, size, &mut entry, expected.remove(&key))?;
            report.objects += 1;
            report.bytes += size;
            progress(report.bytes);
        } else if name == TRAILER {
            end = Some(read_json::<BackupReport>(&mut entry)?);
        }
    }
    if !has_header {
        return Err(BackupError::Form("it is empty".into()));
    }
    let end = end.ok_or_else(|| BackupError::NotWhole("it ends early".into()))?;
    let is_complete = (end.rows, end.objects, end.bytes) == (report.rows, report.objects, report.bytes);
    if is_complete && expected.len() as u64 <= end.missing {
        // What is inside the images is no part of a backup: it is found out again.
        runtime.block_on(storage.catalogue().enqueue_all_images(crate::now()))?;
        Ok(report)
    } else {
        Err(BackupError::NotWhole("its contents are not what its end says".into()))
    }
}

fn not_a_backup(error: &io::Error) -> BackupError {
    // The archive reader repeats the bytes that it stumbled over.
    BackupError::Form(format!("it is no tar archive ({})", error.kind()))
}

fn read_json<T: DeserializeOwned>(entry: &mut impl Read) -> Result<T, BackupError> {
    let mut text = String::new();
    entry.take(JSON_BYTES_MAX).read_to_string(&mut text)?;
    serde_json::from_str(&text).map_err(|error| BackupError::Form(error.to_string()))
}

fn check_header(entry: &mut impl Read) -> Result<(), BackupError> {
    let header: Header = read_json(entry)?;
    if header.form == FORM { Ok(()) } else { Err(BackupError::Form(format!("it has form {}", header.form))) }
}

fn restore_rows(
    storage: &Storage,
    runtime: &Handle,
    entry: &mut impl Read,
    expected: &mut HashMap<ObjectKey, Digest>,
) -> Result<u64, BackupError> {
    let mut reader = BufReader::new(entry);
    let (mut batch, mut count) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        let length = reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)?;
        if length > 0 {
            let row: SnapshotRow =
                serde_json::from_str(&line).map_err(|error| BackupError::Form(error.to_string()))?;
            expected.extend(object_of(&row));
            batch.push(row);
            count += 1;
        }
        if length == 0 || batch.len() == 1000 {
            runtime.block_on(storage.catalogue().restore(std::mem::take(&mut batch)))?;
        }
        if length == 0 {
            return Ok(count);
        }
    }
}

fn restore_object(
    storage: &Storage,
    runtime: &Handle,
    key: ObjectKey,
    size: u64,
    entry: &mut impl Read,
    expected: Option<Digest>,
) -> Result<(), BackupError> {
    let mut hasher = expected.map(|digest| Hasher::new(digest.algorithm()));
    let mut next = || -> io::Result<Bytes> {
        let mut chunk = vec![0; 1024 * 1024];
        let length = entry.read(&mut chunk)?;
        chunk.truncate(length);
        if let Some(hasher) = &mut hasher {
            hasher.update(&chunk);
        }
        Ok(chunk.into())
    };
    if size <= WHOLE_BYTES_MAX {
        let mut whole = Vec::new();
        loop {
            let chunk = next()?;
            if chunk.is_empty() {
                break;
            }
            whole.extend_from_slice(&chunk);
        }
        runtime.block_on(storage.objects().put(key, whole.into()))?;
    } else {
        let mut writer = runtime.block_on(storage.objects().create(key))?;
        loop {
            let chunk = next()?;
            if chunk.is_empty() {
                break;
            }
            runtime.block_on(writer.write(chunk))?;
        }
        let (_, _claim) = runtime.block_on(writer.complete())?;
    }
    match (hasher.map(Hasher::finish), expected) {
        (Some(found), Some(expected)) if found != expected => {
            Err(BackupError::Damaged { key, found, expected })
        }
        _ => Ok(()),
    }
}
