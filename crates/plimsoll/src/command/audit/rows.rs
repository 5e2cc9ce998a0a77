//! What a server tells of a repository's evidence, row by row.

use std::time::{Duration, Instant};

use plimsoll_oci::{Digest, RegistryHost};
use plimsoll_transport::{Insight, Repository, TagMove};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// How long to wait for a server that reads what was pushed.
const READING_MAX: Duration = Duration::from_secs(60);

/// How long to wait for the log's word on a deletion: it has it within a second, or has never had it.
const SETTLING_MAX: Duration = Duration::from_secs(3);

/// How long between two questions.
const PAUSE: Duration = Duration::from_millis(200);

/// Most rows that are collected: of one image there are never as many.
const FACTS_MAX: usize = 1_000_000;

/// One statement, as it is noted. Nothing of it is verified.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FactRow {
    pub(super) manifest: Digest,
    pub(super) part: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) layer: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) predicate_type: Option<String>,
    pub(super) is_signed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key_id: Option<String>,
    pub(super) summary: Summary,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stated_at_unix_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) valid_until_unix_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) observed_at_unix_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log_index: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retracted_at_index: Option<u64>,
}

/// What a statement says, in short.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Summary {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) builder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tickets: Vec<String>,
}

/// Where an image ran.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunRow {
    pub(super) image: Digest,
    pub(super) place: String,
    pub(super) begun_at_unix_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ended_at_unix_ms: Option<i64>,
    pub(super) told_by: String,
    pub(super) told_at_unix_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log_index: Option<u64>,
}

/// How a tag moved.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagRow {
    pub(super) tag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<Digest>,
    pub(super) moved_at_unix_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) moved_by: Option<String>,
}

impl From<TagMove> for TagRow {
    fn from(one: TagMove) -> Self {
        let TagMove { tag, previous, digest, moved_at_unix_ms, moved_by } = one;
        Self { tag: tag.to_string(), previous, digest, moved_at_unix_ms, moved_by }
    }
}

impl TagRow {
    pub(super) fn is_about(&self, image: Digest) -> bool {
        self.digest == Some(image) || self.previous == Some(image)
    }
}

/// A page of them.
#[derive(Deserialize)]
struct FactsPage {
    facts: Vec<FactRow>,
    #[serde(default)]
    runs: Vec<RunRow>,
    next: Option<String>,
    /// Manifests that the server has still to read.
    #[serde(default)]
    unread: u64,
}

/// All that a server notes of a repository.
#[derive(Default)]
pub(super) struct Noted {
    pub(super) facts: Vec<FactRow>,
    pub(super) runs: Vec<RunRow>,
    unread: u64,
}

impl Noted {
    /// Whether what was pushed or deleted a moment ago is in it, with its entry in the log.
    fn is_settled(&self) -> bool {
        let is_told = |fact: &FactRow| fact.layer.is_some() || fact.retracted_at_index.is_some();
        self.unread == 0 && self.facts.iter().all(is_told)
    }
}

/// Everything that a server notes of a repository, once it has read what was pushed before.
pub(super) async fn everything(repository: &Repository, server: &RegistryHost) -> Result<Noted, Failure> {
    let begun = Instant::now();
    loop {
        let noted = list(repository, server).await?;
        let waited = begun.elapsed();
        if noted.is_settled() || (noted.unread == 0 && waited > SETTLING_MAX) {
            return Ok(noted);
        }
        if waited > READING_MAX {
            let what = format!("the server has {} manifests still to read", noted.unread);
            return Err(Failure::not_evaluated(what).at(server.to_string()).help("try it again later"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn list(repository: &Repository, server: &RegistryHost) -> Result<Noted, Failure> {
    let (mut noted, mut after) = (Noted::default(), None);
    loop {
        let page = match repository.facts(after.as_deref()).await? {
            Insight::Document(json) => serde_json::from_slice::<FactsPage>(&json).map_err(|error| {
                let what = Failure::not_evaluated("the server's answer is not understood");
                what.because(&error).at(server.to_string())
            })?,
            Insight::Waiting | Insight::NotServed => {
                return Err(Failure::not_evaluated(format!("`{server}` keeps no evidence graph"))
                    .help("ask a Plimsoll server"));
            }
        };
        noted.facts.extend(page.facts);
        noted.runs.extend(page.runs);
        noted.unread += page.unread;
        if noted.facts.len() > FACTS_MAX {
            return Err(Failure::not_evaluated(format!("there are more than {FACTS_MAX} statements"))
                .help("export image by image"));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(noted),
        }
    }
}
