//! Looking things up in the log. Only what is published is seen.

use futures_util::FutureExt as _;
use plimsoll_oci::RepositoryName;
use plimsoll_tlog::{EntryBundle, Hash, TileId};

use super::super::Catalogue;
use super::super::sql::{Result, Row, Transaction, params};
use super::append::tile_hashes;

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In the published tree, as this leaf.
    Logged(u64),
    /// On its way.
    Waiting,
    /// Nobody asked for it to be logged.
    Unknown,
}

/// What an event was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedPayload {
    /// Its JSON.
    pub json: String,
    /// The repository that it is about.
    pub repository: Option<RepositoryName>,
}

impl Catalogue {
    /// Whether anything is to be done for the log.
    pub async fn is_log_waiting(&self) -> Result<bool> {
        self.read((), |tx, ()| {
            async move {
                let row = tx
                    .row(
                        "SELECT 1 WHERE EXISTS (SELECT 1 FROM log_pending)
                         OR EXISTS (SELECT 1 FROM log_checkpoints WHERE record_key IS NULL)",
                        &[],
                    )
                    .await?;
                Ok(row.is_some())
            }
            .boxed()
        })
        .await
    }

    /// The newest published checkpoint, with its size.
    pub async fn log_checkpoint(&self) -> Result<Option<(u64, String)>> {
        self.read((), |tx, ()| newest(tx).boxed()).await
    }

    /// The oldest published checkpoint: when the log began.
    pub async fn oldest_log_checkpoint(&self) -> Result<Option<String>> {
        self.read((), |tx, ()| {
            async move {
                let sql =
                    "SELECT note FROM log_checkpoints WHERE record_key IS NOT NULL ORDER BY size LIMIT 1";
                tx.row(sql, &[]).await?.map(|row| row.text(0).map(str::to_owned)).transpose()
            }
            .boxed()
        })
        .await
    }

    /// The oldest published checkpoint whose tree holds a leaf: it says when that was logged.
    pub async fn log_checkpoint_over(&self, leaf: u64) -> Result<Option<(u64, String)>> {
        self.read(leaf, |tx, leaf| {
            async move {
                let row = tx
                    .row(
                        "SELECT size, note FROM log_checkpoints
                         WHERE size > ?1 AND record_key IS NOT NULL ORDER BY size LIMIT 1",
                        params![*leaf],
                    )
                    .await?;
                row.as_ref().map(checkpoint).transpose()
            }
            .boxed()
        })
        .await
    }

    /// Where the entry with this leaf hash stands.
    pub async fn log_standing(&self, leaf: Hash) -> Result<Standing> {
        self.read(leaf, |tx, leaf| {
            async move {
                let leaf = leaf.to_string();
                let sql = "SELECT leaf_index FROM log_entries WHERE leaf_hash = ?1";
                if let Some(row) = tx.row(sql, params![&leaf]).await? {
                    let index = row.size(0)?;
                    let published = newest(tx).await?.map_or(0, |(size, _)| size);
                    return Ok(if index < published { Standing::Logged(index) } else { Standing::Waiting });
                }
                let sql = "SELECT 1 FROM log_pending WHERE leaf_hash = ?1";
                let waits = tx.row(sql, params![&leaf]).await?;
                Ok(if waits.is_some() { Standing::Waiting } else { Standing::Unknown })
            }
            .boxed()
        })
        .await
    }

    /// The hashes of a tile in its width. `None` if the published tree has no such tile.
    pub async fn log_tile(&self, tile: TileId) -> Result<Option<Vec<Hash>>> {
        self.read(tile, |tx, tile| {
            async move {
                let size = newest(tx).await?.map_or(0, |(size, _)| size);
                if !is_in_tree(*tile, size) {
                    return Ok(None);
                }
                let mut hashes = tile_hashes(tx, tile.level(), tile.index()).await?;
                hashes.truncate(tile.width());
                Ok((hashes.len() == tile.width()).then_some(hashes))
            }
            .boxed()
        })
        .await
    }

    /// The entries below a tile of level 0. `None` if the published tree has no such tile.
    pub async fn log_entries(&self, tile: TileId) -> Result<Option<EntryBundle>> {
        self.read(tile, |tx, tile| {
            async move {
                let size = newest(tx).await?.map_or(0, |(size, _)| size);
                if !is_in_tree(*tile, size) {
                    return Ok(None);
                }
                let first = tile.index() * plimsoll_tlog::TILE_WIDTH;
                let rows = tx
                    .rows(
                        "SELECT entry FROM log_entries
                         WHERE leaf_index >= ?1 AND leaf_index < ?2 ORDER BY leaf_index",
                        params![first, first + tile.width() as u64],
                    )
                    .await?;
                let entries = rows.iter().map(|row| Ok(row.text(0)?.as_bytes().to_vec()));
                entries.collect::<Result<_>>().map(EntryBundle::new).map(Some)
            }
            .boxed()
        })
        .await
    }

    /// What the event of a published leaf was. `None` if the leaf is none, no event, or its payload was erased.
    pub async fn log_payload(&self, leaf: u64) -> Result<Option<LoggedPayload>> {
        self.read(leaf, |tx, leaf| {
            async move {
                let size = newest(tx).await?.map_or(0, |(size, _)| size);
                let sql = "SELECT payload, repository FROM log_entries
                           WHERE leaf_index = ?1 AND leaf_index < ?2 AND payload IS NOT NULL";
                let row = tx.row(sql, params![*leaf, size]).await?;
                let payload = |row: Row| {
                    let repository = row.optional(1, |row, column| row.parsed(column, "repository name"))?;
                    Ok(LoggedPayload { json: row.text(0)?.to_owned(), repository })
                };
                row.map(payload).transpose()
            }
            .boxed()
        })
        .await
    }
}

async fn newest(tx: &mut Transaction<'_>) -> Result<Option<(u64, String)>> {
    let sql =
        "SELECT size, note FROM log_checkpoints WHERE record_key IS NOT NULL ORDER BY size DESC LIMIT 1";
    tx.row(sql, &[]).await?.as_ref().map(checkpoint).transpose()
}

fn checkpoint(row: &Row) -> Result<(u64, String)> {
    Ok((row.size(0)?, row.text(1)?.to_owned()))
}

/// Whether a tree of `size` leaves has the tile, perhaps wider.
fn is_in_tree(tile: TileId, size: u64) -> bool {
    TileId::in_tree(tile.level(), tile.index(), size).is_some_and(|there| there.width() >= tile.width())
}
