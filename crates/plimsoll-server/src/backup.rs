//! The whole server in one tar: the catalogue as lines of JSON, and the objects it names.
//!
//! The catalogue comes first and is of one moment. Objects are never changed, and none is deleted while a backup
//! copies them, so the copy fits the catalogue although pushes go on.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use plimsoll_oci::{Digest, Hasher};
use plimsoll_registry::Registry;
use plimsoll_store::catalogue::{EachRow, SnapshotRow, TABLES};
use plimsoll_store::objects::{ByteStream, KeyKind};
use plimsoll_store::{CatalogueError, ObjectError, ObjectKey};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::Storage;

/// The form of a backup. A program reads the forms it knows.
const FORM: u32 = 1;

const HEADER: &str = "plimsoll-backup.json";

/// How much of the catalogue goes into one entry.
const CATALOGUE_ENTRY_BYTES: usize = 8 * 1024 * 1024;

/// Longest line of the catalogue: a manifest in hexadecimal.
const LINE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Objects up to this length are put in one go.
const WHOLE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// What was backed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// Rows of the catalogue.
    pub rows: u64,
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that the catalogue names and the storage lacks; `fsck` tells which.
    pub missing: u64,
}

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

/// Why a backup was not made or not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The archive cannot be written or read.
    #[error("cannot read or write the archive")]
    Archive(#[from] io::Error),
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The object storage failed.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// There is something where the backup should go.
    #[error("the storage is not empty; a backup is put back into an empty one")]
    NotEmpty,
    /// It is no backup, or of a later form.
    #[error("this is not a backup that this program can read: {0}")]
    Form(String),
    /// An object is not what the catalogue says.
    #[error("object `{key}` has the digest `{found}` and not `{expected}`")]
    Damaged {
        /// The object.
        key: ObjectKey,
        /// What it is.
        found: Digest,
        /// What it should be.
        expected: Digest,
    },
    /// Another backup is being made.
    #[error("another backup is being made")]
    Busy,
}

#[derive(Serialize, Deserialize)]
struct Header {
    form: u32,
    tables: Vec<String>,
}

/// Writes a backup to `archive`. Occupies the calling thread, which must not be one of the runtime's own.
pub fn backup(
    storage: &Storage,
    registry: &Registry,
    runtime: &Handle,
    archive: impl Write,
    mut progress: impl FnMut(u64),
) -> Result<BackupReport, BackupError> {
    let holder = Uuid::new_v4().to_string();
    if !runtime.block_on(registry.hold_objects(&holder))? {
        return Err(BackupError::Busy);
    }
    let written = write_archive(storage, runtime, archive, |bytes| {
        progress(bytes);
        // Renewed with each object: a backup that dies lets go within minutes.
        runtime.block_on(registry.hold_objects(&holder)).map(drop)
    });
    runtime.block_on(registry.release_objects(&holder))?;
    written
}

fn write_archive(
    storage: &Storage,
    runtime: &Handle,
    archive: impl Write,
    mut each_object: impl FnMut(u64) -> Result<(), CatalogueError>,
) -> Result<BackupReport, BackupError> {
    let mut tar = tar::Builder::new(archive);
    let header = Header { form: FORM, tables: TABLES.iter().map(ToString::to_string).collect() };
    let header = serde_json::to_vec(&header).map_err(io::Error::other)?;
    append(&mut tar, HEADER, header.len() as u64, header.as_slice())?;
    let mut report = BackupReport::default();
    let mut keys = write_catalogue(storage, runtime, &mut tar, &mut report)?;
    let records = storage.objects().list(KeyKind::Record).map_ok(|record| record.key);
    keys.extend(runtime.block_on(records.try_collect::<Vec<_>>())?);
    for key in keys {
        let Some(size) = runtime.block_on(storage.objects().size(key))? else {
            report.missing += 1;
            continue;
        };
        let stream = runtime.block_on(storage.objects().read(key, 0..size))?;
        let reader = ObjectReader { stream, runtime, rest: Bytes::new() };
        append(&mut tar, &format!("objects/{key}"), size, reader)?;
        report.objects += 1;
        report.bytes += size;
        each_object(report.bytes)?;
    }
    tar.into_inner()?.flush()?;
    Ok(report)
}

fn append<W: Write>(tar: &mut tar::Builder<W>, name: &str, size: u64, data: impl Read) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    tar.append_data(&mut header, name, data)
}

/// Writes the rows, and returns the objects that they name.
fn write_catalogue<W: Write>(
    storage: &Storage,
    runtime: &Handle,
    tar: &mut tar::Builder<W>,
    report: &mut BackupReport,
) -> Result<Vec<ObjectKey>, BackupError> {
    let (sender, rows) = mpsc::sync_channel::<SnapshotRow>(1000);
    let each: EachRow = Arc::new(move |row| sender.send(row).is_ok());
    let each = Mutex::new(Some(each));
    std::thread::scope(|scope| {
        let catalogue = storage.catalogue();
        let each = each.lock().expect("no panic with the lock").take();
        let reading =
            scope.spawn(move || each.map_or(Ok(()), |each| runtime.block_on(catalogue.snapshot(each))));
        let (mut entry, mut number, mut keys) = (Vec::new(), 0, Vec::new());
        let mut flush = |entry: &mut Vec<u8>| -> io::Result<()> {
            number += 1;
            append(tar, &format!("catalogue/{number:06}.jsonl"), entry.len() as u64, entry.as_slice())?;
            entry.clear();
            Ok(())
        };
        for row in &rows {
            keys.extend(object_of(&row).map(|(key, _)| key));
            serde_json::to_writer(&mut entry, &row).map_err(io::Error::other)?;
            entry.push(b'\n');
            report.rows += 1;
            if entry.len() >= CATALOGUE_ENTRY_BYTES {
                flush(&mut entry)?;
            }
        }
        flush(&mut entry)?;
        reading.join().map_err(|_| io::Error::other("reading the catalogue panicked"))??;
        Ok(keys)
    })
}

/// The object that a row of blobs names, and what it must hash to.
fn object_of(row: &SnapshotRow) -> Option<(ObjectKey, Digest)> {
    let text = |column: usize| row.values.get(column)?.as_str();
    if row.table != "blobs" {
        return None;
    }
    Some((text(2)?.parse().ok()?, text(0)?.parse().ok()?))
}

/// Reads an object as a file is read.
struct ObjectReader<'r> {
    stream: ByteStream,
    runtime: &'r Handle,
    rest: Bytes,
}

impl Read for ObjectReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.runtime.block_on(self.stream.next()) {
                Some(bytes) => self.rest = bytes.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let length = self.rest.len().min(into.len());
        into[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
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
    let mut has_header = false;
    for entry in archive.entries()? {
        let mut entry = entry?;
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
        }
    }
    if has_header { Ok(report) } else { Err(BackupError::Form("it is empty".into())) }
}

fn check_header(entry: &mut impl Read) -> Result<(), BackupError> {
    let mut text = String::new();
    entry.take(64 * 1024).read_to_string(&mut text)?;
    let header: Header = serde_json::from_str(&text).map_err(|error| BackupError::Form(error.to_string()))?;
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
