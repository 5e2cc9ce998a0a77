//! What is said in a repository, row by row, for who has to look through all of it.

use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_registry::Known;
use plimsoll_store::catalogue::{NotedFact, Run};
use serde_json::{Value, json};

use super::reading::ReadError;
use super::{Evidence, document};

/// Facts of one page.
const PAGE: usize = 500;

/// Runs that are listed.
const RUNS_MAX: usize = 100_000;

impl Evidence {
    pub(super) async fn list(
        &self,
        repository: &RepositoryName,
        after: Option<(Digest, u32)>,
    ) -> Result<Known, ReadError> {
        let catalogue = self.parts.storage.catalogue();
        let (unread, runs) = match after {
            None => (self.catch_up().await?, catalogue.runs_in(repository, RUNS_MAX).await?),
            Some(_) => (0, Vec::new()),
        };
        let facts = catalogue.facts_of(repository, after, PAGE).await?;
        let last = facts.last().filter(|_| facts.len() == PAGE);
        let next = last.map(|last| format!("{}.{}", last.manifest, last.fact.part));
        let rows = json!({
            "apiVersion": "plimsoll/v1",
            "kind": "Facts",
            "facts": facts.iter().map(fact_row).collect::<Vec<_>>(),
            "runs": runs.iter().map(run_row).collect::<Vec<_>>(),
            "next": next,
            "unread": unread,
        });
        Ok(document(&rows))
    }
}

fn fact_row(noted: &NotedFact) -> Value {
    let fact = &noted.fact;
    json!({
        "manifest": noted.manifest,
        "part": fact.part,
        "layer": fact.layer,
        "subject": fact.subject,
        "predicateType": fact.predicate_type,
        "isSigned": fact.is_signed,
        "keyId": fact.key_id,
        "summary": serde_json::from_str::<Value>(&fact.summary).unwrap_or_else(|_| json!({})),
        "problem": fact.problem,
        "statedAtUnixMs": fact.stated_at,
        "validUntilUnixMs": fact.valid_until,
        "observedAtUnixMs": noted.observed_at,
        "logIndex": noted.log_index,
        "retractedAtIndex": noted.retracted_at_index,
    })
}

fn run_row(run: &Run) -> Value {
    let told = &run.told;
    json!({
        "image": told.image,
        "place": told.place,
        "begunAtUnixMs": told.begun_at,
        "endedAtUnixMs": told.ended_at,
        "toldBy": told.told_by,
        "toldAtUnixMs": told.told_at,
        "logIndex": run.log_index,
    })
}
