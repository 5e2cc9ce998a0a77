//! Verdicts by the rules of projects: which images are to be judged again, and what was last told of them.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName, Tag};

use super::Catalogue;
use super::log::Event;
use super::sql::{CatalogueError, Result, Row, Transaction, params};
use crate::Timestamp;

/// What was told of an image: at each gate it passes, the policy by which it does. The gate without a name is all of
/// them together.
pub type ToldVerdicts = BTreeMap<String, Digest>;

/// An image that is to be judged again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueVerdict {
    /// Where it is.
    pub repository: RepositoryName,
    /// Which it is.
    pub digest: Digest,
    /// Since when.
    pub due_at: Timestamp,
    /// What was told of it.
    pub told: ToldVerdicts,
}

/// A new verdict on an image that was due.
#[derive(Clone, Debug)]
pub struct TellVerdict {
    /// The image, as it was handed out.
    pub due: DueVerdict,
    /// What holds now.
    pub holds: ToldVerdicts,
    /// When to judge it again, if nothing happens before.
    pub next_at: Option<Timestamp>,
    /// Who judged.
    pub by: String,
    /// When.
    pub now: Timestamp,
}

/// A tagged image that does not pass a gate, as far as was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LackingImage {
    /// Where it is.
    pub repository: RepositoryName,
    /// The tag that points at it.
    pub tag: Tag,
    /// Which it is.
    pub digest: Digest,
    /// Since when it waits to be judged again, if it does.
    pub due_at: Option<Timestamp>,
}

/// An image that was told to run and does not pass a gate, as far as was told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LackingRun {
    /// The repository that the run was told to.
    pub repository: RepositoryName,
    /// The image, by the digest that it was told by: of its manifest, config or index.
    pub image: Digest,
    /// Where it runs.
    pub place: String,
    /// Since when.
    pub begun_at: Timestamp,
}

impl Catalogue {
    /// The runs after `last` that have not ended, of images of which it was not told that they pass a gate; at most
    /// `limit`, in the order of their repositories, images and places. An image that is known by its config passes if a
    /// manifest with that config does: it is the same content. Whether the repository has such a gate is for the caller to
    /// know.
    pub async fn runs_lacking(
        &self,
        gate: &str,
        last: Option<LackingRun>,
        limit: usize,
    ) -> Result<Vec<LackingRun>> {
        self.read((gate.to_owned(), last, limit), |tx, (gate, last, limit)| {
            async move {
                let text = |of: fn(&LackingRun) -> String| last.as_ref().map_or_else(String::new, of);
                let rows = tx
                    .rows(
                        "SELECT repository, image, place, begun_at FROM runs
                         WHERE ended_at IS NULL AND (repository, image, place, begun_at) > (?1, ?2, ?3, ?4)
                         AND NOT EXISTS (SELECT 1 FROM verdicts WHERE verdicts.repository = runs.repository
                             AND verdicts.digest = runs.image AND verdicts.told LIKE ?5 ESCAPE '\\')
                         AND NOT EXISTS (SELECT 1 FROM repositories
                             JOIN manifest_blobs ON manifest_blobs.repository_id = repositories.id
                                 AND manifest_blobs.blob = runs.image
                             JOIN verdicts ON verdicts.repository = repositories.name
                                 AND verdicts.digest = manifest_blobs.manifest
                             WHERE repositories.name = runs.repository AND verdicts.told LIKE ?5 ESCAPE '\\')
                         ORDER BY repository, image, place, begun_at LIMIT ?6",
                        params![
                            text(|last| last.repository.to_string()),
                            text(|last| last.image.to_string()),
                            text(|last| last.place.clone()),
                            last.as_ref().map_or(0, |last| last.begun_at.unix_ms()),
                            key_pattern(gate)?,
                            *limit,
                        ],
                    )
                    .await?;
                rows.iter().map(lacking_run).collect()
            }
            .boxed()
        })
        .await
    }

