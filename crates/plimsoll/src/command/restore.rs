use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use plimsoll_server::{BackupError, RestoreReport};
use serde::Serialize;
use tokio::runtime::Handle;

use super::storage::{Expected, Opened, Place, StorageArguments, cannot};
use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::terminal::{Page, Report, Step, bytes};

/// How much is read at once.
const BUFFER_BYTES: usize = 1024 * 1024;

/// Put a backup back into an empty storage
///
/// Every blob is checked against its digest. A backup of one kind of storage may go into another: from SQLite into
/// PostgreSQL, from files into S3.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup's file, or - for standard input
    file: PathBuf,
    #[command(flatten)]
    storage: StorageArguments,
}

impl Restore {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let place = self.storage.find(Expected::Nothing, context)?;
        // First of all: what cannot be read shall leave no empty storage behind.
        let (archive, length) = self.archive()?;
        let step = context.terminal().step("restoring");
        let restored = context.block_on(restore(&place, archive, length, &step))?;
        step.done();
        context.terminal().print(&Restored::of(&restored))?;
        context.terminal().note(&format!("  start the server:  plimsoll serve {}", place.flag()));
        Ok(())
    }

    /// The archive, and how long it is if that is known.
    fn archive(&self) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
        if self.file == Path::new("-") {
            if io::stdin().is_terminal() {
                return Err(Failure::usage("nobody types a backup").help("plimsoll restore FILE"));
            }
            return Ok((Box::new(io::stdin()), None));
        }
        let unreadable = |error: io::Error| {
            Failure::usage("cannot read the backup").at(self.file.display().to_string()).because(&error)
        };
        let file = File::open(&self.file).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(unreadable(io::ErrorKind::IsADirectory.into()));
        }
        Ok((Box::new(file), Some(metadata.len())))
    }
}

async fn restore(
    place: &Place,
    archive: Box<dyn Read + Send>,
    length: Option<u64>,
    step: &Step,
) -> Result<RestoreReport, Failure> {
    let opened = place.open().await?;
    refuse_accounts(&opened, place).await?;
    if let Some(length) = length {
        step.expect(length);
    }
    let (runtime, step) = (Handle::current(), step.clone());
    let reading = tokio::task::spawn_blocking(move || {
        let mut reached = 0;
        let progress = |bytes: u64| {
            step.advance(bytes.saturating_sub(reached));
            reached = bytes;
        };
        let archive = BufReader::with_capacity(BUFFER_BYTES, archive);
        plimsoll_server::restore(&opened.storage, &runtime, archive, progress)
    });
    let restored =
        reading.await.map_err(|error| Failure::not_evaluated("restoring ended early").because(&error))?;
    restored.map_err(|error| not_restored(&error, place))
}

/// A storage with users is not empty either: theirs and the backup's would be mixed.
async fn refuse_accounts(opened: &Opened, place: &Place) -> Result<(), Failure> {
    if opened.storage.catalogue().has_users().await.map_err(cannot("look for users"))? {
        return Err(not_restored(&BackupError::NotEmpty, place));
    }
    Ok(())
}

fn not_restored(error: &BackupError, place: &Place) -> Failure {
    let failure = Failure::not_evaluated("the backup is not restored").at(place.described()).because(error);
    match error {
        BackupError::NotEmpty => Failure { verdict: Verdict::Usage, ..failure }
            .help("plimsoll restore FILE --data-dir EMPTY_DIRECTORY"),
        BackupError::Damaged { .. } => Failure { verdict: Verdict::GateFailed, ..failure }
            .help("take another backup, and an empty directory: a part of this one was put back"),
        _ => failure.help("a part of it may have been put back: take an empty directory for the next try"),
    }
}

/// A backup that was put back.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Restored {
    api_version: &'static str,
    kind: &'static str,
    rows: u64,
    objects: u64,
    bytes: u64,
}

impl Restored {
    fn of(restored: &RestoreReport) -> Self {
        Self {
            api_version: "plimsoll/v1",
            kind: "Restore",
            rows: restored.rows,
            objects: restored.objects,
            bytes: restored.bytes,
        }
    }
}

impl Report for Restored {
    fn draw(&self, page: &mut Page) {
        let (objects, rows) = (self.objects, self.rows);
        let told = format!("{} in {objects} objects, {rows} rows of the catalogue", bytes(self.bytes));
        page.fact("restored", &told);
    }
}
