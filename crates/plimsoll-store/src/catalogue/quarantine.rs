//! What the file-system check looks at and sets aside.

use std::collections::HashSet;

use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName};

use crate::Timestamp;
use crate::objects::ObjectKey;

use super::blobs::stored_blob;
use super::manifests::stored_manifest;
use super::sql::{Result, Transaction, json_list, params};
use super::{Catalogue, StoredBlob, StoredManifest};

/// An object whose bytes are not what they were stored as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedObject {
    /// The object.
    pub key: ObjectKey,
    /// The digest it was stored as.
    pub digest: Digest,
    /// What was found in its place.
    pub found: String,
    /// When.
    pub found_at: Timestamp,
}

impl Catalogue {
    /// Contents with bytes, in order of their digests, after `last`, at most `limit`.
    pub async fn stored_blobs(&self, last: Option<Digest>, limit: usize) -> Result<Vec<StoredBlob>> {
        self.read((last, limit), |tx, (last, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT digest, size, object_key FROM blobs
                         WHERE digest > ?1 AND object_key IS NOT NULL ORDER BY digest LIMIT ?2",
                        params![last.map_or(String::new(), |last| last.to_string()), *limit],
                    )
                    .await?;
                rows.iter().map(stored_blob).collect()
            }
            .boxed()
        })
        .await
    }

    /// Digests of contents that some repository should hold and whose bytes are damaged or missing.
    pub async fn blobs_without_bytes(&self) -> Result<Vec<Digest>> {
        self.read((), |tx, ()| {
            async move {
                let rows =
                    tx.rows("SELECT digest FROM blobs WHERE object_key IS NULL ORDER BY digest", &[]).await?;
                rows.iter().map(|row| row.digest(0)).collect()
            }
            .boxed()
        })
        .await
    }

    /// Manifests of all repositories, in order, after `last`, at most `limit`.
    pub async fn stored_manifests(
        &self,
        last: Option<(RepositoryName, Digest)>,
        limit: usize,
    ) -> Result<Vec<(RepositoryName, StoredManifest)>> {
        self.read((last, limit), |tx, (last, limit)| {
            async move {
                let (name, digest) = match last {
                    Some((name, digest)) => (name.to_string(), digest.to_string()),
                    None => (String::new(), String::new()),
                };
                let rows = tx
                    .rows(
                        "SELECT manifests.digest, media_type, subject, bytes, repositories.name FROM repositories
                         JOIN manifests ON manifests.repository_id = repositories.id
                         WHERE (repositories.name, manifests.digest) > (?1, ?2)
                         ORDER BY repositories.name, manifests.digest LIMIT ?3",
                        params![name, digest, *limit],
                    )
                    .await?;
                rows.into_iter()
                    .map(|row| Ok((row.parsed(4, "repository name")?, stored_manifest(row)?)))
                    .collect()
            }
            .boxed()
        })
        .await
    }

    /// Those of `keys` that the catalogue knows: as content, as uploads on their way and what these keep while they are
    /// suspended, as doomed or as quarantined.
    pub async fn known_objects(&self, keys: &[ObjectKey]) -> Result<HashSet<ObjectKey>> {
        self.read(keys.to_vec(), |tx, keys| {
            async move {
                let named = named_objects(tx, keys).await?;
                let others: Vec<ObjectKey> =
                    keys.iter().filter(|key| !named.contains(key)).copied().collect();
                let kept = kept_for_uploads(tx, &others).await?;
                Ok(named.union(&kept).copied().collect())
            }
            .boxed()
        })
        .await
    }

    /// Sets an object aside: its content counts as missing until it is pushed again. Returns `false` if the content is
    /// read from another object by now.
    pub async fn quarantine(&self, object: QuarantinedObject) -> Result<bool> {
        self.write(object, |tx, object| {
            async move {
                let set_aside = tx
                    .execute(
                        "UPDATE blobs SET object_key = NULL WHERE digest = ?1 AND object_key = ?2",
                        params![object.digest, object.key],
                    )
                    .await?;
                if set_aside == 1 {
                    tx.execute(
                        "INSERT INTO quarantined_objects (object_key, digest, found, found_at)
                         VALUES (?1, ?2, ?3, ?4) ON CONFLICT (object_key) DO NOTHING",
                        params![object.key, object.digest, &object.found, object.found_at],
                    )
                    .await?;
                }
                Ok(set_aside == 1)
            }
            .boxed()
        })
        .await
    }

    /// What was set aside, in order of time.
    pub async fn quarantined(&self) -> Result<Vec<QuarantinedObject>> {
        self.read((), |tx, ()| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT object_key, digest, found, found_at FROM quarantined_objects ORDER BY found_at",
                        &[],
                    )
                    .await?;
                rows.iter()
                    .map(|row| {
                        Ok(QuarantinedObject {
                            key: row.object_key(0)?,
                            digest: row.digest(1)?,
                            found: row.text(2)?.to_owned(),
                            found_at: row.timestamp(3)?,
                        })
                    })
                    .collect()
            }
            .boxed()
        })
        .await
    }
}

async fn named_objects(tx: &mut Transaction<'_>, keys: &[ObjectKey]) -> Result<HashSet<ObjectKey>> {
    let rows = tx
        .rows(
            "SELECT object_key FROM blobs WHERE object_key IN (SELECT value FROM json_each(?1))
             UNION SELECT object_key FROM uploads WHERE object_key IN (SELECT value FROM json_each(?1))
             UNION SELECT object_key FROM doomed_objects WHERE object_key IN (SELECT value FROM json_each(?1))
             UNION SELECT object_key FROM quarantined_objects
                 WHERE object_key IN (SELECT value FROM json_each(?1))",
            params![json_list(keys)],
        )
        .await?;
    rows.iter().map(|row| row.object_key(0)).collect()
}

/// Those of `keys` that stand in the state of an upload that is suspended or is being cleared away. The state is the
/// storage's own, but keys look the same in all of them, and have no character that `LIKE` takes for another.
async fn kept_for_uploads(tx: &mut Transaction<'_>, keys: &[ObjectKey]) -> Result<HashSet<ObjectKey>> {
    if keys.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = tx
        .rows(
            "SELECT value FROM json_each(?1)
             WHERE EXISTS (SELECT 1 FROM uploads WHERE object_state LIKE '%' || value || '%')
             OR EXISTS (SELECT 1 FROM doomed_objects WHERE object_state LIKE '%' || value || '%')",
            params![json_list(keys)],
        )
        .await?;
    rows.iter().map(|row| row.object_key(0)).collect()
}
