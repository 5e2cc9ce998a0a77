//! The evidence graph: what is said about images, and the way of each back to where it comes from.
//!
//! A job reads the manifests that wait ([`indexing`]) and notes what they say in the catalogue ([`reading`]). A question
//! walks from there ([`walk`]), and judges the signatures that it meets by the trust of the moment ([`judging`]). What the
//! catalogue has anyway, it is asked for and not noted again.

mod account;
mod beneath;
mod hop;
mod indexing;
mod judging;
mod listing;
mod reading;
mod reindex;
mod scene;
mod tracing_all;
mod walk;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use plimsoll_attest::{Policy, PolicyDocument, Trust};
use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_registry::access::{CanList, CanPull, CanPush};
use plimsoll_registry::{Known, ObserveError, ObservedRun, Testimony, TraceOf};
use plimsoll_store::catalogue::{Project, RunToTell};
use plimsoll_tlog::{Checkpoint, SignedNote};
use tokio::sync::watch;

pub(crate) use self::hop::Holding;
use self::hop::{CitedCheckpoint, Trace};
use self::indexing::take_waiting;
use self::reading::ReadError;
pub use self::reindex::{ReindexError, ReindexReport};
use self::walk::Walk;
use crate::clock::now;
use crate::scan::Scanner;
use crate::storage::Storage;

/// How often the catalogue is asked for manifests that other replicas have taken in.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// How long to wait after a failure.
const FAILURE_PAUSE: Duration = Duration::from_secs(2);

/// How long a question helps to read what waits, so that it knows what was pushed before it.
const CATCH_UP: Duration = Duration::from_millis(500);

/// The graph of one storage.
#[derive(Clone)]
pub(crate) struct Evidence {
    parts: Arc<Parts>,
}

struct Parts {
    storage: Storage,
    scanner: Option<Scanner>,
}

impl Evidence {
    pub(crate) fn new(storage: Storage, scanner: Option<Scanner>) -> Self {
        Self { parts: Arc::new(Parts { storage, scanner }) }
    }

    /// Reads what waits until the server stops.
    pub(crate) async fn run(self, mut stopped: watch::Receiver<bool>) {
        if let Err(error) = indexing::enqueue_outdated(&self.parts.storage).await {
            tracing::error!(%error, "cannot look for evidence to read anew; the next start tries again");
        }
        while !*stopped.borrow() {
            let pause = match take_waiting(&self.parts.storage).await {
                Ok(0) => POLL_INTERVAL,
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    tracing::warn!(%error, "cannot read the evidence that waits; it will be tried again");
                    FAILURE_PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = async { stopped.wait_for(|is_stopped| *is_stopped).await.map_or((), drop) } => break,
            }
        }
    }

    /// Whose word counts in a repository: as its project says, and nobody's without one.
    async fn trust(&self, repository: &RepositoryName) -> Result<Trust, ReadError> {
        let projects = self.parts.storage.catalogue().list_projects().await?;
        let Some(project) = Project::governing(&projects, repository) else { return Ok(Trust::default()) };
        let document = serde_json::from_str::<PolicyDocument>(&project.policy);
        let policy = document.ok().and_then(|document| Policy::try_from(&document).ok());
        // It was understood when it was set. What another version does not understand trusts nobody.
        Ok(policy.unwrap_or_default().trust)
    }

