use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName};
use serde::Deserialize;

use super::look::published;
use crate::Timestamp;
use crate::catalogue::Catalogue;
use crate::catalogue::log::{Event, RUN_OBSERVED};
use crate::catalogue::sql::{Result, Row, Transaction, json_list, params};

/// That an image ran somewhere for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunToTell {
    /// The repository that it is told to.
    pub repository: RepositoryName,
    /// The image: the digest of its config, its manifest or its index, as whoever runs it knows it.
    pub image: Digest,
    /// Where, such as `prod/web/shop`: cluster, namespace and workload.
    pub place: String,
    /// Since when.
    pub begun_at: Timestamp,
    /// Until when; nothing while it runs.
    pub ended_at: Option<Timestamp>,
    /// Who tells.
    pub told_by: String,
    /// When it is told.
    pub told_at: Timestamp,
}

/// A run that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What was told, the last time that it was.
    pub told: RunToTell,
    /// The leaf of the published log that holds it.
    pub log_index: Option<u64>,
}

/// The event's payload, as far as a run is made from it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    repository: RepositoryName,
    digest: Digest,
    place: String,
    begun_at_unix_ms: Timestamp,
    ended_at_unix_ms: Option<Timestamp>,
    by: String,
    at_unix_ms: Timestamp,
}

impl Catalogue {
    /// Notes a run, and has it logged. Told again with the same beginning, it is the same run with another end.
    pub async fn tell_run(&self, run: RunToTell) -> Result<()> {
        self.write(run, |tx, run| {
            async move {
                let event = Event::RunObserved {
                    repository: &run.repository,
                    digest: run.image,
                    place: &run.place,
                    begun_at_unix_ms: run.begun_at,
                    ended_at_unix_ms: run.ended_at,
                };
                let leaf = event.log(tx, Some(&run.told_by), run.told_at).await?;
                put(tx, run, &leaf.to_string()).await
            }
            .boxed()
        })
        .await
    }

    /// The runs of an image that is known by any of these digests, as they were told to a repository; at most `limit`, the
    /// earliest first.
    pub async fn runs_of(
        &self,
        repository: &RepositoryName,
        digests: &[Digest],
        limit: usize,
    ) -> Result<Vec<Run>> {
        self.read((repository.clone(), json_list(digests), limit), |tx, (repository, digests, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT runs.repository, image, place, begun_at, ended_at, told_by, told_at, leaf_index FROM runs
                         LEFT JOIN log_entries ON leaf_hash = leaf
                         WHERE runs.repository = ?1 AND image IN (SELECT value FROM json_each(?2))
                         ORDER BY begun_at, place LIMIT ?3",
                        params![repository, digests, *limit],
                    )
                    .await?;
                let size = published(tx).await?;
                rows.iter().map(|row| read(row, size)).collect()
            }
            .boxed()
        })
        .await
    }

    /// All runs that were told to a repository, at most `limit`, the earliest first.
    pub async fn runs_in(&self, repository: &RepositoryName, limit: usize) -> Result<Vec<Run>> {
        self.read((repository.clone(), limit), |tx, (repository, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT runs.repository, image, place, begun_at, ended_at, told_by, told_at, leaf_index FROM runs
                         LEFT JOIN log_entries ON leaf_hash = leaf
                         WHERE runs.repository = ?1 ORDER BY begun_at, place, image LIMIT ?2",
                        params![repository, *limit],
                    )
                    .await?;
                let size = published(tx).await?;
                rows.iter().map(|row| read(row, size)).collect()
            }
            .boxed()
        })
        .await
    }

    /// Makes the runs anew from the events of the log and those that wait for it.
    pub async fn remake_runs(&self) -> Result<u64> {
        self.write((), |tx, ()| {
            async move {
                tx.execute("DELETE FROM runs", &[]).await?;
                let mut count = 0;
                let mut last = -1;
                loop {
                    let sql = "SELECT leaf_index, payload, leaf_hash FROM log_entries
                               WHERE leaf_index > ?1 AND payload LIKE ?2 ORDER BY leaf_index LIMIT 1000";
                    let rows = tx.rows(sql, params![last, payload_pattern()]).await?;
                    let Some(end) = rows.last() else { break };
                    last = end.integer(0)?;
                    count += play(tx, &rows).await?;
                }
                let sql = "SELECT id, payload, leaf_hash FROM log_pending WHERE payload LIKE ?1 ORDER BY id";
                let rows = tx.rows(sql, params![payload_pattern()]).await?;
                Ok(count + play(tx, &rows).await?)
            }
            .boxed()
        })
        .await
    }
}

/// How the payloads of runs begin.
fn payload_pattern() -> String {
    format!("{{\"type\":\"{RUN_OBSERVED}\"%")
}

/// Notes what events tell. A payload that is not understood tells of no run.
async fn play(tx: &mut Transaction<'_>, rows: &[Row]) -> Result<u64> {
    let mut count = 0;
    for row in rows {
        let Ok(payload) = serde_json::from_str::<Payload>(row.text(1)?) else { continue };
        let run = RunToTell {
            repository: payload.repository,
            image: payload.digest,
            place: payload.place,
            begun_at: payload.begun_at_unix_ms,
            ended_at: payload.ended_at_unix_ms,
            told_by: payload.by,
            told_at: payload.at_unix_ms,
        };
        put(tx, &run, row.text(2)?).await?;
        count += 1;
    }
    Ok(count)
}

async fn put(tx: &mut Transaction<'_>, run: &RunToTell, leaf: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO runs (repository, image, place, begun_at, ended_at, told_by, told_at, leaf)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (repository, image, place, begun_at) DO UPDATE SET ended_at = excluded.ended_at,
             told_by = excluded.told_by, told_at = excluded.told_at, leaf = excluded.leaf",
        params![
            &run.repository,
            run.image,
            &run.place,
            run.begun_at,
            run.ended_at,
            &run.told_by,
            run.told_at,
            leaf
        ],
    )
    .await
    .map(drop)
}

fn read(row: &Row, published: u64) -> Result<Run> {
    let told = RunToTell {
        repository: row.parsed(0, "repository name")?,
        image: row.digest(1)?,
        place: row.text(2)?.to_owned(),
        begun_at: row.timestamp(3)?,
        ended_at: row.optional(4, Row::timestamp)?,
        told_by: row.text(5)?.to_owned(),
        told_at: row.timestamp(6)?,
    };
    let log_index = row.optional(7, Row::size)?.filter(|index| *index < published);
    Ok(Run { told, log_index })
}
