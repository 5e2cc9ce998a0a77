//! Keeping the graph: what waits is read, page by page.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use plimsoll_oci::Digest;
use plimsoll_registry::is_evidence;
use plimsoll_store::Timestamp;
use plimsoll_store::catalogue::{EvidenceTask, EvidenceToNote, LogRow, Retracted};
use plimsoll_tlog::{Hash, Leaf};
use serde::Deserialize;

use super::reading::{ReadError, parse, read};
use crate::clock::now;
use crate::storage::Storage;

/// The version of what the graph notes of manifests. Another version reads all of them anew.
const READER: u32 = 1;

/// Manifests that are taken and noted together.
const TOGETHER: usize = 256;

/// How many of them are read at the same time. Each may have 128 MiB.
const AT_A_TIME: usize = 2;

/// How long they are this replica's.
const TAKEN_FOR: Duration = Duration::from_secs(120);

/// How long a manifest waits after something failed that may pass; twice as long each time, up to the maximum.
const RETRY_AFTER: Duration = Duration::from_secs(2);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Rows that are looked at together when everything is to be read anew.
const PAGE: usize = 500;

/// Manifests that are looked at together then; each has at most 5 MiB.
const MANIFESTS_PAGE: usize = 100;

/// Reads what waits. Returns how many manifests it were: none when nothing is due.
pub(super) async fn take_waiting(storage: &Storage) -> Result<usize, ReadError> {
    let catalogue = storage.catalogue();
    if catalogue.count_waiting_evidence().await? == 0 {
        return Ok(0);
    }
    let until = now().plus(TAKEN_FOR);
    let tasks = catalogue.take_evidence(TOGETHER, now(), until).await?;
    let taken = tasks.len();
    let reading = tasks.into_iter().map(|task| async move { (read(storage, &task, until).await, task) });
    let mut reading = stream::iter(reading).buffered(AT_A_TIME);
    let mut notes: Vec<EvidenceToNote> = Vec::with_capacity(taken);
    while let Some((read, task)) = reading.next().await {
        match read {
            Ok(note) => notes.push(note),
            Err(error) => postpone(storage, &task, &error).await?,
        }
    }
    catalogue.note_evidence(notes).await?;
    Ok(taken)
}

async fn postpone(storage: &Storage, task: &EvidenceTask, error: &ReadError) -> Result<(), ReadError> {
    tracing::warn!(manifest = %task.manifest, %error, "cannot read evidence; it will be tried again");
    let doublings = u32::try_from(task.attempts).unwrap_or(u32::MAX).min(12);
    let patience = (RETRY_AFTER * 2_u32.pow(doublings)).min(RETRY_AFTER_MAX);
    Ok(storage.catalogue().postpone_evidence(task.manifest, now().plus(patience)).await?)
}

/// Lets everything wait to be read anew, if the graph was made by another version of this, or never.
pub(super) async fn enqueue_outdated(storage: &Storage) -> Result<(), ReadError> {
    if storage.catalogue().evidence_reader().await? == Some(READER) {
        return Ok(());
    }
    let enqueued = enqueue_everything(storage).await?;
    tracing::info!(manifests = enqueued.manifests, "evidence is read anew by this version");
    Ok(())
}

/// What was let wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Enqueued {
    pub(super) manifests: u64,
    pub(super) runs: u64,
}

/// Lets everything wait that the graph is made from: manifests that are there, and those that the log alone remembers.
/// What the graph holds stays until it is replaced, so that questions are answered all the while.
pub(super) async fn enqueue_everything(storage: &Storage) -> Result<Enqueued, ReadError> {
    let catalogue = storage.catalogue();
    let started = now();
    let mut enqueued = Enqueued { runs: catalogue.remake_runs().await?, ..Enqueued::default() };
    let mut last: Option<Digest> = None;
    loop {
        let page = catalogue.manifests_after(last, MANIFESTS_PAGE).await?;
        let Some((end, ..)) = page.last() else { break };
        last = Some(*end);
        let said = page.iter().filter(|(_, media_type, bytes)| {
            parse(bytes, media_type).is_some_and(|manifest| is_evidence(&manifest))
        });
        let said: Vec<Digest> = said.map(|(digest, ..)| *digest).collect();
        enqueued.manifests += said.len() as u64;
        if !said.is_empty() {
            catalogue.enqueue_evidence(said, started).await?;
        }
    }
    enqueued.manifests += enqueue_logged(storage, started).await?;
    // What is noted and in neither has no business there.
    let mut last: Option<Digest> = None;
    loop {
        let noted = catalogue.noted_manifests_after(last, PAGE).await?;
        let Some(end) = noted.last() else { break };
        last = Some(*end);
        let gone = catalogue.manifests_gone(noted).await?;
        let gone = gone.into_iter().map(|manifest| Retracted { manifest, subject: None, leaf: None });
        catalogue.enqueue_retracted(gone.collect(), started).await?;
    }
    catalogue.set_evidence_reader(Some(READER)).await?;
    Ok(enqueued)
}

/// The payload of an event, as far as the graph is made from it.
#[derive(Deserialize)]
struct Deletion {
    r#type: String,
    digest: Option<Digest>,
}

/// Lets the manifests wait that the log remembers and no repository holds.
async fn enqueue_logged(storage: &Storage, started: Timestamp) -> Result<u64, ReadError> {
    let catalogue = storage.catalogue();
    let mut count = 0;
    let (mut in_tree, mut last) = (true, -1);
    loop {
        let rows = match in_tree {
            true => catalogue.log_rows_after(last, PAGE).await?,
            false => catalogue.log_rows_waiting_after(last, PAGE).await?,
        };
        let Some(end) = rows.last().map(|row| row.number) else {
            if !in_tree {
                return Ok(count);
            }
            (in_tree, last) = (false, 0);
            continue;
        };
        last = end;
        let told: Vec<Retracted> = rows.iter().filter_map(told_of).collect();
        let gone = catalogue.manifests_gone(told.iter().map(|one| one.manifest).collect()).await?;
        let gone: std::collections::HashSet<Digest> = gone.into_iter().collect();
        let retracted: Vec<Retracted> = told.into_iter().filter(|one| gone.contains(&one.manifest)).collect();
        count += retracted.iter().filter(|one| one.leaf.is_none()).count() as u64;
        catalogue.enqueue_retracted(retracted, started).await?;
    }
}

/// The manifest that an entry tells of: that it was pushed with statements, or that it was deleted.
fn told_of(row: &LogRow) -> Option<Retracted> {
    if let Some(payload) = &row.payload {
        let deletion: Deletion = serde_json::from_str(payload).ok()?;
        let manifest = deletion.digest.filter(|_| deletion.r#type == "manifest-deleted")?;
        return Some(Retracted { manifest, subject: None, leaf: Some(row.leaf) });
    }
    let Ok(Leaf::Fact(fact)) = Leaf::parse(row.entry.as_bytes()) else { return None };
    let subject = fact.subject.and_then(|subject| subject.parse().ok());
    Some(Retracted { manifest: fact.manifest.parse().ok()?, subject, leaf: None::<Hash> })
}
