use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName};

use super::Catalogue;
use super::sql::{Result, Transaction, params};

impl Catalogue {
    /// The images of a repository for which exceptions were granted, at most `limit`.
    pub async fn subjects_of_exceptions(
        &self,
        repository: &RepositoryName,
        limit: usize,
    ) -> Result<Vec<Digest>> {
        self.read((repository.clone(), limit), |tx, (repository, limit)| {
            async move {
                let sql = "SELECT DISTINCT subject FROM exceptions
                           WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1)
                           ORDER BY subject LIMIT ?2";
                tx.rows(sql, params![repository, *limit]).await?.iter().map(|row| row.digest(0)).collect()
            }
            .boxed()
        })
        .await
    }
}

/// Notes that a manifest says to carry an exception.
pub(super) async fn note(
    tx: &mut Transaction<'_>,
    repository: i64,
    manifest: Digest,
    subject: Digest,
) -> Result<()> {
    let sql = "INSERT INTO exceptions (repository_id, manifest, subject) VALUES (?1, ?2, ?3)
               ON CONFLICT (repository_id, manifest) DO NOTHING";
    tx.execute(sql, params![repository, manifest, subject]).await.map(drop)
}

/// Forgets a manifest that is deleted.
pub(super) async fn forget(tx: &mut Transaction<'_>, repository: i64, manifest: Digest) -> Result<()> {
    let sql = "DELETE FROM exceptions WHERE repository_id = ?1 AND manifest = ?2";
    tx.execute(sql, params![repository, manifest]).await.map(drop)
}
