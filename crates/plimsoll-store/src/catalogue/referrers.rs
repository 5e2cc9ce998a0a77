use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName};

use super::manifests::stored_manifest;
use super::sql::{Result, params};
use super::{Catalogue, StoredManifest};

impl Catalogue {
    /// The manifests of a repository that refer to `subject`, in order of their digests, after `last`, at most `limit`.
    pub async fn list_referrers(
        &self,
        repository: &RepositoryName,
        subject: Digest,
        artifact_type: Option<&str>,
        last: Option<Digest>,
        limit: usize,
    ) -> Result<Vec<StoredManifest>> {
        let input = (repository.clone(), subject, artifact_type.map(str::to_owned), last, limit);
        self.read(input, |tx, (repository, subject, artifact_type, last, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT digest, media_type, subject, bytes FROM manifests
                         WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND subject = ?2
                         AND (?3 = '' OR artifact_type = ?3) AND digest > ?4
                         ORDER BY digest LIMIT ?5",
                        params![
                            repository,
                            subject,
                            artifact_type.as_deref().unwrap_or(""),
                            last.map_or(String::new(), |last| last.to_string()),
                            *limit
                        ],
                    )
                    .await?;
                rows.into_iter().map(stored_manifest).collect()
            }
            .boxed()
        })
        .await
    }
}
