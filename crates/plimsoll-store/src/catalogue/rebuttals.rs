use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName};

use super::Catalogue;
use super::sql::{Result, Row, params};

/// A rejection or revocation that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuttal {
    /// Where the image is that it is about.
    pub repository: RepositoryName,
    /// The image.
    pub image: Digest,
    /// The digest of its bundle.
    pub bundle: Digest,
    /// The bundle.
    pub json: String,
}

impl Catalogue {
    /// Keeps a rejection or revocation. One that is kept already stays as it is.
    pub async fn keep_rebuttal(&self, rebuttal: Rebuttal) -> Result<()> {
        self.write(rebuttal, |tx, rebuttal| {
            async move {
                let sql = "INSERT INTO rebuttals (repository, image, bundle, json) VALUES (?1, ?2, ?3, ?4)
                           ON CONFLICT (repository, image, bundle) DO NOTHING";
                let Rebuttal { repository, image, bundle, json } = rebuttal;
                tx.execute(sql, params![repository, image, bundle, json]).await.map(drop)
            }
            .boxed()
        })
        .await
    }

    /// What was kept about an image.
    pub async fn rebuttals(&self, repository: &RepositoryName, image: Digest) -> Result<Vec<Rebuttal>> {
        self.read((repository.clone(), image), |tx, (repository, image)| {
            async move {
                let sql =
                    "SELECT bundle, json FROM rebuttals WHERE repository = ?1 AND image = ?2 ORDER BY bundle";
                let rebuttal = |row: &Row| {
                    let (bundle, json) = (row.digest(0)?, row.text(1)?.to_owned());
                    Ok(Rebuttal { repository: repository.clone(), image: *image, bundle, json })
                };
                tx.rows(sql, params![repository, *image]).await?.iter().map(rebuttal).collect()
            }
            .boxed()
        })
        .await
    }
}
