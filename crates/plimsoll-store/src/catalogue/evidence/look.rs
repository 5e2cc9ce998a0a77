//! Looking things up in the evidence graph.

use futures_util::FutureExt as _;
use plimsoll_oci::{Algorithm, Digest, Hasher, RepositoryName};

use super::{EdgeKind, FactToNote, Held, Node, NotedFact};
use crate::Timestamp;
use crate::catalogue::Catalogue;
use crate::catalogue::sql::{Result, Row, Transaction, json_list, params};

/// Everything that the graph holds, but for the numbers that its rows happen to have.
const FINGERPRINTED: [&str; 3] = [
    "SELECT manifest, part, layer, subject, predicate_type, is_signed, key_id, summary, problem, stated_at, valid_from,
         valid_until, observed_at, leaf, retraction FROM facts ORDER BY manifest, part",
    "SELECT manifest, part, source, kind, target FROM evidence_edges LEFT JOIN facts ON facts.id = fact
     ORDER BY source, kind, target, manifest, part",
    "SELECT repository, image, place, begun_at, ended_at, told_by, told_at, leaf FROM runs
     ORDER BY repository, image, place, begun_at",
];

impl Catalogue {
    /// The facts about an image that a repository holds, and those that were deleted wherever they were; at most `limit`,
    /// in the order of the log. The image itself need not be there.
    pub async fn facts_about(
        &self,
        repository: &RepositoryName,
        subject: Digest,
        limit: usize,
    ) -> Result<Vec<NotedFact>> {
        self.read((repository.clone(), subject, limit), |tx, (repository, subject, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT facts.manifest, part, layer, subject, predicate_type, is_signed, key_id, summary,
                             problem, stated_at, valid_from, valid_until, observed_at,
                             logged.leaf_index, retracted.leaf_index
                         FROM facts
                         LEFT JOIN log_entries AS logged ON logged.leaf_hash = leaf
                         LEFT JOIN log_entries AS retracted ON retracted.leaf_hash = retraction
                         WHERE subject = ?2 AND (layer IS NULL OR EXISTS
                             (SELECT 1 FROM manifests JOIN repositories ON repositories.id = manifests.repository_id
                              WHERE manifests.digest = facts.manifest AND repositories.name = ?1))
                         ORDER BY COALESCE(logged.leaf_index, 9223372036854775807), facts.manifest, part
                         LIMIT ?3",
                        params![repository, *subject, *limit],
                    )
                    .await?;
                let size = published(tx).await?;
                rows.iter().map(|row| noted_fact(row, size)).collect()
            }
            .boxed()
        })
        .await
    }

    /// The facts that a repository holds, and those about its images that were deleted, after the fact `last` (manifest
    /// and part), at most `limit`, in the order of their manifests.
    pub async fn facts_of(
        &self,
        repository: &RepositoryName,
        last: Option<(Digest, u32)>,
        limit: usize,
    ) -> Result<Vec<NotedFact>> {
        self.read((repository.clone(), last, limit), |tx, (repository, last, limit)| {
            async move {
                let (manifest, part) = last.map_or_else(
                    || (String::new(), -1),
                    |(manifest, part)| (manifest.to_string(), i64::from(part)),
                );
                let rows = tx
                    .rows(
                        // Two ways in, each by an index and no longer than the page: what the repository holds, and what
                        // is left of the deleted facts about its images.
                        "WITH page AS (
                             SELECT * FROM (SELECT facts.id, facts.manifest, part FROM repositories
                                 JOIN manifests ON manifests.repository_id = repositories.id
                                 JOIN facts ON facts.manifest = manifests.digest
                                 WHERE repositories.name = ?1 AND manifests.digest >= ?2 AND facts.manifest >= ?2
                                     AND (facts.manifest > ?2 OR part > ?3)
                                 ORDER BY manifests.digest, part LIMIT ?4) AS held
                             UNION
                             SELECT * FROM (SELECT facts.id, facts.manifest, part FROM repositories
                                 JOIN manifests ON manifests.repository_id = repositories.id
                                 JOIN facts ON facts.subject = manifests.digest
                                 WHERE repositories.name = ?1 AND facts.layer IS NULL
                                     AND (facts.manifest > ?2 OR (facts.manifest = ?2 AND part > ?3))
                                 ORDER BY facts.manifest, part LIMIT ?4) AS deleted)
                         SELECT facts.manifest, facts.part, layer, subject, predicate_type, is_signed, key_id, summary,
                             problem, stated_at, valid_from, valid_until, observed_at,
                             logged.leaf_index, retracted.leaf_index
                         FROM page JOIN facts ON facts.id = page.id
                         LEFT JOIN log_entries AS logged ON logged.leaf_hash = leaf
                         LEFT JOIN log_entries AS retracted ON retracted.leaf_hash = retraction
                         ORDER BY facts.manifest, facts.part LIMIT ?4",
                        params![repository, manifest, part, *limit],
                    )
                    .await?;
                let size = published(tx).await?;
                rows.iter().map(|row| noted_fact(row, size)).collect()
            }
            .boxed()
        })
        .await
    }

    /// What leads to a node by edges of this kind, at most `limit`.
    pub async fn edges_to(&self, target: &Node, kind: EdgeKind, limit: usize) -> Result<Vec<Node>> {
        self.read((target.to_string(), kind, limit), |tx, (target, kind, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT DISTINCT source FROM evidence_edges WHERE target = ?1 AND kind = ?2
                         ORDER BY source LIMIT ?3",
                        params![target, kind.as_str(), *limit],
                    )
                    .await?;
                rows.iter().map(|row| row.parsed(0, "node of the evidence graph")).collect()
            }
            .boxed()
        })
        .await
    }

    /// A digest of the whole graph. Two graphs with the same one give the same answers.
    pub async fn evidence_fingerprint(&self) -> Result<Digest> {
        self.read((), |tx, ()| {
            async move {
                tx.see_one_moment().await?;
                let mut hasher = Hasher::new(Algorithm::Sha256);
                for table in FINGERPRINTED {
                    let take = |row: Row| {
                        hasher.update(format!("{row:?}\n").as_bytes());
                        true
                    };
                    tx.each_row(table, take).await?;
                }
                Ok(hasher.finish())
            }
            .boxed()
        })
        .await
    }

    /// Where manifests or configs with these digests are: a container is known by either.
    pub async fn images_by_any_digest(&self, digests: &[Digest], limit: usize) -> Result<Vec<Held>> {
        self.read((json_list(digests), limit), |tx, (digests, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT repositories.name, manifests.digest FROM manifests
                         JOIN repositories ON repositories.id = manifests.repository_id
                         WHERE manifests.digest IN (SELECT value FROM json_each(?1))
                         UNION
                         SELECT repositories.name, manifest_blobs.manifest FROM repository_blobs
                         JOIN repositories ON repositories.id = repository_blobs.repository_id
                         JOIN manifest_blobs ON manifest_blobs.repository_id = repository_blobs.repository_id
                             AND manifest_blobs.blob = repository_blobs.digest
                         JOIN manifests ON manifests.repository_id = manifest_blobs.repository_id
                             AND manifests.digest = manifest_blobs.manifest
                         WHERE repository_blobs.digest IN (SELECT value FROM json_each(?1))
                             AND manifests.subject IS NULL
                         ORDER BY 1, 2 LIMIT ?2",
                        params![digests, *limit],
                    )
                    .await?;
                rows.iter().map(held).collect()
            }
            .boxed()
        })
        .await
    }

    /// When the registry got a manifest first.
    pub async fn first_pushed_at(&self, manifest: Digest) -> Result<Option<Timestamp>> {
        self.read(manifest, |tx, manifest| {
            async move {
                let sql = "SELECT MIN(pushed_at) FROM manifests WHERE digest = ?1";
                let row = tx.row(sql, params![*manifest]).await?;
                row.map_or(Ok(None), |row| row.optional(0, Row::timestamp))
            }
            .boxed()
        })
        .await
    }
}

