//! The whole server in one tar: the catalogue as lines of JSON, and the objects it names.
//!
//! The catalogue comes first and is of one moment. Objects are never changed, and none is deleted while a backup
//! copies them, so the copy fits the catalogue although pushes go on.

mod restore;

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use plimsoll_oci::Digest;
use plimsoll_registry::Registry;
use plimsoll_store::catalogue::{EachRow, SnapshotRow, TABLES};
use plimsoll_store::objects::{ByteStream, KeyKind};
use plimsoll_store::{CatalogueError, ObjectError, ObjectKey};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::Storage;

pub use restore::{RestoreReport, restore};

/// The form of a backup. A program reads the forms it knows.
const FORM: u32 = 1;

const HEADER: &str = "plimsoll-backup.json";

/// The last entry, without which a backup is not whole.
const TRAILER: &str = "plimsoll-backup-end.json";

/// How often the lease on the objects is renewed while they are copied.
const RENEW_EVERY: Duration = Duration::from_secs(20);

/// How much of the catalogue goes into one entry.
const CATALOGUE_ENTRY_BYTES: usize = 8 * 1024 * 1024;

/// What was backed up; written at the end of the archive as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Its end is missing, or something on the way there.
    #[error("the backup is not whole: {0}")]
    NotWhole(String),
    /// Objects may have been deleted while they were copied.
    #[error("the lease that keeps objects from being deleted could not be renewed; make the backup again")]
    LeaseLost,
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
    progress: impl FnMut(u64),
) -> Result<BackupReport, BackupError> {
    let holder = Uuid::new_v4().to_string();
    if !runtime.block_on(registry.hold_objects(&holder))? {
        return Err(BackupError::Busy);
    }
    let lease = KeptLease::keep(registry.clone(), holder.clone(), runtime);
    let written = write_archive(storage, runtime, archive, progress);
    let was_kept = lease.end();
    runtime.block_on(registry.release_objects(&holder))?;
    if was_kept { written } else { Err(BackupError::LeaseLost) }
}

/// The lease on the objects, renewed beside the copying until it ends.
struct KeptLease {
    renewing: JoinHandle<()>,
    was_lost: Arc<AtomicBool>,
}

impl KeptLease {
    fn keep(registry: Registry, holder: String, runtime: &Handle) -> Self {
        let was_lost = Arc::new(AtomicBool::new(false));
        let lost = was_lost.clone();
        let renewing = runtime.spawn(async move {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                if !registry.hold_objects(&holder).await.unwrap_or(false) {
                    lost.store(true, Ordering::Release);
                }
            }
        });
        Self { renewing, was_lost }
    }

    /// Stops renewing, and tells whether the lease held all the time.
    fn end(self) -> bool {
        self.renewing.abort();
        !self.was_lost.load(Ordering::Acquire)
    }
}

fn write_archive(
    storage: &Storage,
    runtime: &Handle,
    archive: impl Write,
    mut copied: impl FnMut(u64),
) -> Result<BackupReport, BackupError> {
    let mut tar = tar::Builder::new(archive);
    let header = Header { form: FORM, tables: TABLES.iter().map(ToString::to_string).collect() };
    append_json(&mut tar, HEADER, &header)?;
    let mut report = BackupReport::default();
    let mut keys = write_catalogue(storage, runtime, &mut tar, &mut report)?;
    for journal in [KeyKind::Record, KeyKind::Log] {
        let records = storage.objects().list(journal).map_ok(|record| record.key);
        keys.extend(runtime.block_on(records.try_collect::<Vec<_>>())?);
    }
    for key in keys {
        let Some(size) = runtime.block_on(storage.objects().size(key))? else {
            report.missing += 1;
            continue;
        };
        let stream = runtime.block_on(storage.objects().read(key, 0..size))?;
        let before = report.bytes;
        let each_piece = |read: u64| copied(before + read);
        let reader = ObjectReader { stream, runtime, rest: Bytes::new(), read: 0, each_piece };
        append(&mut tar, &format!("objects/{key}"), size, reader)?;
        report.objects += 1;
        report.bytes += size;
    }
    append_json(&mut tar, TRAILER, &report)?;
    tar.into_inner()?.flush()?;
    Ok(report)
}

fn append_json<W: Write>(tar: &mut tar::Builder<W>, name: &str, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(value).map_err(io::Error::other)?;
    append(tar, name, text.len() as u64, text.as_slice())
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
    std::thread::scope(|scope| {
        let catalogue = storage.catalogue();
        let reading = scope.spawn(move || runtime.block_on(catalogue.snapshot(each)));
        let (mut entry, mut number, mut keys) = (Vec::new(), 0, Vec::new());
        let mut flush = |entry: &mut Vec<u8>| -> io::Result<()> {
            number += 1;
            append(tar, &format!("catalogue/{number:06}.jsonl"), entry.len() as u64, entry.as_slice())?;
            entry.clear();
            Ok(())
        };
        // Taken by value: when writing fails, the thread that reads finds nobody listening, and ends.
        for row in rows {
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
struct ObjectReader<'r, F> {
    stream: ByteStream,
    runtime: &'r Handle,
    rest: Bytes,
    read: u64,
    each_piece: F,
}

impl<F: FnMut(u64)> Read for ObjectReader<'_, F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.runtime.block_on(self.stream.next()) {
                Some(bytes) => self.rest = bytes.map_err(io::Error::other)?,
                None => return Ok(0),
            }
            self.read += self.rest.len() as u64;
            (self.each_piece)(self.read);
        }
        let length = self.rest.len().min(into.len());
        into[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}
