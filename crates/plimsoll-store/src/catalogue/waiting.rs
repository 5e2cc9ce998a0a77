//! What waits for the garbage collector. Looking changes nothing.

use futures_util::FutureExt as _;

use crate::Timestamp;

use super::Catalogue;
use super::review::Swept;
use super::sql::{CatalogueError, Result, Row, Transaction, params};

/// What the garbage collector would take away, and what it leaves alone for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// What is due.
    pub due: Swept,
    /// Blobs without a manifest that needs them, kept for a while.
    pub blobs: Kept,
    /// Upload sessions that may still go on.
    pub uploads: Kept,
    /// Objects that nothing needs any more and that are not deleted yet.
    pub doomed_objects: u64,
}

/// Things that are kept until some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the first of them is due, and when the last.
    pub until: Option<(Timestamp, Timestamp)>,
}

impl Catalogue {
    /// Looks through the garbage collector's queue.
    pub async fn waiting(&self, now: Timestamp) -> Result<Waiting> {
        self.read(now, |tx, now| {
            async move {
                Ok(Waiting {
                    due: due(tx, *now).await?,
                    blobs: kept(tx, KEPT_BLOBS, *now).await?,
                    uploads: kept(tx, KEPT_UPLOADS, *now).await?,
                    doomed_objects: doomed(tx).await?,
                })
            }
            .boxed()
        })
        .await
    }
}

/// A blob that two repositories hold is one blob, and due only when both give it up.
const KEPT_BLOBS: &str = "
    SELECT COUNT(*), CAST(COALESCE(SUM(blobs.size), 0) AS BIGINT), MIN(queued.earliest), MAX(queued.latest)
    FROM (
        SELECT digest, MIN(review_after) AS earliest, MAX(review_after) AS latest FROM repository_blobs
        WHERE review_after IS NOT NULL AND review_after > ?1 GROUP BY digest
    ) AS queued
    JOIN blobs ON blobs.digest = queued.digest";

const KEPT_UPLOADS: &str = "
    SELECT COUNT(*), CAST(COALESCE(SUM(received), 0) AS BIGINT), MIN(expires_at), MAX(expires_at)
    FROM uploads WHERE expires_at > ?1";

async fn kept(tx: &mut Transaction<'_>, query: &'static str, now: Timestamp) -> Result<Kept> {
    let row = only(tx.row(query, params![now]).await?)?;
    let (first, last) = (row.optional(2, Row::timestamp)?, row.optional(3, Row::timestamp)?);
    Ok(Kept { count: row.size(0)?, bytes: row.size(1)?, until: first.zip(last) })
}

/// What a pass of the sweeper would do, by the sweeper's own rules.
async fn due(tx: &mut Transaction<'_>, now: Timestamp) -> Result<Swept> {
    let query = "
        WITH due AS (
            SELECT repository_id, digest FROM repository_blobs
            WHERE review_after IS NOT NULL AND review_after <= ?1
            AND NOT EXISTS (
                SELECT 1 FROM manifest_blobs WHERE manifest_blobs.repository_id = repository_blobs.repository_id
                AND manifest_blobs.blob = repository_blobs.digest)
        ), freed AS (
            SELECT size FROM blobs WHERE digest IN (SELECT digest FROM due)
            AND NOT EXISTS (
                SELECT 1 FROM repository_blobs WHERE repository_blobs.digest = blobs.digest
                AND NOT EXISTS (
                    SELECT 1 FROM due WHERE due.repository_id = repository_blobs.repository_id
                    AND due.digest = repository_blobs.digest))
        )
        SELECT (SELECT COUNT(*) FROM due), (SELECT COUNT(*) FROM freed),
               (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM freed),
               (SELECT COUNT(*) FROM uploads WHERE expires_at <= ?1)";
    let row = only(tx.row(query, params![now]).await?)?;
    Ok(Swept { unlinked: row.size(0)?, blobs: row.size(1)?, bytes: row.size(2)?, uploads: row.size(3)? })
}

async fn doomed(tx: &mut Transaction<'_>) -> Result<u64> {
    only(tx.row("SELECT COUNT(*) FROM doomed_objects", &[]).await?)?.size(0)
}

fn only(row: Option<Row>) -> Result<Row> {
    row.ok_or(CatalogueError::Damaged { what: "count", found: "nothing".into() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plimsoll_oci::{Digest, RepositoryName};

    use super::*;
    use crate::ObjectKey;
    use crate::objects::KeyKind;

    const HOLD: Duration = Duration::from_secs(60);

    async fn catalogue_with_unneeded_blob(size: u64, now: Timestamp) -> Catalogue {
        let catalogue = Catalogue::open_memory().await.unwrap();
        let (digest, key) = (Digest::sha256_of(b"x"), ObjectKey::fresh(KeyKind::Blob));
        catalogue.adopt_blob(digest, size, key, now).await.unwrap();
        for repository in ["a", "b"] {
            let repository: RepositoryName = repository.parse().unwrap();
            let hold_until = now.plus(if repository.as_str() == "a" { HOLD } else { HOLD * 2 });
            catalogue.adopt_links(&repository, vec![digest], hold_until, now).await.unwrap();
        }
        catalogue
    }

    #[tokio::test]
    async fn a_look_tells_what_a_pass_then_does() {
        let start = Timestamp::from_unix_ms(0);
        let catalogue = catalogue_with_unneeded_blob(7, start).await;

        let waiting = catalogue.waiting(start).await.unwrap();
        let until = Some((start.plus(HOLD), start.plus(HOLD * 2)));
        assert_eq!(waiting.blobs, Kept { count: 1, bytes: 7, until });
        assert_eq!(waiting.due, Swept::default());

        for (at, blobs, doomed_objects) in [(start.plus(HOLD), 0, 0), (start.plus(HOLD * 2), 1, 1)] {
            let due = catalogue.waiting(at).await.unwrap().due;
            assert_eq!((due.unlinked, due.blobs, due.bytes), (1, blobs, 7 * blobs));
            assert_eq!(catalogue.sweep(at, 10).await.unwrap(), due);
            assert_eq!(catalogue.waiting(at).await.unwrap().doomed_objects, doomed_objects);
        }
        assert_eq!(catalogue.waiting(start.plus(HOLD * 2)).await.unwrap().blobs, Kept::default());
    }
}
