//! Extending the tree, in one transaction for each batch.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::FutureExt as _;
use plimsoll_tlog::{Checkpoint, Edge, Hash, LogSigner, SignedNote, TileId};
use serde::{Deserialize, Serialize};

use super::super::Catalogue;
use super::super::sql::{CatalogueError, Result, Row, Transaction, params};
use super::LogEntry;
use crate::{ObjectKey, Timestamp};

/// How much goes into one batch.
#[derive(Clone, Copy, Debug)]
pub struct AppendLimits {
    /// Most entries. Each has at most 64 KiB, and as much again for its payload; the few that tell of projects have more.
    pub entries: usize,
}

impl Default for AppendLimits {
    fn default() -> Self {
        Self { entries: 500 }
    }
}

/// What a step of appending came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appending {
    /// A batch is in the tree. It is to be written to the journal, and then published.
    Batch(LogBatch),
    /// Nothing waits.
    Idle,
}

/// Entries that were appended together, and the checkpoint of the tree that they led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogBatch {
    /// The number of the first entry.
    pub first: u64,
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

impl LogBatch {
    /// The leaves of the tree that it led to.
    pub fn size(&self) -> u64 {
        self.first.saturating_add(self.entries.len() as u64)
    }
}

struct Input {
    signer: Arc<LogSigner>,
    limits: AppendLimits,
    now: Timestamp,
}

impl Catalogue {
    /// Extends the tree by what waits, and signs it. A batch that was appended and not published comes first, so that
    /// whoever takes over from a sequencer that died finishes its work.
    pub async fn append_to_log(
        &self,
        signer: Arc<LogSigner>,
        limits: AppendLimits,
        now: Timestamp,
    ) -> Result<Appending> {
        self.write(Input { signer, limits, now }, |tx, input| append(tx, input).boxed()).await
    }

