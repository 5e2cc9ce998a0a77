use futures_util::FutureExt as _;
use plimsoll_oci::RepositoryName;

use crate::Timestamp;

use super::Catalogue;
use super::sql::{Result, Transaction, params};

impl Catalogue {
    /// The names of repositories that hold a manifest, in order, after `last`, at most `limit`.
    pub async fn list_repositories(&self, last: Option<String>, limit: usize) -> Result<Vec<RepositoryName>> {
        self.read((last, limit), |tx, (last, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT name FROM repositories
                         WHERE name > ?1
                         AND EXISTS (SELECT 1 FROM manifests WHERE manifests.repository_id = repositories.id)
                         ORDER BY name LIMIT ?2",
                        params![last.as_deref().unwrap_or(""), *limit],
                    )
                    .await?;
                rows.iter().map(|row| row.parsed(0, "repository name")).collect()
            }
            .boxed()
        })
        .await
    }
}

/// The id of a repository, if it is known.
pub(super) async fn find(tx: &mut Transaction<'_>, name: &RepositoryName) -> Result<Option<i64>> {
    let row = tx.row("SELECT id FROM repositories WHERE name = ?1", params![name]).await?;
    row.map(|row| row.integer(0)).transpose()
}

/// The name of a repository.
pub(super) async fn name(tx: &mut Transaction<'_>, id: i64) -> Result<RepositoryName> {
    let row = tx.row("SELECT name FROM repositories WHERE id = ?1", params![id]).await?;
    let unknown = || super::CatalogueError::Damaged { what: "repository", found: id.to_string() };
    row.ok_or_else(unknown)?.parsed(0, "repository name")
}

/// The id of a repository, which is made known if it was not.
pub(super) async fn ensure(tx: &mut Transaction<'_>, name: &RepositoryName, now: Timestamp) -> Result<i64> {
    if let Some(id) = find(tx, name).await? {
        return Ok(id);
    }
    tx.execute(
        "INSERT INTO repositories (name, created_at) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
        params![name, now],
    )
    .await?;
    let id = find(tx, name).await?;
    id.ok_or_else(|| super::CatalogueError::Damaged { what: "repository", found: name.to_string() })
}
