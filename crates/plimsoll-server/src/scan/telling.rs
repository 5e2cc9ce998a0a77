use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use plimsoll_index::{Event, FindingState};
use plimsoll_oci::Digest;
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::{ComponentEvent, Telling, Told, ToldChange};
use plimsoll_vuln::index::Index;
use tokio::sync::watch;

use super::advisories::{InForce, LoadError};
use super::{POLL_INTERVAL, Scanner};
use crate::clock::now;

/// The kind of an event that says that others may be missing.
pub(super) const GAP: &str = "gap";

/// Components that are compared, and whose events are written, at a time.
const PART: usize = 1000;

/// How often a change is told in vain, because components keep coming, before it is begun anew.
const ATTEMPTS_MAX: u32 = 20;

/// How long to wait when the catalogue or the objects fail.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// How often old events are looked for, and how many are forgotten at a time.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);
const PRUNED_AT_A_TIME: usize = 10_000;

/// Most events that are kept, whatever their age.
const EVENTS_MAX: usize = 1_000_000;

/// A change that is not told after this long belongs to a replica that is gone.
const TELLING_MAX: Duration = Duration::from_secs(3600);

/// Why a change of the advisories could not be told now.
#[derive(Debug, thiserror::Error)]
enum TellError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Former(#[from] LoadError),
    #[error("comparing components ended early")]
    Ended(#[from] tokio::task::JoinError),
}

/// How many events of each kind.
type Counts = BTreeMap<&'static str, u64>;

impl Scanner {
    /// Tells what other advisories mean for the components, until the server stops. The catalogue remembers up to which
    /// advisories that was told, so neither a restart nor another replica loses or repeats any of it.
    pub(super) async fn tell_changes(self, mut stopped: watch::Receiver<bool>) {
        let (mut told, mut pruned) = (InForce::default(), None::<Instant>);
        loop {
            let mut pause = POLL_INTERVAL;
            if let Err(error) = self.tell_change(&mut told).await {
                tracing::warn!(%error, "cannot tell what other advisories mean; it will be tried again");
                pause = RETRY_AFTER;
            }
            if pruned.is_none_or(|at| at.elapsed() > PRUNE_INTERVAL) {
                pruned = Some(Instant::now());
                if let Err(error) = self.prune_events().await {
                    tracing::warn!(%error, "cannot forget old events");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopped.wait_for(|is_stopped| *is_stopped) => return,
            }
        }
    }

    /// Tells the change from the advisories that events were told for last to those in force, if they are others.
    async fn tell_change(&self, told: &mut InForce) -> Result<(), TellError> {
        let new = self.in_force();
        let Some(artifact) = new.artifact.filter(|artifact| told.artifact != Some(*artifact)) else {
            return Ok(());
        };
        let catalogue = self.parts.storage.catalogue();
        let last = catalogue.last_told_change().await?;
        if last.is_some_and(|last| last.artifact == artifact) {
            *told = new;
            return Ok(());
        }
        // Asked after the last change: if another replica was ahead and told of newer ones, ours are the tag's no more.
        if !self.parts.advisories.is_tagged(artifact).await? {
            return Ok(());
        }
        let old = self.index_before(last, told).await?;
        let gap = old.as_ref().err().cloned();
        let telling = catalogue.begin_telling(last, artifact, gap.clone(), now()).await?;
        let counts = match &old {
            Ok(old) => self.tell_difference(telling, old, &new.index).await,
            Err(_) => self.tell_gap(telling).await,
        };
        let Some(counts) = give_up_unless_told(self, telling, counts).await? else { return Ok(()) };
        self.parts.metrics.count_events(&counts);
        log_told(last, artifact, gap.as_deref(), &counts);
        *told = new;
        Ok(())
    }

    /// The advisories that events were told for last, or why they cannot be had.
    async fn index_before(
        &self,
        last: Option<ToldChange>,
        told: &InForce,
    ) -> Result<Result<Arc<Index>, String>, LoadError> {
        match last {
            None => Ok(Ok(Arc::default())),
            Some(last) if told.artifact == Some(last.artifact) => Ok(Ok(told.index.clone())),
            Some(last) => self.parts.advisories.former(last.artifact).await,
        }
    }

    /// Writes down what is different and tells it; `None` if that was of no use. Components that come meanwhile are
    /// compared too: their images may have been judged by the old advisories.
    async fn tell_difference(
        &self,
        telling: Telling,
        old: &Arc<Index>,
        new: &Arc<Index>,
    ) -> Result<Option<Counts>, TellError> {
        let catalogue = self.parts.storage.catalogue();
        let (mut counts, mut compared) = (Counts::new(), 0);
        for _ in 0..ATTEMPTS_MAX {
            self.follow().await?;
            let Some((affected, last)) = self.affected(old, new).await? else { return Ok(None) };
            let affected: Vec<u32> = affected.into_iter().filter(|number| *number > compared).collect();
            for part in affected.chunks(PART) {
                let Some(events) = self.events_since(old, new, part.to_vec()).await? else { return Ok(None) };
                for event in &events {
                    *counts.entry(event.kind.as_str()).or_default() += 1;
                }
                if !catalogue.write_events(telling, events.iter().map(written).collect()).await? {
                    return Ok(None);
                }
            }
            compared = last;
            match catalogue.tell(telling, compared, now()).await? {
                Told::Yes => return Ok(Some(counts)),
                Told::Behind => {}
                Told::Overtaken => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Tells that it is not known what a change means.
    async fn tell_gap(&self, telling: Telling) -> Result<Option<Counts>, TellError> {
        let catalogue = self.parts.storage.catalogue();
        let (component, vulnerability, before, after) = (None, None, None, None);
        let event = ComponentEvent { kind: GAP.to_owned(), component, vulnerability, before, after };
        let is_told = catalogue.write_events(telling, vec![event]).await?
            && catalogue.tell(telling, u32::MAX, now()).await? == Told::Yes;
        Ok(is_told.then(|| Counts::from([(GAP, 1)])))
    }

    /// The components of which other things may be said now, and the highest number of any; `None` when `new` is not in
    /// force any more.
    async fn affected(
        &self,
        old: &Arc<Index>,
        new: &Arc<Index>,
    ) -> Result<Option<(Vec<u32>, u32)>, TellError> {
        let (parts, old, new) = (self.parts.clone(), old.clone(), new.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let inventory = parts.inventory.read().unwrap_or_else(PoisonError::into_inner);
            let is_in_force = Arc::ptr_eq(inventory.index(), &new);
            is_in_force.then(|| (inventory.affected_since(&old), inventory.last_component()))
        });
        Ok(looking.await?)
    }

    /// What is different for some components; `None` when `new` is not in force any more.
    async fn events_since(
        &self,
        old: &Arc<Index>,
        new: &Arc<Index>,
        components: Vec<u32>,
    ) -> Result<Option<Vec<Event>>, TellError> {
        let (parts, old, new) = (self.parts.clone(), old.clone(), new.clone());
        let comparing = tokio::task::spawn_blocking(move || {
            let inventory = parts.inventory.read().unwrap_or_else(PoisonError::into_inner);
            let is_in_force = Arc::ptr_eq(inventory.index(), &new);
            is_in_force.then(|| inventory.events_since(&old, &components))
        });
        Ok(comparing.await?)
    }

    async fn prune_events(&self) -> Result<(), CatalogueError> {
        let catalogue = self.parts.storage.catalogue();
        let (told_before, begun_before) = (now().minus(self.parts.events_keep), now().minus(TELLING_MAX));
        let mut forgotten = 0;
        loop {
            let some =
                catalogue.prune_events(told_before, begun_before, EVENTS_MAX, PRUNED_AT_A_TIME).await?;
            forgotten += some;
            if some == 0 {
                break;
            }
        }
        if forgotten > 0 {
            tracing::info!(events = forgotten, "old events were forgotten");
        }
        Ok(())
    }
}

/// Drops what was written down of a change that was not told.
async fn give_up_unless_told(
    scanner: &Scanner,
    telling: Telling,
    counts: Result<Option<Counts>, TellError>,
) -> Result<Option<Counts>, TellError> {
    if !matches!(counts, Ok(Some(_))) {
        scanner.parts.storage.catalogue().drop_telling(telling).await?;
    }
    counts
}

fn written(event: &Event) -> ComponentEvent {
    let state = |state: &Option<FindingState>| serde_json::to_string(state.as_ref()?).ok();
    ComponentEvent {
        kind: event.kind.as_str().to_owned(),
        component: Some(event.component),
        vulnerability: Some(event.vulnerability.clone()),
        before: state(&event.before),
        after: state(&event.after),
    }
}

fn log_told(last: Option<ToldChange>, to: Digest, gap: Option<&str>, counts: &Counts) {
    let from = last.map(|last| last.artifact.to_string());
    match gap {
        Some(gap) => {
            tracing::warn!(from, %to, gap, "what these advisories change is not known, and no events tell it");
        }
        None => {
            let count = |kind| counts.get(kind).copied().unwrap_or_default();
            let (appeared, changed) = (count("appeared"), count("changed"));
            tracing::info!(from, %to, appeared, changed, resolved = count("resolved"), "told what other advisories mean");
        }
    }
}
