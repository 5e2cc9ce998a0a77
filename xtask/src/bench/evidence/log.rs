//! Appending to the log, durably: the catalogue in SQLite, the journal in files, both on the disk.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use plimsoll_store::catalogue::{AppendLimits, Appending, LogEntry};
use plimsoll_store::objects::LocalObjects;
use plimsoll_store::{Catalogue, Timestamp};
use plimsoll_tlog::{FactLeaf, LogSigner};

use crate::bench::part::Figures;
use crate::bench::stopwatch::Stopwatch;

const ORIGIN: &str = "registry.example";
const BATCH: u64 = 500;
const BATCHES: u64 = 40;

/// Appends batch by batch, as the sequencer does it: leaves, tiles and checkpoint in one transaction, the journal, and
/// then the checkpoint is shown.
pub(super) fn measure(directory: &Path) -> anyhow::Result<Figures> {
    let data = tempfile::TempDir::with_prefix_in("log-", directory).context("making a data directory")?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let catalogue = Catalogue::open_sqlite(&data.path().join("catalogue.sqlite")).await?;
        let objects = LocalObjects::open(&data.path().join("objects"), 0)?;
        let signer = Arc::new(LogSigner::from_seeds(ORIGIN, &[1; 32], &[2; 32])?);
        catalogue.name_log(ORIGIN).await?;
        let watch = Stopwatch::start();
        for batch in 0..BATCHES {
            catalogue
                .enqueue_for_log((0..BATCH).map(|number| entry(batch * BATCH + number)).collect())
                .await?;
            let now = Timestamp::from_unix_ms(1);
            let appended = catalogue.append_to_log(signer.clone(), AppendLimits::default(), now).await?;
            let Appending::Batch(appended) = appended else { anyhow::bail!("nothing waits") };
            let record = appended.write(&objects).await?;
            catalogue.publish_log(appended.size(), record).await?;
        }
        let (wall, cpu) = (watch.wall_seconds(), watch.cpu_seconds());
        let entries = BATCHES * BATCH;
        let size = catalogue.log_checkpoint().await?.map(|(size, _)| size);
        ensure!(size == Some(entries), "the log has {size:?} entries");
        Ok(Figures::from([
            ("log.appends".to_owned(), entries as f64 / wall),
            ("log.append_cpu".to_owned(), cpu * 1e6 / entries as f64),
        ]))
    })
}

fn entry(number: u64) -> LogEntry {
    let manifest = plimsoll_oci::Digest::sha256_of(&number.to_le_bytes()).to_string();
    let leaf = FactLeaf { manifest, subject: None }.to_bytes();
    LogEntry::bare(String::from_utf8_lossy(&leaf).into_owned())
}