    /// The tagged images after `last`, a repository and a tag, of which it was not told that they pass a gate; at most
    /// `limit`, in the order of their names. Whether their repository has such a gate is for the caller to know.
    pub async fn images_lacking(
        &self,
        gate: &str,
        last: Option<(String, String)>,
        limit: usize,
    ) -> Result<Vec<LackingImage>> {
        self.read((gate.to_owned(), last, limit), |tx, (gate, last, limit)| {
            async move {
                let (repository, tag) = last.clone().unwrap_or_default();
                // The rest of a repository, and those behind it: each begins at its place in an index, so that a page
                // costs the same wherever it begins.
                let rows = tx
                    .rows(
                        "SELECT * FROM (SELECT repositories.name AS repository, tags.name AS tag, tags.digest,
                                 verdicts.due_at FROM repositories
                             JOIN tags ON tags.repository_id = repositories.id
                             LEFT JOIN verdicts ON verdicts.repository = repositories.name
                                 AND verdicts.digest = tags.digest
                             WHERE repositories.name = ?1 AND tags.name > ?2
                             AND (verdicts.told IS NULL OR verdicts.told NOT LIKE ?3 ESCAPE '\\')
                             ORDER BY tags.name LIMIT ?4) AS begun
                         UNION ALL
                         SELECT * FROM (SELECT repositories.name AS repository, tags.name AS tag, tags.digest,
                                 verdicts.due_at FROM repositories
                             JOIN tags ON tags.repository_id = repositories.id
                             LEFT JOIN verdicts ON verdicts.repository = repositories.name
                                 AND verdicts.digest = tags.digest
                             WHERE repositories.name > ?1
                             AND (verdicts.told IS NULL OR verdicts.told NOT LIKE ?3 ESCAPE '\\')
                             ORDER BY repositories.name, tags.name LIMIT ?4) AS behind
                         ORDER BY repository, tag LIMIT ?4",
                        params![repository, tag, key_pattern(gate)?, *limit],
                    )
                    .await?;
                rows.iter().map(lacking).collect()
            }
            .boxed()
        })
        .await
    }

    /// Images that are to be judged now, the longest due first.
    pub async fn due_verdicts(&self, now: Timestamp, limit: usize) -> Result<Vec<DueVerdict>> {
        self.read((now, limit), |tx, (now, limit)| {
            async move {
                let sql = "SELECT repository, digest, due_at, told FROM verdicts
                           WHERE due_at IS NOT NULL AND due_at <= ?1 ORDER BY due_at LIMIT ?2";
                tx.rows(sql, params![*now, *limit]).await?.iter().map(due).collect()
            }
            .boxed()
        })
        .await
    }

    /// Writes down what holds of an image now, and tells what is another than before. Returns `false`, and does
    /// nothing, when the image has become due anew meanwhile, or somebody else was quicker.
    pub async fn tell_verdict(&self, tell: TellVerdict) -> Result<bool> {
        self.write(tell, |tx, input| self::tell(tx, input).boxed()).await
    }
}

async fn tell(tx: &mut Transaction<'_>, tell: &TellVerdict) -> Result<bool> {
    let DueVerdict { repository, digest, due_at, told } = &tell.due;
    let changed = tx
        .execute(
            "UPDATE verdicts SET due_at = ?5, told = ?6
             WHERE repository = ?1 AND digest = ?2 AND due_at = ?3 AND told = ?4",
            params![repository, digest, *due_at, text(told)?, tell.next_at, text(&tell.holds)?],
        )
        .await?;
    if changed == 0 {
        return Ok(false);
    }
    let gates: std::collections::BTreeSet<&String> = told.keys().chain(tell.holds.keys()).collect();
    for gate in gates.into_iter().filter(|gate| told.get(*gate) != tell.holds.get(*gate)) {
        let event = Event::VerdictChanged {
            repository,
            digest: *digest,
            gate: Some(gate.as_str()).filter(|gate| !gate.is_empty()),
            passes_by: tell.holds.get(gate).copied(),
        };
        event.log(tx, Some(&tell.by), tell.now).await?;
    }
    Ok(true)
}

/// Lets an image be judged again. Where there are no projects, nothing is judged.
pub(super) async fn enqueue(
    tx: &mut Transaction<'_>,
    repository: &RepositoryName,
    digest: Digest,
    now: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO verdicts (repository, digest, due_at, told)
         SELECT ?1, ?2, CAST(?3 AS BIGINT), '{}' WHERE EXISTS (SELECT 1 FROM projects)
         ON CONFLICT (repository, digest) DO UPDATE SET due_at = excluded.due_at",
        params![repository, digest, now],
    )
    .await
    .map(drop)
}

/// Lets every image be judged again of which something is said.
pub(super) async fn enqueue_all(tx: &mut Transaction<'_>, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO verdicts (repository, digest, due_at, told)
         SELECT DISTINCT repositories.name, manifests.subject, CAST(?1 AS BIGINT), '{}' FROM manifests
         JOIN repositories ON repositories.id = manifests.repository_id WHERE manifests.subject IS NOT NULL
         ON CONFLICT (repository, digest) DO UPDATE SET due_at = excluded.due_at",
        params![now],
    )
    .await
    .map(drop)
}

/// What a list of verdicts is like in which a gate is a key. Keys and values of it hold no quotation marks but those of
/// JSON: gates are names, and policies are digests.
fn key_pattern(gate: &str) -> Result<String> {
    let quoted = serde_json::to_string(gate)
        .map_err(|error| CatalogueError::Damaged { what: "name of a gate", found: error.to_string() })?;
    let escaped = quoted.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    Ok(format!("%{escaped}:%"))
}

fn lacking(row: &Row) -> Result<LackingImage> {
    Ok(LackingImage {
        repository: row.parsed(0, "repository name")?,
        tag: row.parsed(1, "tag")?,
        digest: row.digest(2)?,
        due_at: row.optional(3, Row::timestamp)?,
    })
}

fn lacking_run(row: &Row) -> Result<LackingRun> {
    Ok(LackingRun {
        repository: row.parsed(0, "repository name")?,
        image: row.digest(1)?,
        place: row.text(2)?.to_owned(),
        begun_at: row.timestamp(3)?,
    })
}

fn due(row: &Row) -> Result<DueVerdict> {
    Ok(DueVerdict {
        repository: row.parsed(0, "repository name")?,
        digest: row.digest(1)?,
        due_at: row.timestamp(2)?,
        told: row.json(3, "list of verdicts")?,
    })
}

fn text(told: &ToldVerdicts) -> Result<String> {
    serde_json::to_string(told)
        .map_err(|error| CatalogueError::Damaged { what: "list of verdicts", found: error.to_string() })
}
