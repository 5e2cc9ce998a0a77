//! The transparency log: entries that wait, the tree, and its checkpoints.
//!
//! - What is to be logged is written to a queue, in the transaction that it tells of.
//! - [`Catalogue::append_to_log`] takes what waits and extends the tree by it: leaves, tiles and a signed checkpoint, all
//!   or nothing. Whoever appends holds the row that says how large the tree is, so two can never extend the same one.
//! - [`Catalogue::publish_log`] lets a checkpoint be seen, once its batch is in the journal. What was seen is never lost
//!   with the catalogue.

mod append;
mod event;
mod look;

use futures_util::FutureExt as _;
use plimsoll_oci::RepositoryName;
use plimsoll_tlog::{Hash, leaf_hash};
use serde::{Deserialize, Serialize};

use super::Catalogue;
use super::sql::{Result, Transaction, params};
use crate::objects::ObjectKey;

pub use append::{AppendLimits, Appending, LogBatch};
pub(super) use event::{Event, RUN_OBSERVED};
pub use look::{LoggedPayload, Standing};

/// One entry, on its way or in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// What becomes the leaf: JSON with hashes.
    pub entry: String,
    /// What an event was, as JSON.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payload: Option<String>,
    /// The repository that the payload is about: only who may read there may read it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repository: Option<RepositoryName>,
}

impl LogEntry {
    /// An entry without a payload.
    pub fn bare(entry: String) -> Self {
        Self { entry, payload: None, repository: None }
    }

    /// Its place in the tree.
    pub fn leaf_hash(&self) -> Hash {
        leaf_hash(self.entry.as_bytes())
    }
}

impl Catalogue {
    /// Lets entries wait for their leaves. One that waits or is logged already is the same one.
    pub async fn enqueue_for_log(&self, entries: Vec<LogEntry>) -> Result<()> {
        self.write(entries, |tx, entries| {
            async move {
                for entry in entries {
                    enqueue(tx, entry).await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await
    }

    /// Names the log, unless it has a name. Returns the name that it has: proofs that are out in the world carry it.
    pub async fn name_log(&self, origin: &str) -> Result<String> {
        self.write(origin.to_owned(), |tx, origin| {
            async move {
                let name = params![origin];
                tx.execute(
                    "INSERT INTO log_head (id, origin, size) VALUES (1, ?1, 0) ON CONFLICT (id) DO NOTHING",
                    name,
                )
                .await?;
                let row = tx.row("SELECT origin FROM log_head WHERE id = 1", &[]).await?;
                row.map_or(Ok(origin.clone()), |row| row.text(0).map(str::to_owned))
            }
            .boxed()
        })
        .await
    }

    /// Lets the checkpoint of a tree of `size` leaves be seen: its batch is in the journal under `record`.
    pub async fn publish_log(&self, size: u64, record: ObjectKey) -> Result<()> {
        // Lost with the machine, it is done again: the batch is then written to the journal twice, which does no harm.
        self.write_soft((size, record), |tx, (size, record)| {
            async move {
                let sql = "UPDATE log_checkpoints SET record_key = ?2 WHERE size = ?1 AND record_key IS NULL";
                tx.execute(sql, params![*size, *record]).await.map(drop)
            }
            .boxed()
        })
        .await
    }
}

/// Lets an entry wait for its leaf.
pub(super) async fn enqueue(tx: &mut Transaction<'_>, entry: &LogEntry) -> Result<()> {
    tx.execute(
        "INSERT INTO log_pending (leaf_hash, entry, payload, repository)
         SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM log_entries WHERE leaf_hash = ?1)
         ON CONFLICT (leaf_hash) DO NOTHING",
        params![
            entry.leaf_hash().to_string(),
            &entry.entry,
            entry.payload.as_deref(),
            entry.repository.as_ref().map(RepositoryName::as_str)
        ],
    )
    .await
    .map(drop)
}
