//! What changes of the advisories mean for components, each change told once and in order.
//!
//! A change is written down in parts that nobody sees, so that a large one keeps nobody else from writing, and told as a
//! whole. It is told only if it follows the change that was told last: of several replicas that write the same one down,
//! one tells it.

mod prune;
mod tell;

use futures_util::FutureExt as _;
use plimsoll_oci::Digest;

use crate::Timestamp;

use super::Catalogue;
use super::sql::{Result, Row, Transaction, params};

pub use tell::{Telling, Told};

/// The change that was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldChange {
    /// Its number.
    pub number: i64,
    /// The advisories that it led to.
    pub artifact: Digest,
}

/// What a change means for one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentEvent {
    /// What happened, in the caller's words.
    pub kind: String,
    /// The component's number; none where an event is about no component.
    pub component: Option<u32>,
    /// The vulnerability's id.
    pub vulnerability: Option<String>,
    /// What was known before, as the caller writes it.
    pub before: Option<String>,
    /// What is known after.
    pub after: Option<String>,
}

/// An event that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldEvent {
    /// Its number; later events have higher ones.
    pub number: i64,
    /// When it was told.
    pub told_at: Timestamp,
    /// The advisories before the change.
    pub from: Option<Digest>,
    /// The advisories after it.
    pub to: Digest,
    /// Why it is not known what this change means.
    pub gap: Option<String>,
    /// The event.
    pub event: ComponentEvent,
}

impl Catalogue {
    /// The change of advisories that was told last.
    pub async fn last_told_change(&self) -> Result<Option<ToldChange>> {
        self.read((), |tx, ()| last_told(tx).boxed()).await
    }

    /// Events with numbers above `number` that were told at `since` or later, at most `limit`, ascending. None with a
    /// lower number comes after.
    pub async fn events_after(&self, number: i64, since: Timestamp, limit: usize) -> Result<Vec<ToldEvent>> {
        self.read((number, since, limit), |tx, (number, since, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT events.id, told_at, from_artifact, to_artifact, gap,
                                kind, component, vulnerability, state_before, state_after
                         FROM events JOIN advisory_changes ON advisory_changes.id = events.change
                         WHERE events.id > ?1 AND told_at >= ?2 ORDER BY events.id LIMIT ?3",
                        params![*number, *since, *limit],
                    )
                    .await?;
                rows.iter().map(told_event).collect()
            }
            .boxed()
        })
        .await
    }
}

async fn last_told(tx: &mut Transaction<'_>) -> Result<Option<ToldChange>> {
    let row = tx
        .row(
            "SELECT id, to_artifact FROM advisory_changes WHERE told_at IS NOT NULL ORDER BY id DESC LIMIT 1",
            &[],
        )
        .await?;
    row.map(|row| Ok(ToldChange { number: row.integer(0)?, artifact: row.digest(1)? })).transpose()
}

fn told_event(row: &Row) -> Result<ToldEvent> {
    let text = |column| row.optional(column, |row, column| row.text(column).map(str::to_owned));
    Ok(ToldEvent {
        number: row.integer(0)?,
        told_at: row.timestamp(1)?,
        from: row.optional(2, Row::digest)?,
        to: row.digest(3)?,
        gap: text(4)?,
        event: ComponentEvent {
            kind: row.text(5)?.to_owned(),
            component: row.optional(6, Row::small)?,
            vulnerability: text(7)?,
            before: text(8)?,
            after: text(9)?,
        },
    })
}
