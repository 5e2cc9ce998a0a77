//! The garbage collector's queue.
//!
//! A blob that a repository holds without a manifest that needs it has a time after which it is *reviewed*. Whoever
//! may be about to need it (a pusher who asks whether it is there, a mount) moves that time on; a manifest that needs
//! it takes it out of the queue; deleting the last such manifest puts it back. The sweeper locks what is due, looks
//! again, and takes it away in the same transaction, so it can not lose against a push: the push either moved the time
//! first, or finds nothing and uploads anew, to a new object key. Nothing else is ever walked or locked.

use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName};

use crate::Timestamp;
use crate::objects::{ObjectKey, SuspendedObject};

use super::sql::{CatalogueError, Result, Transaction, params};
use super::{Catalogue, contents};

/// What one pass of the sweeper took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Blobs taken out of a repository.
    pub unlinked: u64,
    /// Contents that no repository holds any more; their objects are doomed.
    pub blobs: u64,
    /// The length of those contents in bytes.
    pub bytes: u64,
    /// Upload sessions that expired.
    pub uploads: u64,
}

impl Swept {
    /// Whether there was nothing to do.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Both passes together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            unlinked: self.unlinked + other.unlinked,
            blobs: self.blobs + other.blobs,
            bytes: self.bytes + other.bytes,
            uploads: self.uploads + other.uploads,
        }
    }
}

/// An object that nothing needs any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoomedObject {
    /// The object.
    pub key: ObjectKey,
    /// Where its writing was put down, if it was never finished.
    pub suspended: Option<SuspendedObject>,
}

impl Catalogue {
    /// Takes away blobs that are due and that no manifest needs, at most `limit`, and uploads that expired.
    pub async fn sweep(&self, now: Timestamp, limit: usize) -> Result<Swept> {
        self.write((now, limit), |tx, (now, limit)| {
            async move {
                let blobs = sweep_blobs(tx, *now, *limit).await?;
                Ok(Swept { uploads: expire_uploads(tx, *now, *limit).await?, ..blobs })
            }
            .boxed()
        })
        .await
    }

    /// Objects that wait to be deleted, at most `limit`. An object that a content is read from is never among them.
    pub async fn doomed_objects(&self, limit: usize) -> Result<Vec<DoomedObject>> {
        self.read(limit, |tx, limit| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT object_key, object_state FROM doomed_objects
                         WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.object_key = doomed_objects.object_key)
                         ORDER BY doomed_at LIMIT ?1",
                        params![*limit],
                    )
                    .await?;
                rows.iter()
                    .map(|row| {
                        let suspended =
                            if row.text(1)?.is_empty() { None } else { Some(row.json(1, "object state")?) };
                        Ok(DoomedObject { key: row.object_key(0)?, suspended })
                    })
                    .collect()
            }
            .boxed()
        })
        .await
    }

    /// Notes that a doomed object was deleted.
    pub async fn forget_doomed(&self, key: ObjectKey) -> Result<()> {
        self.write_soft(key, |tx, key| {
            async move {
                tx.execute("DELETE FROM doomed_objects WHERE object_key = ?1", params![*key]).await.map(drop)
            }
            .boxed()
        })
        .await
    }

    /// Lets a doomed object that could not be deleted wait behind the others.
    pub async fn postpone_doomed(&self, key: ObjectKey, now: Timestamp) -> Result<()> {
        self.write_soft((key, now), |tx, (key, now)| {
            async move {
                let sql = "UPDATE doomed_objects SET doomed_at = ?2 WHERE object_key = ?1";
                tx.execute(sql, params![*key, *now]).await.map(drop)
            }
            .boxed()
        })
        .await
    }

    /// Dooms an object that never became part of the catalogue. One that has is left alone.
    pub async fn doom_object(&self, key: ObjectKey, now: Timestamp) -> Result<()> {
        self.write((key, now), |tx, (key, now)| {
            async move {
                let known = tx
                    .row(
                        "SELECT 1 FROM blobs WHERE object_key = ?1
                         UNION ALL SELECT 1 FROM uploads WHERE object_key = ?1
                         UNION ALL SELECT 1 FROM manifests WHERE record_key = ?1 LIMIT 1",
                        params![*key],
                    )
                    .await?;
                if known.is_none() { doom(tx, *key, "", *now).await } else { Ok(()) }
            }
            .boxed()
        })
        .await
    }

    /// How many blobs wait for review, and how many objects to be deleted.
    pub async fn review_queue(&self) -> Result<(u64, u64)> {
        self.read((), |tx, ()| {
            async move {
                let row = tx
                    .row(
                        "SELECT (SELECT COUNT(*) FROM repository_blobs WHERE review_after IS NOT NULL),
                                (SELECT COUNT(*) FROM doomed_objects)",
                        &[],
                    )
                    .await?;
                let row = row.ok_or(CatalogueError::Damaged { what: "count", found: "nothing".into() })?;
                Ok((row.size(0)?, row.size(1)?))
            }
            .boxed()
        })
        .await
    }
}

