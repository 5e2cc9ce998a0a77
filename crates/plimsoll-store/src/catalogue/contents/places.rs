use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName, Tag};

use crate::catalogue::Catalogue;
use crate::catalogue::manifests::{StoredManifest, stored_manifest};
use crate::catalogue::sql::{Result, Transaction, params};
use crate::objects::ObjectKey;

/// Manifests that are looked for with one statement.
const MANIFESTS_AT_A_TIME: usize = 500;

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImagePlace {
    /// Its manifest.
    pub manifest: Digest,
    /// A repository that holds it.
    pub repository: RepositoryName,
    /// The tags there that point at it.
    pub tags: Vec<Tag>,
}

impl Catalogue {
    /// Where images are: each repository that holds one, with its tags there.
    pub async fn places_of_images(&self, manifests: Vec<Digest>) -> Result<Vec<ImagePlace>> {
        self.read(manifests, |tx, manifests| places(tx, manifests).boxed()).await
    }

    /// The bytes of a manifest, whichever repository holds it.
    pub async fn manifest_anywhere(&self, digest: Digest) -> Result<Option<StoredManifest>> {
        self.read(digest, |tx, digest| {
            async move {
                let row = tx
                    .row(
                        "SELECT digest, media_type, subject, bytes FROM manifests WHERE digest = ?1 LIMIT 1",
                        params![*digest],
                    )
                    .await?;
                row.map(stored_manifest).transpose()
            }
            .boxed()
        })
        .await
    }

    /// A blob, whichever repository holds it: its object and its length.
    pub async fn blob_anywhere(&self, digest: Digest) -> Result<Option<(ObjectKey, u64)>> {
        self.read(digest, |tx, digest| {
            async move {
                let row = tx
                    .row(
                        "SELECT object_key, size FROM blobs WHERE digest = ?1 AND object_key IS NOT NULL",
                        params![*digest],
                    )
                    .await?;
                row.map(|row| Ok((row.object_key(0)?, row.size(1)?))).transpose()
            }
            .boxed()
        })
        .await
    }
}

async fn places(tx: &mut Transaction<'_>, manifests: &[Digest]) -> Result<Vec<ImagePlace>> {
    let mut places: Vec<ImagePlace> = Vec::new();
    for some in manifests.chunks(MANIFESTS_AT_A_TIME) {
        let rows = tx
            .rows(
                "SELECT manifests.digest, repositories.name, tags.name FROM manifests
                 JOIN repositories ON repositories.id = manifests.repository_id
                 LEFT JOIN tags ON tags.repository_id = manifests.repository_id AND tags.digest = manifests.digest
                 WHERE manifests.digest IN (SELECT value FROM json_each(?1)) ORDER BY 1, 2, 3",
                params![serde_json::json!(some).to_string()],
            )
            .await?;
        for row in rows {
            let manifest = row.digest(0)?;
            let repository: RepositoryName = row.parsed(1, "repository name")?;
            let tag: Option<Tag> = row.optional(2, |row, column| row.parsed(column, "tag"))?;
            let is_next =
                |place: &&mut ImagePlace| (place.manifest, &place.repository) == (manifest, &repository);
            match places.last_mut().filter(is_next) {
                Some(place) => place.tags.extend(tag),
                None => places.push(ImagePlace { manifest, repository, tags: tag.into_iter().collect() }),
            }
        }
    }
    Ok(places)
}
