use bytes::Bytes;
use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, MediaType};
use plimsoll_tlog::Hash;

use crate::Timestamp;
use crate::catalogue::Catalogue;
use crate::catalogue::sql::{Result, Row, Transaction, json_list, params};

/// A manifest that was taken to be read for the evidence graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceTask {
    /// Which.
    pub manifest: Digest,
    /// How often it was taken before.
    pub attempts: u64,
    /// The leaf that tells of its deletion, where it was deleted.
    pub retraction: Option<String>,
    /// What it referred to, where it was deleted.
    pub subject: Option<Digest>,
}

/// A manifest that no repository holds any more, as the log tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retracted {
    /// Which.
    pub manifest: Digest,
    /// What it referred to.
    pub subject: Option<Digest>,
    /// The leaf that tells of its deletion.
    pub leaf: Option<Hash>,
}

/// A row of the log, in the tree or on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// Its number among its like.
    pub number: i64,
    /// The hash of its leaf.
    pub leaf: Hash,
    /// What is logged.
    pub entry: String,
    /// What an event was.
    pub payload: Option<String>,
}

/// A manifest as the whole registry holds it: its digest, its type, its bytes.
pub type AnyManifest = (Digest, MediaType, Bytes);

impl Catalogue {
    /// Takes manifests that are to be read for the evidence graph; whoever takes one has until `until`.
    pub async fn take_evidence(
        &self,
        limit: usize,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<EvidenceTask>> {
        self.write_soft((limit, now, until), |tx, (limit, now, until)| take(tx, *limit, *now, *until).boxed())
            .await
    }

    /// Puts a manifest back until `due`, because something that may pass failed.
    pub async fn postpone_evidence(&self, manifest: Digest, due: Timestamp) -> Result<()> {
        self.write_soft((manifest, due), |tx, (manifest, due)| {
            async move {
                let sql = "UPDATE evidence_queue SET due_at = ?2 WHERE manifest = ?1";
                tx.execute(sql, params![*manifest, *due]).await.map(drop)
            }
            .boxed()
        })
        .await
    }

    /// Lets manifests wait to be read for the evidence graph.
    pub async fn enqueue_evidence(&self, manifests: Vec<Digest>, now: Timestamp) -> Result<()> {
        self.write_soft((manifests, now), |tx, (manifests, now)| {
            async move {
                for manifest in manifests {
                    enqueue(tx, *manifest, *now).await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await
    }

    /// How many manifests wait to be read for the evidence graph.
    pub async fn count_waiting_evidence(&self) -> Result<u64> {
        self.read((), |tx, ()| {
            async move {
                let row = tx.row("SELECT COUNT(*) FROM evidence_queue", &[]).await?;
                row.map_or(Ok(0), |row| row.size(0))
            }
            .boxed()
        })
        .await
    }

    /// Every manifest of the registry once, in the order of digests, after `last`, at most `limit`.
    pub async fn manifests_after(&self, last: Option<Digest>, limit: usize) -> Result<Vec<AnyManifest>> {
        self.read((last, limit), |tx, (last, limit)| {
            async move {
                let last = last.map_or_else(String::new, |last| last.to_string());
                let rows = tx
                    .rows(
                        "SELECT digest, media_type, bytes FROM manifests WHERE digest > ?1
                         ORDER BY digest LIMIT ?2",
                        params![last, *limit],
                    )
                    .await?;
                let mut manifests: Vec<AnyManifest> =
                    rows.into_iter().map(any_manifest).collect::<Result<_>>()?;
                manifests.dedup_by_key(|(digest, ..)| *digest);
                Ok(manifests)
            }
            .boxed()
        })
        .await
    }

    /// Those of `manifests` that no repository holds.
    pub async fn manifests_gone(&self, manifests: Vec<Digest>) -> Result<Vec<Digest>> {
        self.read(manifests, |tx, manifests| {
            async move {
                let sql = "SELECT digest FROM manifests WHERE digest IN (SELECT value FROM json_each(?1))";
                let rows = tx.rows(sql, params![json_list(manifests)]).await?;
                let held: Result<std::collections::HashSet<Digest>> =
                    rows.iter().map(|row| row.digest(0)).collect();
                let held = held?;
                Ok(manifests.iter().filter(|digest| !held.contains(digest)).copied().collect())
            }
            .boxed()
        })
        .await
    }

    /// The manifests that the evidence graph knows, in the order of digests, after `last`, at most `limit`.
    pub async fn noted_manifests_after(&self, last: Option<Digest>, limit: usize) -> Result<Vec<Digest>> {
        self.read((last, limit), |tx, (last, limit)| {
            async move {
                let last = last.map_or_else(String::new, |last| last.to_string());
                let sql =
                    "SELECT DISTINCT manifest FROM facts WHERE manifest > ?1 ORDER BY manifest LIMIT ?2";
                let rows = tx.rows(sql, params![last, *limit]).await?;
                rows.iter().map(|row| row.digest(0)).collect()
            }
            .boxed()
        })
        .await
    }

    /// Lets manifests wait that the log knows and no repository holds.
    pub async fn enqueue_retracted(&self, retracted: Vec<Retracted>, now: Timestamp) -> Result<()> {
        self.write_soft((retracted, now), |tx, (retracted, now)| {
            async move {
                for one in retracted {
                    put(tx, one, *now).await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await
    }

    /// What the tree of the log holds behind the leaf `last`, at most `limit`.
    pub async fn log_rows_after(&self, last: i64, limit: usize) -> Result<Vec<LogRow>> {
        self.read((last, limit), |tx, (last, limit)| {
            async move {
                let sql = "SELECT leaf_index, leaf_hash, entry, payload FROM log_entries
                           WHERE leaf_index > ?1 ORDER BY leaf_index LIMIT ?2";
                tx.rows(sql, params![*last, *limit]).await?.iter().map(log_row).collect()
            }
            .boxed()
        })
        .await
    }

    /// What waits for its leaf behind the number `last`, at most `limit`.
    pub async fn log_rows_waiting_after(&self, last: i64, limit: usize) -> Result<Vec<LogRow>> {
        self.read((last, limit), |tx, (last, limit)| {
            async move {
                let sql = "SELECT id, leaf_hash, entry, payload FROM log_pending
                           WHERE id > ?1 ORDER BY id LIMIT ?2";
                tx.rows(sql, params![*last, *limit]).await?.iter().map(log_row).collect()
            }
            .boxed()
        })
        .await
    }

    /// The version of the reader that the evidence graph was made by, if it was made.
    pub async fn evidence_reader(&self) -> Result<Option<u32>> {
        self.read((), |tx, ()| {
            async move {
                let row = tx.row("SELECT version FROM evidence_reader WHERE id = 1", &[]).await?;
                row.map(|row| row.small(0)).transpose()
            }
            .boxed()
        })
        .await
    }

    /// Notes that this version of the reader makes the evidence graph from now on; `None` that it is to be made anew.
    pub async fn set_evidence_reader(&self, version: Option<u32>) -> Result<()> {
        self.write(version, |tx, version| {
            async move {
                tx.execute("DELETE FROM evidence_reader WHERE id = 1", &[]).await?;
                let Some(version) = version else { return Ok(()) };
                let version = i64::from(*version);
                let sql = "INSERT INTO evidence_reader (id, version) VALUES (1, ?1)";
                tx.execute(sql, params![version]).await.map(drop)
            }
            .boxed()
        })
        .await
    }
}

/// Lets a manifest wait that a repository holds.
pub(in crate::catalogue) async fn enqueue(
    tx: &mut Transaction<'_>,
    manifest: Digest,
    now: Timestamp,
) -> Result<()> {
    put(tx, &Retracted { manifest, subject: None, leaf: None }, now).await
}

/// Lets a manifest wait that was taken out of a repository, if the graph knows it and no other repository holds it.
pub(in crate::catalogue) async fn enqueue_deleted(
    tx: &mut Transaction<'_>,
    deleted: &Retracted,
    now: Timestamp,
) -> Result<()> {
    let manifest = deleted.manifest;
    let held = tx.row("SELECT 1 FROM manifests WHERE digest = ?1 LIMIT 1", params![manifest]).await?;
    if held.is_some() {
        return Ok(());
    }
    let sql = "SELECT 1 WHERE EXISTS (SELECT 1 FROM facts WHERE manifest = ?1)
               OR EXISTS (SELECT 1 FROM evidence_queue WHERE manifest = ?1)
               OR EXISTS (SELECT 1 FROM evidence_edges WHERE source = ?2)";
    let node = super::Node::Image(manifest).to_string();
    match tx.row(sql, params![manifest, node]).await? {
        Some(_) => put(tx, deleted, now).await,
        None => Ok(()),
    }
}

/// A row that was taken is put anew: whoever has taken it then leaves it in the queue, and it is read again. What is known
/// of a deletion stays: it counts only if no repository holds the manifest.
async fn put(tx: &mut Transaction<'_>, manifest: &Retracted, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO evidence_queue (manifest, due_at, attempts, retraction, subject) VALUES (?1, ?2, 0, ?3, ?4)
         ON CONFLICT (manifest) DO UPDATE SET due_at = excluded.due_at, attempts = 0,
             retraction = COALESCE(excluded.retraction, evidence_queue.retraction),
             subject = COALESCE(excluded.subject, evidence_queue.subject)",
        params![manifest.manifest, now, manifest.leaf.map(|leaf| leaf.to_string()), manifest.subject],
    )
    .await
    .map(drop)
}

async fn take(
    tx: &mut Transaction<'_>,
    limit: usize,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<EvidenceTask>> {
    let rows = tx
        .rows(
            "SELECT manifest, attempts, retraction, subject FROM evidence_queue WHERE due_at <= ?1
             ORDER BY due_at LIMIT ?2 FOR UPDATE SKIP LOCKED",
            params![now, limit],
        )
        .await?;
    let tasks: Vec<EvidenceTask> = rows.iter().map(task).collect::<Result<_>>()?;
    let taken: Vec<Digest> = tasks.iter().map(|task| task.manifest).collect();
    tx.execute(
        "UPDATE evidence_queue SET due_at = ?2, attempts = attempts + 1
         WHERE manifest IN (SELECT value FROM json_each(?1))",
        params![json_list(&taken), until],
    )
    .await?;
    Ok(tasks)
}

fn task(row: &Row) -> Result<EvidenceTask> {
    Ok(EvidenceTask {
        manifest: row.digest(0)?,
        attempts: row.size(1)?,
        retraction: row.optional(2, Row::text)?.map(str::to_owned),
        subject: row.optional(3, Row::digest)?,
    })
}

fn log_row(row: &Row) -> Result<LogRow> {
    Ok(LogRow {
        number: row.integer(0)?,
        leaf: row.parsed(1, "leaf of the log")?,
        entry: row.text(2)?.to_owned(),
        payload: row.optional(3, Row::text)?.map(str::to_owned),
    })
}

fn any_manifest(mut row: Row) -> Result<AnyManifest> {
    Ok((row.digest(0)?, row.parsed(1, "media type")?, row.take_bytes(2)?.into()))
}
