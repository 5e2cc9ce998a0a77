use std::fmt;
use std::str::FromStr;

use futures_util::FutureExt as _;
use plimsoll_oci::{Algorithm, HasherState, RepositoryName};
use uuid::Uuid;

use crate::Timestamp;
use crate::objects::{ObjectKey, SuspendedObject};

use super::sql::{CatalogueError, Result, Transaction, params};
use super::{Catalogue, repositories, review};

/// The name of an upload session, as it stands in its location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UploadId(Uuid);

impl UploadId {
    /// A name that nobody can guess.
    pub fn fresh() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for UploadId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// An upload session: everything that a replica or a later process needs to go on with it.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its name.
    pub id: UploadId,
    /// The repository it belongs to.
    pub repository: RepositoryName,
    /// The object its bytes go to.
    pub object_key: ObjectKey,
    /// How far the object got. Its length is the number of bytes received.
    pub object: SuspendedObject,
    /// The hash of those bytes so far.
    pub hash: HasherState,
    /// How often the session was taken up. Each request that takes it up shuts out the ones before.
    pub generation: i64,
    /// When it is given up.
    pub expires_at: Timestamp,
}

impl Catalogue {
    /// Begins an upload session.
    pub async fn begin_upload(&self, upload: Upload, now: Timestamp) -> Result<()> {
        self.write_soft((upload, now), |tx, (upload, now)| begin(tx, upload, *now).boxed()).await
    }

    /// Looks up an upload session of a repository.
    pub async fn find_upload(&self, repository: &RepositoryName, id: UploadId) -> Result<Option<Upload>> {
        self.read((repository.clone(), id), |tx, (repository, id)| find(tx, repository, *id).boxed()).await
    }

