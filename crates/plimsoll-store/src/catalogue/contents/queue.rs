use futures_util::FutureExt as _;
use plimsoll_oci::Digest;

use crate::Timestamp;
use crate::catalogue::Catalogue;
use crate::catalogue::sql::{Result, Transaction, params};

impl Catalogue {
    /// Takes images whose contents are to be found out; whoever takes one has until `until`.
    pub async fn take_waiting_images(
        &self,
        limit: usize,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Digest, u64)>> {
        self.write_soft((limit, now, until), |tx, (limit, now, until)| {
            take_waiting(tx, *limit, *now, *until).boxed()
        })
        .await
    }

    /// Puts an image back until `due`, because something that may pass failed.
    pub async fn postpone_image(&self, manifest: Digest, due: Timestamp) -> Result<()> {
        self.write_soft((manifest, due), |tx, (manifest, due)| {
            async move {
                let parameters = params![*manifest, *due];
                tx.execute("UPDATE image_queue SET due_at = ?2 WHERE manifest = ?1", parameters)
                    .await
                    .map(drop)
            }
            .boxed()
        })
        .await
    }

    /// Lets every image wait whose contents another version of the analyser has found out.
    pub async fn enqueue_outdated_images(&self, analyser: u32, now: Timestamp) -> Result<u64> {
        self.write((analyser, now), |tx, (analyser, now)| {
            async move {
                tx.execute(
                    "INSERT INTO image_queue (manifest, due_at, attempts)
                     SELECT manifest, ?2, 0 FROM image_contents WHERE analyser <> ?1
                     ON CONFLICT (manifest) DO NOTHING",
                    params![i64::from(*analyser), *now],
                )
                .await
            }
            .boxed()
        })
        .await
    }

    /// Lets every image wait, as after a restore: a backup does not hold what can be found out again.
    pub async fn enqueue_all_images(&self, now: Timestamp) -> Result<u64> {
        self.write(now, |tx, now| {
            async move {
                tx.execute(
                    "INSERT INTO image_queue (manifest, due_at, attempts)
                     SELECT DISTINCT digest, ?1, 0 FROM manifests
                     WHERE artifact_type IN ('application/vnd.oci.image.config.v1+json',
                                             'application/vnd.docker.container.image.v1+json')
                     ON CONFLICT (manifest) DO NOTHING",
                    params![*now],
                )
                .await
            }
            .boxed()
        })
        .await
    }

    /// How many images wait.
    pub async fn count_waiting_images(&self) -> Result<u64> {
        self.read((), |tx, ()| {
            async move {
                let row = tx.row("SELECT COUNT(*) FROM image_queue", &[]).await?;
                row.map_or(Ok(0), |row| row.size(0))
            }
            .boxed()
        })
        .await
    }
}

/// Lets an image wait until its contents are found out.
pub(in crate::catalogue) async fn enqueue(
    tx: &mut Transaction<'_>,
    manifest: Digest,
    now: Timestamp,
) -> Result<()> {
    // What could not be known may be another time: layers that are at fault are remembered as such.
    let known = tx
        .row("SELECT 1 FROM image_contents WHERE manifest = ?1 AND failure IS NULL", params![manifest])
        .await?;
    if known.is_some() {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO image_queue (manifest, due_at, attempts) VALUES (?1, ?2, 0) ON CONFLICT (manifest) DO NOTHING",
        params![manifest, now],
    )
    .await
    .map(drop)
}

async fn take_waiting(
    tx: &mut Transaction<'_>,
    limit: usize,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<(Digest, u64)>> {
    let rows = tx
        .rows(
            "SELECT manifest, attempts FROM image_queue WHERE due_at <= ?1
             ORDER BY due_at LIMIT ?2 FOR UPDATE SKIP LOCKED",
            params![now, limit],
        )
        .await?;
    let mut taken = Vec::with_capacity(rows.len());
    for row in rows {
        let manifest = row.digest(0)?;
        tx.execute(
            "UPDATE image_queue SET due_at = ?2, attempts = attempts + 1 WHERE manifest = ?1",
            params![manifest, until],
        )
        .await?;
        taken.push((manifest, row.size(1)?));
    }
    Ok(taken)
}