async fn sweep_blobs(tx: &mut Transaction<'_>, now: Timestamp, limit: usize) -> Result<Swept> {
    let due = tx
        .rows(
            "SELECT repository_id, digest FROM repository_blobs
             WHERE review_after IS NOT NULL AND review_after <= ?1
             ORDER BY review_after LIMIT ?2 FOR UPDATE SKIP LOCKED",
            params![now, limit],
        )
        .await?;
    let mut swept = Swept::default();
    for row in due {
        let (repository, digest) = (row.integer(0)?, row.digest(1)?);
        match unlink(tx, repository, digest, now).await? {
            None => forget_review(tx, repository, digest).await?,
            Some(freed) => {
                swept.unlinked += 1;
                swept.blobs += u64::from(freed.is_some());
                swept.bytes += freed.unwrap_or(0);
            }
        }
    }
    Ok(swept)
}

/// Takes a blob out of a repository, and forgets its content if no other repository holds it; then the length is
/// returned as well. `None` if a manifest needs the blob.
pub(super) async fn unlink(
    tx: &mut Transaction<'_>,
    repository: i64,
    digest: Digest,
    now: Timestamp,
) -> Result<Option<Option<u64>>> {
    if is_needed(tx, repository, digest).await? {
        return Ok(None);
    }
    let key = params![repository, digest];
    tx.execute("DELETE FROM repository_blobs WHERE repository_id = ?1 AND digest = ?2", key).await?;
    drop_unheld(tx, digest, now).await.map(Some)
}

async fn is_needed(tx: &mut Transaction<'_>, repository: i64, digest: Digest) -> Result<bool> {
    let needed = tx
        .row(
            "SELECT 1 FROM manifest_blobs WHERE repository_id = ?1 AND blob = ?2 LIMIT 1",
            params![repository, digest],
        )
        .await?;
    Ok(needed.is_some())
}

/// Forgets content that no repository holds, dooms its object, and returns its length.
async fn drop_unheld(tx: &mut Transaction<'_>, digest: Digest, now: Timestamp) -> Result<Option<u64>> {
    let Some(blob) =
        tx.row("SELECT size, object_key FROM blobs WHERE digest = ?1 FOR UPDATE", params![digest]).await?
    else {
        return Ok(None);
    };
    let held = tx.row("SELECT 1 FROM repository_blobs WHERE digest = ?1 LIMIT 1", params![digest]).await?;
    if held.is_some() {
        return Ok(None);
    }
    tx.execute("DELETE FROM blobs WHERE digest = ?1", params![digest]).await?;
    if let Some(object_key) = blob.optional(1, super::sql::Row::object_key)? {
        doom(tx, object_key, "", now).await?;
    }
    contents::drop_layer(tx, digest, now).await?;
    blob.size(0).map(Some)
}

async fn expire_uploads(tx: &mut Transaction<'_>, now: Timestamp, limit: usize) -> Result<u64> {
    let expired = tx
        .rows(
            "SELECT id, object_key, object_state FROM uploads WHERE expires_at <= ?1
             ORDER BY expires_at LIMIT ?2 FOR UPDATE SKIP LOCKED",
            params![now, limit],
        )
        .await?;
    for row in &expired {
        doom(tx, row.object_key(1)?, row.text(2)?, now).await?;
        tx.execute("DELETE FROM uploads WHERE id = ?1", params![row.text(0)?]).await?;
    }
    Ok(expired.len() as u64)
}

