use futures_util::FutureExt as _;
use plimsoll_oci::Digest;

use super::{ComponentEvent, ToldChange, last_told};
use crate::Timestamp;
use crate::catalogue::Catalogue;
use crate::catalogue::sql::{CatalogueError, Result, Transaction, params};

/// A change that is being written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    change: i64,
    /// The change that was told last when this one began.
    follows: Option<i64>,
}

/// What came of telling a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is told.
    Yes,
    /// Components came meanwhile that it does not speak of.
    Behind,
    /// Another change was told first, so nothing of this one is kept.
    Overtaken,
}

impl Catalogue {
    /// Begins to write a change down that follows `last`, the change told last. `gap` says why it is not known what the
    /// change means, where it is not.
    pub async fn begin_telling(
        &self,
        last: Option<ToldChange>,
        to: Digest,
        gap: Option<String>,
        now: Timestamp,
    ) -> Result<Telling> {
        let change = self
            .write((last, to, gap, now), |tx, (last, to, gap, now)| {
                async move {
                    let from = last.map(|last| last.artifact);
                    let row = tx
                        .row(
                            "INSERT INTO advisory_changes (from_artifact, to_artifact, gap, begun_at)
                             VALUES (?1, ?2, ?3, ?4) RETURNING id",
                            params![from, *to, gap.as_deref(), *now],
                        )
                        .await?;
                    row.map_or(Err(CatalogueError::Overtaken), |row| row.integer(0))
                }
                .boxed()
            })
            .await?;
        Ok(Telling { change, follows: last.map(|last| last.number) })
    }

    /// Writes events of a change down. Returns `false` when there is no use in going on: another change was told first.
    pub async fn write_events(&self, telling: Telling, events: Vec<ComponentEvent>) -> Result<bool> {
        self.write((telling, events), |tx, (telling, events)| {
            async move {
                if !is_next(tx, *telling).await? {
                    return Ok(false);
                }
                for event in events {
                    insert(tx, telling.change, event).await?;
                }
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    /// Tells a change whose events are written down, if it speaks of all components: `components` is the highest number
    /// among those that it was compared for.
    pub async fn tell(&self, telling: Telling, components: u32, now: Timestamp) -> Result<Told> {
        self.write((telling, components, now), |tx, (telling, components, now)| {
            tell(tx, *telling, *components, *now).boxed()
        })
        .await
    }

    /// Drops a change that was not told.
    pub async fn drop_telling(&self, telling: Telling) -> Result<()> {
        self.write(telling, |tx, telling| drop_change(tx, telling.change).boxed()).await
    }
}

async fn tell(tx: &mut Transaction<'_>, telling: Telling, components: u32, now: Timestamp) -> Result<Told> {
    // Nobody else tells a change now, and no component is given a number.
    tx.lock_numbers().await?;
    if !is_next(tx, telling).await? {
        drop_change(tx, telling.change).await?;
        return Ok(Told::Overtaken);
    }
    let newer =
        tx.row("SELECT 1 FROM components WHERE id > ?1 LIMIT 1", params![i64::from(components)]).await?;
    if newer.is_some() {
        return Ok(Told::Behind);
    }
    tx.execute("UPDATE advisory_changes SET told_at = ?2 WHERE id = ?1", params![telling.change, now])
        .await?;
    Ok(Told::Yes)
}

/// Whether the change is still being written down, and follows the last one that was told.
async fn is_next(tx: &mut Transaction<'_>, telling: Telling) -> Result<bool> {
    let is_there = tx
        .row(
            "SELECT 1 FROM advisory_changes WHERE id = ?1 AND told_at IS NULL FOR UPDATE",
            params![telling.change],
        )
        .await?
        .is_some();
    let last = last_told(tx).await?;
    Ok(is_there && last.map(|last| last.number) == telling.follows)
}

async fn insert(tx: &mut Transaction<'_>, change: i64, event: &ComponentEvent) -> Result<()> {
    tx.execute(
        "INSERT INTO events (change, kind, component, vulnerability, state_before, state_after)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            change,
            &event.kind,
            event.component.map(i64::from),
            event.vulnerability.as_deref(),
            event.before.as_deref(),
            event.after.as_deref(),
        ],
    )
    .await
    .map(drop)
}

async fn drop_change(tx: &mut Transaction<'_>, change: i64) -> Result<()> {
    let untold = "SELECT 1 FROM advisory_changes WHERE id = ?1 AND told_at IS NULL";
    if tx.row(untold, params![change]).await?.is_some() {
        tx.execute("DELETE FROM events WHERE change = ?1", params![change]).await?;
        tx.execute("DELETE FROM advisory_changes WHERE id = ?1", params![change]).await?;
    }
    Ok(())
}
