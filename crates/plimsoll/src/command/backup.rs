use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use plimsoll_server::{BackupError, BackupReport};
use serde::Serialize;
use tempfile::NamedTempFile;
use tokio::runtime::Handle;

use super::storage::{Expected, Opened, Place, StorageArguments};
use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::terminal::{Page, Report, Step, bytes};

/// How much is written at once.
const BUFFER_BYTES: usize = 1024 * 1024;

/// Write everything that the server keeps into one file
///
/// The file holds images, tags with their history, users and robots as they are at one moment, while the server goes
/// on. It holds the hashes of passwords: nobody but its owner may read it. Another backup of that name is replaced
/// once the new one is whole.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The file to write, or - for standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    storage: StorageArguments,
}

impl Backup {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let place = self.storage.find(Expected::Catalogue, context)?;
        self.refuse_early()?;
        let step = context.terminal().step("backing up");
        let written = context.block_on(async {
            let opened = place.open().await?;
            step.expect(opened.content_bytes().await?);
            if self.is_piped() {
                write(opened, step.clone(), io::stdout(), place.described()).await
            } else {
                write_file(opened, step.clone(), &self.out, &place).await
            }
        })?;
        step.done();
        let report = Written::of(&self.out, &written);
        if self.is_piped() {
            context.terminal().note(&format!("backed up {}", report.told()));
        } else {
            context.terminal().print(&report)?;
        }
        judge(&written, &place)
    }

    fn is_piped(&self) -> bool {
        self.out == Path::new("-")
    }

    /// Says what can be known to be wrong before everything was read.
    fn refuse_early(&self) -> Result<(), Failure> {
        if self.is_piped() && io::stdout().is_terminal() {
            return Err(Failure::usage("a backup is no text for a terminal").help("--out FILE"));
        }
        if self.out.is_dir() {
            let failure = Failure::usage("this is a directory").at(self.out.display().to_string());
            return Err(failure.help(format!("--out {}", self.out.join("plimsoll.tar").display())));
        }
        Ok(())
    }
}

/// Writes beside the file under another name, which goes away if this does not end well, and then gives it its own.
async fn write_file(opened: Opened, step: Step, path: &Path, place: &Place) -> Result<BackupReport, Failure> {
    let unwritable = |error: io::Error| {
        Failure::not_evaluated("cannot write the backup").at(path.display().to_string()).because(&error)
    };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let partial = NamedTempFile::with_prefix_in(".plimsoll-backup-", directory).map_err(unwritable)?;
    let file = partial.as_file().try_clone().map_err(unwritable)?;
    let written = write(opened, step, file, place.described()).await?;
    partial.as_file().sync_all().map_err(unwritable)?;
    partial.persist(path).map_err(|error| unwritable(error.error))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(unwritable)?;
    Ok(written)
}

/// Writes on a thread of its own, for which nobody waits when the user gives up.
async fn write(
    opened: Opened,
    step: Step,
    into: impl Write + Send + 'static,
    from: String,
) -> Result<BackupReport, Failure> {
    let runtime = Handle::current();
    let writing = tokio::task::spawn_blocking(move || {
        let mut into = BufWriter::with_capacity(BUFFER_BYTES, into);
        let mut reached = 0;
        let progress = |bytes: u64| {
            step.advance(bytes.saturating_sub(reached));
            reached = bytes;
        };
        plimsoll_server::backup(&opened.storage, &opened.registry, &runtime, &mut into, progress)
    });
    let written =
        writing.await.map_err(|error| Failure::not_evaluated("the backup ended early").because(&error))?;
    written.map_err(|error| {
        let failure = Failure::not_evaluated("the backup is not made").at(from).because(&error);
        match error {
            BackupError::Busy => {
                failure.help("wait for the other one; what is left of a dead one ends in two minutes")
            }
            _ => failure,
        }
    })
}

/// A backup that lacks something is kept, and is no pass.
fn judge(written: &BackupReport, place: &Place) -> Result<(), Failure> {
    match written.missing {
        0 => Ok(()),
        missing => {
            let what = format!("the backup is written, and {missing} objects were not there to be backed up");
            let help = format!("plimsoll fsck {}", place.flag());
            Err(Failure::new(Verdict::GateFailed, what).at(place.described()).help(help))
        }
    }
}

/// A backup that was written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    api_version: &'static str,
    kind: &'static str,
    file: String,
    rows: u64,
    objects: u64,
    bytes: u64,
    missing_objects: u64,
}

impl Written {
    fn of(file: &Path, written: &BackupReport) -> Self {
        Self {
            api_version: "plimsoll/v1",
            kind: "Backup",
            file: file.display().to_string(),
            rows: written.rows,
            objects: written.objects,
            bytes: written.bytes,
            missing_objects: written.missing,
        }
    }

    fn told(&self) -> String {
        format!("{} in {} objects, {} rows of the catalogue", bytes(self.bytes), self.objects, self.rows)
    }
}

impl Report for Written {
    fn draw(&self, page: &mut Page) {
        page.fact("backed up", &self.told());
        page.fact("to", &self.file);
    }
}
