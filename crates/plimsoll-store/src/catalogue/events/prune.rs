use futures_util::FutureExt as _;

use crate::Timestamp;
use crate::catalogue::Catalogue;
use crate::catalogue::sql::{Result, Transaction, params};

impl Catalogue {
    /// Forgets events that were told before `told_before`, those beyond the newest `kept_max`, and what was begun before
    /// `begun_before` and never told; at most `limit` of each. Returns how many.
    pub async fn prune_events(
        &self,
        told_before: Timestamp,
        begun_before: Timestamp,
        kept_max: usize,
        limit: usize,
    ) -> Result<u64> {
        self.write((told_before, begun_before, kept_max, limit), |tx, (told, begun, kept_max, limit)| {
            prune(tx, *told, *begun, *kept_max, *limit).boxed()
        })
        .await
    }
}

async fn prune(
    tx: &mut Transaction<'_>,
    told_before: Timestamp,
    begun_before: Timestamp,
    kept_max: usize,
    limit: usize,
) -> Result<u64> {
    let old = tx
        .execute(
            "DELETE FROM events WHERE id IN (
                 SELECT events.id FROM events JOIN advisory_changes ON advisory_changes.id = events.change
                 WHERE told_at < ?1 OR (told_at IS NULL AND begun_at < ?2) ORDER BY events.id LIMIT ?3)",
            params![told_before, begun_before, limit],
        )
        .await?;
    let too_many = tx
        .execute(
            "DELETE FROM events WHERE id IN (
                 SELECT id FROM events WHERE id <= (SELECT id FROM events ORDER BY id DESC LIMIT 1 OFFSET ?1)
                 ORDER BY id LIMIT ?2)",
            params![kept_max, limit],
        )
        .await?;
    // The last one that was told is where the next begins.
    tx.execute(
        "DELETE FROM advisory_changes
         WHERE (told_at < ?1 OR (told_at IS NULL AND begun_at < ?2))
         AND NOT EXISTS (SELECT 1 FROM events WHERE events.change = advisory_changes.id)
         AND id <> COALESCE((SELECT MAX(id) FROM advisory_changes WHERE told_at IS NOT NULL), 0)",
        params![told_before, begun_before],
    )
    .await?;
    Ok(old + too_many)
}