    /// Reads what waits, for a moment. Returns how many manifests wait still.
    async fn catch_up(&self) -> Result<u64, ReadError> {
        let catalogue = self.parts.storage.catalogue();
        let reading = async {
            loop {
                if take_waiting(&self.parts.storage).await? == 0 {
                    // Another may be reading the rest.
                    if catalogue.count_waiting_evidence().await? == 0 {
                        return Ok::<u64, ReadError>(0);
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        };
        match tokio::time::timeout(CATCH_UP, reading).await {
            Ok(read) => read,
            Err(_) => Ok(catalogue.count_waiting_evidence().await?),
        }
    }

    /// The state of the log that answers are given at.
    async fn checkpoint(&self) -> Result<Option<CitedCheckpoint>, ReadError> {
        let newest = self.parts.storage.catalogue().log_checkpoint().await?;
        let cited = newest.and_then(|(_, note)| {
            let note: SignedNote = note.parse().ok()?;
            let checkpoint: Checkpoint = note.text().parse().ok()?;
            let root = checkpoint.root.to_string();
            Some(CitedCheckpoint { origin: checkpoint.origin, size: checkpoint.size, root })
        });
        Ok(cited)
    }

    /// The way of one image, if anything is known of it.
    async fn trace_of(
        &self,
        repository: &RepositoryName,
        image: Digest,
        can_list: &CanList,
    ) -> Result<Option<Trace>, ReadError> {
        let moment = jiff::Timestamp::from_millisecond(now().unix_ms()).unwrap_or_default();
        let mut walk = Walk {
            evidence: self,
            can_list,
            asked_in: repository,
            now: moment,
            seen: HashSet::new(),
            hops: Vec::new(),
            is_cut: false,
        };
        if !walk.tell(repository, image, 0).await? {
            return Ok(None);
        }
        let Walk { hops, is_cut, .. } = walk;
        Ok(Some(Trace {
            api_version: "plimsoll/v1",
            kind: "Trace",
            repository: repository.clone(),
            digest: image,
            components: Vec::new(),
            hops,
            is_cut,
            unread: 0,
            checkpoint: None,
        }))
    }

    async fn answer(
        &self,
        repository: &RepositoryName,
        image: Digest,
        can_list: &CanList,
    ) -> Result<Known, ReadError> {
        let unread = self.catch_up().await?;
        // Before the walk: what it meets is in this tree, or was not there.
        let checkpoint = self.checkpoint().await?;
        let trace = self.trace_of(repository, image, can_list).await?;
        Ok(trace.map_or(Known::Nothing, |trace| document(&Trace { unread, checkpoint, ..trace })))
    }

    async fn tell(&self, can_push: &CanPush, image: Digest, run: &ObservedRun) -> Result<bool, ReadError> {
        let catalogue = self.parts.storage.catalogue();
        let repository = can_push.repository();
        let held = catalogue.images_by_any_digest(&[image], 1000).await?;
        let is_known = held.iter().any(|held| held.repository == *repository)
            || !catalogue.facts_about(repository, image, 1).await?.is_empty();
        if !is_known {
            return Ok(false);
        }
        catalogue
            .tell_run(RunToTell {
                repository: repository.clone(),
                image,
                place: run.place().to_owned(),
                begun_at: run.begun_at(),
                ended_at: run.ended_at(),
                told_by: can_push.actor().to_owned(),
                told_at: now(),
            })
            .await?;
        Ok(true)
    }
}

impl Testimony for Evidence {
    fn trace<'a>(
        &'a self,
        can_pull: &'a CanPull,
        image: Digest,
        can_list: &'a CanList,
    ) -> BoxFuture<'a, Known> {
        async move { self.answer(can_pull.repository(), image, can_list).await.unwrap_or_else(failed) }
            .boxed()
    }

    fn trace_all<'a>(&'a self, of: &'a TraceOf, can_list: &'a CanList) -> BoxFuture<'a, Known> {
        async move { self.answer_all(of, can_list).await.unwrap_or_else(failed) }.boxed()
    }

    fn facts<'a>(&'a self, can_pull: &'a CanPull, after: Option<(Digest, u32)>) -> BoxFuture<'a, Known> {
        async move { self.list(can_pull.repository(), after).await.unwrap_or_else(failed) }.boxed()
    }

    fn observe<'a>(
        &'a self,
        can_push: &'a CanPush,
        image: Digest,
        run: &'a ObservedRun,
    ) -> BoxFuture<'a, Result<(), ObserveError>> {
        async move {
            match self.tell(can_push, image, run).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(ObserveError::UnknownImage),
                Err(error) => Err(ObserveError::Failed(error.to_string())),
            }
        }
        .boxed()
    }
}

fn document(answer: &impl serde::Serialize) -> Known {
    match serde_json::to_vec(answer) {
        Ok(json) => Known::Document(json),
        Err(error) => Known::Failed(error.to_string()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it takes what a failed answer leaves")]
fn failed(error: ReadError) -> Known {
    Known::Failed(error.to_string())
}