    /// Takes up an upload session, so that only the taker's progress counts from now on. A session without bytes that was
    /// taken up before goes on with the object key `fresh`: whoever had it may still write to the old one.
    pub async fn take_up_upload(
        &self,
        repository: &RepositoryName,
        id: UploadId,
        fresh: ObjectKey,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Upload>> {
        let input = (repository.clone(), id, fresh, expires_at, now);
        self.write_soft(input, |tx, (repository, id, fresh, expires_at, now)| {
            async move {
                let taken = "UPDATE uploads SET generation = generation + 1, expires_at = ?2 WHERE id = ?1";
                tx.execute(taken, params![id.to_string(), *expires_at]).await?;
                let Some(mut upload) = find(tx, repository, *id).await? else { return Ok(None) };
                if upload.object.length == 0 && upload.generation > 1 {
                    review::doom(tx, upload.object_key, "", *now).await?;
                    let moved = "UPDATE uploads SET object_key = ?2 WHERE id = ?1";
                    tx.execute(moved, params![id.to_string(), *fresh]).await?;
                    upload.object_key = *fresh;
                }
                Ok(Some(upload))
            }
            .boxed()
        })
        .await
    }

    /// How often an upload session was taken up, if it still exists.
    pub async fn upload_generation(&self, id: UploadId) -> Result<Option<i64>> {
        self.read(id, |tx, id| {
            async move {
                let row =
                    tx.row("SELECT generation FROM uploads WHERE id = ?1", params![id.to_string()]).await?;
                row.map(|row| row.integer(0)).transpose()
            }
            .boxed()
        })
        .await
    }

    /// Notes how far an upload session got. Returns `false`, and does nothing, when another request has taken it up.
    pub async fn advance_upload(&self, upload: Upload, now: Timestamp) -> Result<bool> {
        self.write_soft((upload, now), |tx, (upload, now)| advance(tx, upload, *now).boxed()).await
    }

    /// Ends an upload session whose bytes are not wanted; with a generation, only if nobody has taken it up since.
    /// Returns `false`, and does nothing, if there is none.
    pub async fn cancel_upload(
        &self,
        repository: &RepositoryName,
        id: UploadId,
        generation: Option<i64>,
        now: Timestamp,
    ) -> Result<bool> {
        self.write_soft((repository.clone(), id, generation, now), |tx, (repository, id, generation, now)| {
            async move {
                // The row is what decides: a commit that came first has taken it, and with it the object.
                let ended = tx
                    .row(
                        "DELETE FROM uploads
                         WHERE id = ?1 AND repository_id = (SELECT id FROM repositories WHERE name = ?2)
                         AND (?3 < 0 OR generation = ?3)
                         RETURNING object_key, object_state",
                        params![id.to_string(), repository, generation.unwrap_or(-1)],
                    )
                    .await?;
                let Some(ended) = ended else { return Ok(false) };
                review::doom(tx, ended.object_key(0)?, ended.text(1)?, *now).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    /// How many upload sessions are open, and how many bytes they have received.
    pub async fn open_uploads(&self) -> Result<(u64, u64)> {
        self.read((), |tx, ()| {
            async move {
                let row = tx
                    .row("SELECT COUNT(*), CAST(COALESCE(SUM(received), 0) AS BIGINT) FROM uploads", &[])
                    .await?;
                let row = row.ok_or(CatalogueError::Damaged { what: "count", found: "nothing".into() })?;
                Ok((row.size(0)?, row.size(1)?))
            }
            .boxed()
        })
        .await
    }
}

fn state_text(object: &SuspendedObject) -> Result<String> {
    serde_json::to_string(object)
        .map_err(|error| CatalogueError::Damaged { what: "object state", found: error.to_string() })
}

async fn begin(tx: &mut Transaction<'_>, upload: &Upload, now: Timestamp) -> Result<()> {
    let repository = repositories::ensure(tx, &upload.repository, now).await?;
    tx.execute(
        "INSERT INTO uploads
             (id, repository_id, object_key, received, object_state, algorithm, hash_state, generation, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            upload.id.to_string(),
            repository,
            upload.object_key,
            upload.object.length,
            state_text(&upload.object)?,
            upload.hash.algorithm.name(),
            upload.hash.bytes.as_slice(),
            upload.generation,
            upload.expires_at,
        ],
    )
    .await?;
    Ok(())
}

async fn find(tx: &mut Transaction<'_>, repository: &RepositoryName, id: UploadId) -> Result<Option<Upload>> {
    let row = tx
        .row(
            "SELECT object_key, object_state, algorithm, hash_state, generation, expires_at FROM uploads
             WHERE id = ?1 AND repository_id = (SELECT id FROM repositories WHERE name = ?2)",
            params![id.to_string(), repository],
        )
        .await?;
    let Some(mut row) = row else { return Ok(None) };
    let algorithm: Algorithm = row.parsed(2, "digest algorithm")?;
    Ok(Some(Upload {
        id,
        repository: repository.clone(),
        object_key: row.object_key(0)?,
        object: row.json(1, "object state")?,
        hash: HasherState { algorithm, bytes: row.take_bytes(3)? },
        generation: row.integer(4)?,
        expires_at: row.timestamp(5)?,
    }))
}

async fn advance(tx: &mut Transaction<'_>, upload: &Upload, now: Timestamp) -> Result<bool> {
    let advanced = tx
        .execute(
            "UPDATE uploads
             SET received = ?3, object_state = ?4, algorithm = ?5, hash_state = ?6, expires_at = ?7
             WHERE id = ?1 AND generation = ?2",
            params![
                upload.id.to_string(),
                upload.generation,
                upload.object.length,
                state_text(&upload.object)?,
                upload.hash.algorithm.name(),
                upload.hash.bytes.as_slice(),
                upload.expires_at,
            ],
        )
        .await?;
    if advanced == 1 {
        for superseded in &upload.object.superseded {
            review::doom(tx, *superseded, "", now).await?;
        }
    }
    Ok(advanced == 1)
}
