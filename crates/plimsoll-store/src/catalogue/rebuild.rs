//! What rebuilding the catalogue from the objects needs beyond the ordinary operations.

use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName};

use crate::Timestamp;
use crate::objects::ObjectKey;

use super::sql::{Result, Row, params};
use super::{Catalogue, blobs, repositories, review};

impl Catalogue {
    /// Makes content known whose bytes were found in the storage. A second object with the same bytes is doomed.
    pub async fn adopt_blob(&self, digest: Digest, size: u64, key: ObjectKey, now: Timestamp) -> Result<()> {
        self.write((digest, size, key, now), |tx, (digest, size, key, now)| {
            async move {
                let kept = blobs::store(tx, *digest, *size, *key, *now).await?;
                if kept != *key {
                    review::doom(tx, *key, "", *now).await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await
    }

    /// Shows contents that are known in a repository, as the blobs of a manifest that is about to be put there.
    pub async fn adopt_links(
        &self,
        repository: &RepositoryName,
        digests: Vec<Digest>,
        hold_until: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        self.write(
            (repository.clone(), digests, hold_until, now),
            |tx, (repository, digests, hold_until, now)| {
                async move {
                    let repository = repositories::ensure(tx, repository, *now).await?;
                    for digest in digests {
                        let known = tx.row("SELECT 1 FROM blobs WHERE digest = ?1", params![digest]).await?;
                        if known.is_some() {
                            review::link(tx, repository, *digest, *hold_until).await?;
                        }
                    }
                    Ok(())
                }
                .boxed()
            },
        )
        .await
    }

    /// Dooms contents that no repository holds, once everything that was journalled is played again.
    pub async fn doom_unheld_blobs(&self, now: Timestamp) -> Result<u64> {
        self.write(now, |tx, now| {
            async move {
                let unheld = tx
                    .rows(
                        "DELETE FROM blobs WHERE NOT EXISTS
                             (SELECT 1 FROM repository_blobs WHERE repository_blobs.digest = blobs.digest)
                         RETURNING object_key",
                        &[],
                    )
                    .await?;
                for row in &unheld {
                    if let Some(object_key) = row.optional(0, Row::object_key)? {
                        review::doom(tx, object_key, "", *now).await?;
                    }
                }
                Ok(unheld.len() as u64)
            }
            .boxed()
        })
        .await
    }

    /// Whether the catalogue holds no content and no manifest, so that it can be rebuilt or restored into.
    pub async fn is_empty(&self) -> Result<bool> {
        self.read((), |tx, ()| {
            async move {
                let row = tx
                    .row(
                        "SELECT 1 WHERE EXISTS (SELECT 1 FROM blobs) OR EXISTS (SELECT 1 FROM repositories)",
                        &[],
                    )
                    .await?;
                Ok(row.is_none())
            }
            .boxed()
        })
        .await
    }
}