/// How many leaves are published: what is behind them is not told yet.
pub(super) async fn published(tx: &mut Transaction<'_>) -> Result<u64> {
    let sql = "SELECT COALESCE(MAX(size), 0) FROM log_checkpoints WHERE record_key IS NOT NULL";
    tx.row(sql, &[]).await?.map_or(Ok(0), |row| row.size(0))
}

fn noted_fact(row: &Row, published: u64) -> Result<NotedFact> {
    let text = |column| row.optional(column, |row, column| row.text(column).map(str::to_owned));
    let index = |column| -> Result<Option<u64>> {
        let index = row.optional(column, Row::size)?;
        Ok(index.filter(|index| *index < published))
    };
    let fact = FactToNote {
        part: row.small(1)?,
        layer: row.optional(2, Row::digest)?,
        subject: row.optional(3, Row::digest)?,
        predicate_type: text(4)?,
        is_signed: row.integer(5)? != 0,
        key_id: text(6)?,
        summary: row.text(7)?.to_owned(),
        problem: text(8)?,
        stated_at: row.optional(9, Row::timestamp)?,
        valid_from: row.optional(10, Row::timestamp)?,
        valid_until: row.optional(11, Row::timestamp)?,
        edges: Vec::new(),
    };
    Ok(NotedFact {
        manifest: row.digest(0)?,
        fact,
        observed_at: row.optional(12, Row::timestamp)?,
        log_index: index(13)?,
        retracted_at_index: index(14)?,
    })
}

fn held(row: &Row) -> Result<Held> {
    Ok(Held { repository: row.parsed(0, "repository name")?, manifest: row.digest(1)? })
}
