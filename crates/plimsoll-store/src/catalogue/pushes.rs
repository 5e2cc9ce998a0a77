use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName};

use super::Catalogue;
use super::sql::{Result, params};
use crate::Timestamp;

/// When a manifest came into a repository, and who brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPush {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
}

impl Catalogue {
    /// The push that brought a manifest into a repository: the first one, since later ones change nothing.
    pub async fn find_push(&self, repository: &RepositoryName, digest: Digest) -> Result<Option<StoredPush>> {
        self.read((repository.clone(), digest), |tx, (repository, digest)| {
            async move {
                let row = tx
                    .row(
                        "SELECT manifests.pushed_at, manifests.pushed_by FROM repositories
                         JOIN manifests ON manifests.repository_id = repositories.id
                         WHERE repositories.name = ?1 AND manifests.digest = ?2",
                        params![repository, digest],
                    )
                    .await?;
                row.map(|row| Ok(StoredPush { at: row.timestamp(0)?, by: row.text(1)?.to_owned() }))
                    .transpose()
            }
            .boxed()
        })
        .await
    }
}
