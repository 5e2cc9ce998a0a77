//! What the history of an image line is told from: the images of a repository in the order in which they came, the tags
//! that ever pointed at something, and which events told of a vulnerability first.

use bytes::Bytes;
use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName, Tag};

use crate::Timestamp;

use super::Catalogue;
use super::sql::{Result, Row, json_list, params};

/// Digests that are looked for with one statement.
const DIGESTS_AT_A_TIME: usize = 500;

/// An image that a repository holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldImage {
    /// Its manifest's digest.
    pub digest: Digest,
    /// Its manifest.
    pub manifest: Bytes,
    /// When it was pushed there.
    pub pushed_at: Timestamp,
    /// What is noted of its contents; none while they are being found out.
    pub noted: Option<NotedContents>,
}

/// A manifest of a repository that carries statements about another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldEvidence {
    /// Its digest.
    pub digest: Digest,
    /// What it is about.
    pub subject: Digest,
    /// Its bytes.
    pub manifest: Bytes,
    /// When it was pushed there.
    pub pushed_at: Timestamp,
}

/// That an image's contents are noted, without them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedContents {
    /// The version of the analyser.
    pub analyser: u32,
    /// When.
    pub analysed_at: Timestamp,
    /// Why they are not known.
    pub failure: Option<String>,
}

/// That a tag pointed at something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointedAt {
    /// At what.
    pub digest: Digest,
    /// The repository.
    pub repository: RepositoryName,
    /// The tag.
    pub tag: Tag,
    /// From when on, the first time.
    pub since: Timestamp,
}

/// An event that told of a vulnerability in a component that had it not before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstTold {
    /// The event's number.
    pub number: i64,
    /// When it was told.
    pub told_at: Timestamp,
    /// The component.
    pub component: u32,
}

impl Catalogue {
    /// The container images of a repository, the newest first, at most `limit`.
    pub async fn images_of_repository(
        &self,
        repository: &RepositoryName,
        limit: usize,
    ) -> Result<Vec<HeldImage>> {
        self.read((repository.clone(), limit), |tx, (repository, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT digest, bytes, pushed_at, analyser, analysed_at, failure FROM manifests
                         LEFT JOIN image_contents ON image_contents.manifest = manifests.digest
                         WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1)
                         AND artifact_type IN ('application/vnd.oci.image.config.v1+json',
                                               'application/vnd.docker.container.image.v1+json')
                         ORDER BY pushed_at DESC, digest LIMIT ?2",
                        params![repository, *limit],
                    )
                    .await?;
                rows.into_iter().map(held_image).collect()
            }
            .boxed()
        })
        .await
    }

    /// The manifests of one artifact type that refer to others in a repository, the oldest first, at most `limit`.
    pub async fn evidence_of_repository(
        &self,
        repository: &RepositoryName,
        artifact_type: &str,
        limit: usize,
    ) -> Result<Vec<HeldEvidence>> {
        let input = (repository.clone(), artifact_type.to_owned(), limit);
        self.read(input, |tx, (repository, artifact_type, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT digest, subject, bytes, pushed_at FROM manifests
                         WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1)
                         AND subject IS NOT NULL AND artifact_type = ?2 ORDER BY pushed_at, digest LIMIT ?3",
                        params![repository, artifact_type, *limit],
                    )
                    .await?;
                rows.into_iter().map(held_evidence).collect()
            }
            .boxed()
        })
        .await
    }

    /// The tags that point at one of these manifests or ever did, in whatever repository.
    pub async fn tags_that_pointed_at(&self, digests: Vec<Digest>) -> Result<Vec<PointedAt>> {
        self.read(digests, |tx, digests| {
            async move {
                let mut pointed = Vec::new();
                for some in digests.chunks(DIGESTS_AT_A_TIME) {
                    let rows = tx
                        .rows(
                            "SELECT digest, repositories.name, tag, MIN(moved_at) FROM tag_history
                             JOIN repositories ON repositories.id = tag_history.repository_id
                             WHERE digest IN (SELECT value FROM json_each(?1))
                             GROUP BY digest, repositories.name, tag ORDER BY 1, 2, 3",
                            params![json_list(some)],
                        )
                        .await?;
                    for row in &rows {
                        pointed.push(pointed_at(row)?);
                    }
                }
                Ok(pointed)
            }
            .boxed()
        })
        .await
    }

    /// The first events by which a vulnerability appeared in components, by any of its ids, at most `limit`.
    pub async fn first_told_of(&self, ids: Vec<String>, limit: usize) -> Result<Vec<FirstTold>> {
        self.read((ids, limit), |tx, (ids, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT events.id, told_at, component FROM events
                         JOIN advisory_changes ON advisory_changes.id = events.change
                         WHERE vulnerability IN (SELECT value FROM json_each(?1)) AND kind = 'appeared'
                         AND told_at IS NOT NULL AND component IS NOT NULL ORDER BY events.id LIMIT ?2",
                        params![serde_json::json!(ids).to_string(), *limit],
                    )
                    .await?;
                rows.iter().map(first_told).collect()
            }
            .boxed()
        })
        .await
    }
}

fn held_image(mut row: Row) -> Result<HeldImage> {
    let noted = match row.optional(3, Row::small)? {
        None => None,
        Some(analyser) => Some(NotedContents {
            analyser,
            analysed_at: row.timestamp(4)?,
            failure: row.optional(5, Row::text)?.map(str::to_owned),
        }),
    };
    let manifest = row.take_bytes(1)?.into();
    Ok(HeldImage { digest: row.digest(0)?, manifest, pushed_at: row.timestamp(2)?, noted })
}

fn held_evidence(mut row: Row) -> Result<HeldEvidence> {
    let manifest = row.take_bytes(2)?.into();
    Ok(HeldEvidence {
        digest: row.digest(0)?,
        subject: row.digest(1)?,
        manifest,
        pushed_at: row.timestamp(3)?,
    })
}

fn pointed_at(row: &Row) -> Result<PointedAt> {
    Ok(PointedAt {
        digest: row.digest(0)?,
        repository: row.parsed(1, "repository name")?,
        tag: row.parsed(2, "tag")?,
        since: row.timestamp(3)?,
    })
}

fn first_told(row: &Row) -> Result<FirstTold> {
    Ok(FirstTold { number: row.integer(0)?, told_at: row.timestamp(1)?, component: row.small(2)? })
}