/// Notes that an object is to be deleted. `object_state` is what a suspended writer left, or nothing.
pub(super) async fn doom(
    tx: &mut Transaction<'_>,
    key: ObjectKey,
    object_state: &str,
    now: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO doomed_objects (object_key, object_state, doomed_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (object_key) DO NOTHING",
        params![key, object_state, now],
    )
    .await?;
    Ok(())
}

/// Shows a blob in a repository. One that no manifest needs yet is held until `hold_until`.
pub(super) async fn link(
    tx: &mut Transaction<'_>,
    repository: i64,
    digest: Digest,
    hold_until: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO repository_blobs (repository_id, digest, review_after) VALUES (?1, ?2, ?3)
         ON CONFLICT (repository_id, digest) DO UPDATE SET review_after = excluded.review_after
         WHERE repository_blobs.review_after < excluded.review_after",
        params![repository, digest, hold_until],
    )
    .await?;
    Ok(())
}

/// Whether a blob is needed, or will not be reviewed before `until`.
pub(super) async fn is_held(
    tx: &mut Transaction<'_>,
    repository: &RepositoryName,
    digest: Digest,
    until: Timestamp,
) -> Result<bool> {
    let due = tx
        .row(
            "SELECT 1 FROM repository_blobs
             WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND digest = ?2
             AND review_after IS NOT NULL AND review_after < ?3",
            params![repository, digest, until],
        )
        .await?;
    Ok(due.is_none())
}

/// Moves a blob's review on, if it is in the queue.
pub(super) async fn hold(
    tx: &mut Transaction<'_>,
    repository: &RepositoryName,
    digest: Digest,
    until: Timestamp,
) -> Result<()> {
    tx.execute(
        "UPDATE repository_blobs SET review_after = ?3
         WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND digest = ?2
         AND review_after < ?3",
        params![repository, digest, until],
    )
    .await?;
    Ok(())
}

/// Takes a blob out of the queue that turned out to be needed, with or without good bytes.
async fn forget_review(tx: &mut Transaction<'_>, repository: i64, digest: Digest) -> Result<()> {
    tx.execute(
        "UPDATE repository_blobs SET review_after = NULL WHERE repository_id = ?1 AND digest = ?2",
        params![repository, digest],
    )
    .await?;
    Ok(())
}

/// Takes a blob out of the queue: a manifest needs it. Returns `false` if the repository does not hold it.
pub(super) async fn leave_queue(tx: &mut Transaction<'_>, repository: i64, digest: Digest) -> Result<bool> {
    let held = tx
        .execute(
            "UPDATE repository_blobs SET review_after = NULL
             WHERE repository_id = ?1 AND digest = ?2
             AND EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = ?2 AND blobs.object_key IS NOT NULL)",
            params![repository, digest],
        )
        .await?;
    Ok(held == 1)
}

/// Puts those blobs of a manifest that no other manifest needs back into the queue.
pub(super) async fn enter_queue(
    tx: &mut Transaction<'_>,
    repository: i64,
    manifest: Digest,
    review_after: Timestamp,
) -> Result<()> {
    // In a statement of its own: two deletions of manifests that share a blob must see each other's end, or each would
    // leave the blob to the other.
    tx.rows(
        "SELECT digest FROM repository_blobs
         WHERE repository_id = ?1
         AND digest IN (SELECT blob FROM manifest_blobs WHERE repository_id = ?1 AND manifest = ?2)
         ORDER BY digest FOR UPDATE",
        params![repository, manifest],
    )
    .await?;
    tx.execute(
        "UPDATE repository_blobs SET review_after = ?3
         WHERE repository_id = ?1
         AND digest IN (SELECT blob FROM manifest_blobs WHERE repository_id = ?1 AND manifest = ?2)
         AND NOT EXISTS (
             SELECT 1 FROM manifest_blobs AS other
             WHERE other.repository_id = ?1 AND other.blob = repository_blobs.digest AND other.manifest <> ?2)",
        params![repository, manifest, review_after],
    )
    .await?;
    Ok(())
}