    /// Puts a batch from the journal back. Returns `false`, and does nothing, if the tree does not end where it begins.
    ///
    /// Nothing vouches for the signature here, since the log's key may be lost; the tree must be what was signed.
    pub async fn adopt_log_batch(&self, batch: LogBatch, record: ObjectKey) -> Result<bool> {
        self.write((batch, record), |tx, (batch, record)| {
            async move {
                let signed = checkpoint_of(batch)?;
                let origin = &signed.origin;
                tx.execute(
                    "INSERT INTO log_head (id, origin, size) VALUES (1, ?1, 0) ON CONFLICT (id) DO NOTHING",
                    params![origin],
                )
                .await?;
                if lock_head(tx).await? != Some(batch.first) {
                    return Ok(false);
                }
                for (entry, index) in batch.entries.iter().zip(batch.first..) {
                    insert(tx, index, entry).await?;
                }
                let leaves: Vec<Hash> = batch.entries.iter().map(LogEntry::leaf_hash).collect();
                let root = grow(tx, batch.first, &leaves).await?;
                if (signed.size, signed.root) != (batch.size(), root) {
                    let found = format!("{} leaves with the root {root}", batch.size());
                    return Err(CatalogueError::Damaged { what: "batch of the log", found });
                }
                put_checkpoint(tx, batch.size(), &batch.checkpoint).await?;
                let sql = "UPDATE log_checkpoints SET record_key = ?2 WHERE size = ?1";
                tx.execute(sql, params![batch.size(), *record]).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }
}

/// The checkpoint that a batch brings, as far as it can be read.
fn checkpoint_of(batch: &LogBatch) -> Result<Checkpoint> {
    let note: Option<SignedNote> = batch.checkpoint.parse().ok();
    let checkpoint = note.and_then(|note| note.text().parse().ok());
    let found = || batch.checkpoint.chars().take(200).collect();
    checkpoint.ok_or_else(|| CatalogueError::Damaged { what: "checkpoint of the log", found: found() })
}

async fn append(tx: &mut Transaction<'_>, input: &Input) -> Result<Appending> {
    let Some(size) = lock_head(tx).await? else { return Ok(Appending::Idle) };
    if let Some(batch) = unpublished(tx).await? {
        return Ok(Appending::Batch(batch));
    }
    let waiting = take_waiting(tx, input.limits).await?;
    if waiting.is_empty() && is_signed(tx, input, size).await? {
        return Ok(Appending::Idle);
    }
    let numbers: Vec<i64> = waiting.iter().map(|(number, _)| *number).collect();
    let entries: Vec<LogEntry> = waiting.into_iter().map(|(_, entry)| entry).collect();
    move_in(tx, size, &numbers).await?;
    let leaves: Vec<Hash> = entries.iter().map(LogEntry::leaf_hash).collect();
    let root = grow(tx, size, &leaves).await?;
    let grown = size + leaves.len() as u64;
    let (origin, extensions) = (input.signer.origin().to_owned(), Vec::new());
    let checkpoint = Checkpoint { origin, size: grown, root, extensions };
    let now_unix_s = u64::try_from(input.now.unix_ms() / 1000).unwrap_or(0);
    let checkpoint = input.signer.sign(&checkpoint, now_unix_s).to_string();
    put_checkpoint(tx, grown, &checkpoint).await?;
    Ok(Appending::Batch(LogBatch { first: size, entries, checkpoint }))
}

/// How large the tree is. Nobody else appends before this transaction ends.
async fn lock_head(tx: &mut Transaction<'_>) -> Result<Option<u64>> {
    let row = tx.row("SELECT size FROM log_head WHERE id = 1 FOR UPDATE", &[]).await?;
    row.map(|row| row.size(0)).transpose()
}

/// The batch that was appended and not published.
async fn unpublished(tx: &mut Transaction<'_>) -> Result<Option<LogBatch>> {
    let sql = "SELECT size, note FROM log_checkpoints WHERE record_key IS NULL ORDER BY size LIMIT 1";
    let Some(row) = tx.row(sql, &[]).await? else { return Ok(None) };
    let (size, checkpoint) = (row.size(0)?, row.text(1)?.to_owned());
    let before = tx.row("SELECT MAX(size) FROM log_checkpoints WHERE size < ?1", params![size]).await?;
    let first = before.map_or(Ok(None), |row| row.optional(0, Row::size))?.unwrap_or(0);
    let rows = tx
        .rows(
            "SELECT entry, payload, repository FROM log_entries
             WHERE leaf_index >= ?1 AND leaf_index < ?2 ORDER BY leaf_index",
            params![first, size],
        )
        .await?;
    let entries = rows.iter().map(|row| log_entry(row, 0)).collect::<Result<_>>()?;
    Ok(Some(LogBatch { first, entries, checkpoint }))
}

/// Entries that wait, with their numbers in the queue. Those that are logged already leave the queue.
async fn take_waiting(tx: &mut Transaction<'_>, limits: AppendLimits) -> Result<Vec<(i64, LogEntry)>> {
    let rows = tx
        .rows(
            "SELECT id, leaf_hash, entry, payload, repository FROM log_pending ORDER BY id LIMIT ?1",
            params![limits.entries],
        )
        .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let hashes: Vec<&str> = rows.iter().map(|row| row.text(1)).collect::<Result<_>>()?;
    let sql = "SELECT leaf_hash FROM log_entries WHERE leaf_hash IN (SELECT value FROM json_each(?1))";
    let logged = tx.rows(sql, params![format!("[\"{}\"]", hashes.join("\",\""))]).await?;
    let logged: HashSet<&str> = logged.iter().map(|row| row.text(0)).collect::<Result<_>>()?;
    let mut waiting = Vec::new();
    for row in &rows {
        if logged.contains(row.text(1)?) {
            tx.execute("DELETE FROM log_pending WHERE id = ?1", params![row.integer(0)?]).await?;
        } else {
            waiting.push((row.integer(0)?, log_entry(row, 2)?));
        }
    }
    Ok(waiting)
}

/// Moves entries from the queue to the leaves, in their order.
async fn move_in(tx: &mut Transaction<'_>, size: u64, numbers: &[i64]) -> Result<()> {
    if numbers.is_empty() {
        return Ok(());
    }
    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
    let list = format!("[{}]", numbers.join(","));
    tx.execute(
        "INSERT INTO log_entries (leaf_index, leaf_hash, entry, payload, repository)
         SELECT ?1 + ROW_NUMBER() OVER (ORDER BY id) - 1, leaf_hash, entry, payload, repository FROM log_pending
         WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(?2))",
        params![size, &list],
    )
    .await?;
    let sql = "DELETE FROM log_pending WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))";
    tx.execute(sql, params![&list]).await.map(drop)
}

async fn insert(tx: &mut Transaction<'_>, index: u64, entry: &LogEntry) -> Result<()> {
    tx.execute(
        "INSERT INTO log_entries (leaf_index, leaf_hash, entry, payload, repository) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            index,
            entry.leaf_hash().to_string(),
            &entry.entry,
            entry.payload.as_deref(),
            entry.repository.as_ref().map(plimsoll_oci::RepositoryName::as_str)
        ],
    )
    .await
    .map(drop)
}

/// Writes the tiles that have changed, and returns the root.
async fn grow(tx: &mut Transaction<'_>, size: u64, leaves: &[Hash]) -> Result<Hash> {
    let mut edge_tiles = Vec::new();
    for tile in Edge::tiles(size) {
        edge_tiles.push((tile, tile_hashes(tx, tile.level(), tile.index()).await?));
    }
    let read = |wanted: TileId| {
        let found = edge_tiles.iter().find(|(tile, _)| *tile == wanted)?;
        Some(found.1.clone())
    };
    let damaged = |error: plimsoll_tlog::EdgeError| CatalogueError::Damaged {
        what: "tree of the log",
        found: error.to_string(),
    };
    let mut edge = Edge::read(size, read).map_err(damaged)?;
    let appended = edge.append(leaves).map_err(damaged)?;
    for tile in appended.tiles {
        tx.execute(
            "INSERT INTO log_tiles (level, tile_index, hashes) VALUES (?1, ?2, ?3)
             ON CONFLICT (level, tile_index) DO UPDATE SET hashes = excluded.hashes",
            params![u64::from(tile.id.level()), tile.id.index(), Hash::write_all(&tile.hashes)],
        )
        .await?;
    }
    tx.execute("UPDATE log_head SET size = ?1 WHERE id = 1", params![edge.size()]).await?;
    Ok(appended.root)
}

/// A tile as wide as it is now.
pub(super) async fn tile_hashes(tx: &mut Transaction<'_>, level: u8, index: u64) -> Result<Vec<Hash>> {
    let key = params![u64::from(level), index];
    let row = tx.row("SELECT hashes FROM log_tiles WHERE level = ?1 AND tile_index = ?2", key).await?;
    let Some(mut row) = row else { return Ok(Vec::new()) };
    let damaged = || CatalogueError::Damaged { what: "tile of the log", found: format!("{level}/{index}") };
    Hash::read_all(&row.take_bytes(0)?).ok_or_else(damaged)
}

/// Whether the newest checkpoint is by this key: after a rebuild the log may have another.
async fn is_signed(tx: &mut Transaction<'_>, input: &Input, size: u64) -> Result<bool> {
    let row = tx.row("SELECT note FROM log_checkpoints WHERE size = ?1", params![size]).await?;
    let Some(row) = row else { return Ok(false) };
    Ok(input.signer.verifier().open(row.text(0)?).is_ok())
}

async fn put_checkpoint(tx: &mut Transaction<'_>, size: u64, note: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO log_checkpoints (size, note) VALUES (?1, ?2)
         ON CONFLICT (size) DO UPDATE SET note = excluded.note, record_key = NULL",
        params![size, note],
    )
    .await
    .map(drop)
}

fn log_entry(row: &Row, column: usize) -> Result<LogEntry> {
    Ok(LogEntry {
        entry: row.text(column)?.to_owned(),
        payload: row.optional(column + 1, Row::text)?.map(str::to_owned),
        repository: row.optional(column + 2, |row, column| row.parsed(column, "repository name"))?,
    })
}
