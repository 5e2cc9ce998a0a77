use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName};

use crate::Timestamp;
use crate::objects::{CompletedObject, ObjectKey};

use super::sql::{Result, Row, Transaction, params};
use super::{Catalogue, UploadId, repositories, review};

/// A blob as a repository holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Where its bytes are.
    pub object_key: ObjectKey,
}

/// A finished upload that becomes a blob.
#[derive(Clone, Debug)]
pub struct CommitBlob {
    /// The upload that ends.
    pub upload: UploadId,
    /// The generation it was taken up in; the commit fails if another request has taken it up since.
    pub generation: i64,
    /// The digest its bytes were found to have.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Where its bytes rest.
    pub object: CompletedObject,
    /// Until when the garbage collector leaves it alone without a manifest that needs it.
    pub hold_until: Timestamp,
    /// When this happens.
    pub now: Timestamp,
}

impl Catalogue {
    /// Looks up a blob in a repository.
    pub async fn find_blob(&self, repository: &RepositoryName, digest: Digest) -> Result<Option<StoredBlob>> {
        self.read((repository.clone(), digest), |tx, (repository, digest)| {
            find(tx, repository, *digest).boxed()
        })
        .await
    }

    /// Looks up a blob for somebody who may push a manifest that needs it: the garbage collector leaves it alone until
    /// `hold_until` at least.
    pub async fn hold_blob(
        &self,
        repository: &RepositoryName,
        digest: Digest,
        hold_until: Timestamp,
    ) -> Result<Option<StoredBlob>> {
        let (found, is_held) = self
            .read((repository.clone(), digest, hold_until), |tx, (repository, digest, hold_until)| {
                async move {
                    let found = find(tx, repository, *digest).await?;
                    let held = match found {
                        Some(_) => review::is_held(tx, repository, *digest, *hold_until).await?,
                        None => true,
                    };
                    Ok((found, held))
                }
                .boxed()
            })
            .await?;
        if is_held {
            return Ok(found);
        }
        self.write((repository.clone(), digest, hold_until), |tx, (repository, digest, hold_until)| {
            async move {
                review::hold(tx, repository, *digest, *hold_until).await?;
                find(tx, repository, *digest).await
            }
            .boxed()
        })
        .await
    }

    /// Ends an upload, and shows its bytes as a blob of the upload's repository. Bytes that were there already stay the
    /// ones to be read, and the new ones are given up. Returns `false`, and does nothing, when another request has taken
    /// the upload up or ended it.
    pub async fn commit_blob(&self, commit: CommitBlob) -> Result<bool> {
        self.write(commit, |tx, commit| self::commit(tx, commit).boxed()).await
    }

    /// Repositories that hold a blob, at most `limit`, for a mount without a source.
    pub async fn repositories_with_blob(&self, digest: Digest, limit: usize) -> Result<Vec<RepositoryName>> {
        self.read((digest, limit), |tx, (digest, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT repositories.name FROM repository_blobs
                         JOIN repositories ON repositories.id = repository_blobs.repository_id
                         WHERE repository_blobs.digest = ?1 ORDER BY repositories.id LIMIT ?2",
                        params![digest, *limit],
                    )
                    .await?;
                rows.iter().map(|row| row.parsed(0, "repository name")).collect()
            }
            .boxed()
        })
        .await
    }

    /// Shows a blob of the repository `from` in the repository `into` as well. Returns `false` if `from` does not hold it.
    pub async fn mount_blob(
        &self,
        from: &RepositoryName,
        into: &RepositoryName,
        digest: Digest,
        hold_until: Timestamp,
        now: Timestamp,
    ) -> Result<bool> {
        let input = (from.clone(), into.clone(), digest, hold_until, now);
        self.write(input, |tx, (from, into, digest, hold_until, now)| {
            async move {
                if !lock(tx, *digest).await? || find(tx, from, *digest).await?.is_none() {
                    return Ok(false);
                }
                let into = repositories::ensure(tx, into, *now).await?;
                review::link(tx, into, *digest, *hold_until).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    /// Takes a blob out of a repository. Returns `None` if it is not there, and `Some(false)` if a manifest needs it.
    pub async fn delete_blob(
        &self,
        repository: &RepositoryName,
        digest: Digest,
        now: Timestamp,
    ) -> Result<Option<bool>> {
        self.write((repository.clone(), digest, now), |tx, (repository, digest, now)| {
            async move {
                let (Some(repository), Some(_)) =
                    (repositories::find(tx, repository).await?, find(tx, repository, *digest).await?)
                else {
                    return Ok(None);
                };
                review::unlink(tx, repository, *digest, *now).await.map(|unlinked| Some(unlinked.is_some()))
            }
            .boxed()
        })
        .await
    }
}

async fn find(
    tx: &mut Transaction<'_>,
    repository: &RepositoryName,
    digest: Digest,
) -> Result<Option<StoredBlob>> {
    let row = tx
        .row(
            "SELECT blobs.digest, blobs.size, blobs.object_key FROM repositories
             JOIN repository_blobs ON repository_blobs.repository_id = repositories.id
             JOIN blobs ON blobs.digest = repository_blobs.digest
             WHERE repositories.name = ?1 AND blobs.digest = ?2 AND blobs.object_key IS NOT NULL",
            params![repository, digest],
        )
        .await?;
    row.as_ref().map(stored_blob).transpose()
}

pub(super) fn stored_blob(row: &Row) -> Result<StoredBlob> {
    Ok(StoredBlob { digest: row.digest(0)?, size: row.size(1)?, object_key: row.object_key(2)? })
}

/// Keeps the sweeper away from a blob's row until the transaction ends.
async fn lock(tx: &mut Transaction<'_>, digest: Digest) -> Result<bool> {
    let row = tx.row("SELECT digest FROM blobs WHERE digest = ?1 FOR UPDATE", params![digest]).await?;
    Ok(row.is_some())
}

async fn commit(tx: &mut Transaction<'_>, commit: &CommitBlob) -> Result<bool> {
    let ended = tx
        .row(
            "DELETE FROM uploads WHERE id = ?1 AND generation = ?2 RETURNING repository_id",
            params![commit.upload.to_string(), commit.generation],
        )
        .await?;
    let Some(ended) = ended else { return Ok(false) };
    let object_key = commit.object.key;
    let kept = store(tx, commit.digest, commit.size, object_key, commit.now).await?;
    if kept != object_key {
        review::doom(tx, object_key, "", commit.now).await?;
    }
    for superseded in &commit.object.superseded {
        review::doom(tx, *superseded, "", commit.now).await?;
    }
    review::link(tx, ended.integer(0)?, commit.digest, commit.hold_until).await?;
    Ok(true)
}

/// Makes the content known, and returns the key to read it under: the one it had, if it had one.
pub(super) async fn store(
    tx: &mut Transaction<'_>,
    digest: Digest,
    size: u64,
    object_key: ObjectKey,
    now: Timestamp,
) -> Result<ObjectKey> {
    let row = tx
        .row(
            "INSERT INTO blobs (digest, size, object_key, created_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (digest) DO UPDATE SET object_key = COALESCE(blobs.object_key, excluded.object_key)
             RETURNING object_key",
            params![digest, size, object_key, now],
        )
        .await?;
    row.map_or(Ok(object_key), |row| row.object_key(0))
}
