//! Since when this registry could know: the first advisories in force here that tell of a vulnerability.

use std::collections::BTreeMap;
use std::sync::Arc;

use plimsoll_index::lineage::{Answer, Clock, Question, Source};
use plimsoll_index::{Concerned, Interned};
use plimsoll_oci::Digest;
use plimsoll_store::catalogue::FirstTold;
use plimsoll_store::{CatalogueError, Timestamp};
use plimsoll_vuln::index::Index;
use plimsoll_vuln::matching::Matcher;

use super::{Case, Member, moment};
use crate::scan::{Scanner, terms};

/// Events of one vulnerability that are looked at, the oldest.
const TOLD_MAX: usize = 10_000;

/// Advisories that were in force, the newest, among which the first are looked for.
const ARTIFACTS_MAX: usize = 10_000;

/// What the registry knew of the vulnerability, and when.
#[derive(Debug, Default)]
pub(super) struct KnownHere {
    /// Since the first advisories in force that tell of it.
    pub(super) known: Option<Clock>,
    /// Since the first that name a fix.
    pub(super) fixable: Option<Clock>,
    /// The events that told of it.
    pub(super) told: Vec<FirstTold>,
}

/// What some advisories say of a component.
#[derive(Clone, Copy, Debug, Default)]
struct Knowledge {
    is_known: bool,
    is_fixable: bool,
}

/// Advisories that were in force, and since when.
type InForceSince = (Timestamp, Digest);

impl Scanner {
    /// Since when the vulnerability was known here.
    pub(super) async fn known_here(
        &self,
        case: &Case,
        members: &[Member],
    ) -> Result<KnownHere, CatalogueError> {
        let findings = case.findings(members);
        let Some(finding) = findings.first() else { return Ok(KnownHere::default()) };
        let held = case.concerned.iter().find(
            |concerned| matches!(&concerned.answer, Answer::Held(Some(of)) if Arc::ptr_eq(of, finding)),
        );
        let Some(held) = held else { return Ok(KnownHere::default()) };
        let search = Search { scanner: self, question: &case.question, held, ecosystem: &finding.ecosystem };
        let history = self.advisories_in_force().await?;
        let told = self.parts.storage.catalogue().first_told_of(finding.ids.clone(), TOLD_MAX).await?;
        Ok(KnownHere {
            known: search.first(&history, |knowledge| knowledge.is_known).await?,
            fixable: search.first(&history, |knowledge| knowledge.is_fixable).await?,
            told,
        })
    }

    /// The advisories that were in force one after the other, the oldest first.
    async fn advisories_in_force(&self) -> Result<Vec<InForceSince>, CatalogueError> {
        let (repository, tag) = self.parts.advisories.place();
        let moves = self.parts.storage.catalogue().tag_history(repository, Some(tag), ARTIFACTS_MAX).await?;
        let in_force = moves.into_iter().rev();
        Ok(in_force.filter_map(|step| Some((step.moved_at, step.digest?))).collect())
    }
}

/// The search for the first advisories that say something.
struct Search<'a> {
    scanner: &'a Scanner,
    question: &'a Question,
    held: &'a Concerned,
    ecosystem: &'a str,
}

impl Search<'_> {
    /// The first advisories that are `enough`. Once they are, later ones are too, so few of them need to be opened; of
    /// those that are not there any more, nobody knows.
    async fn first(
        &self,
        history: &[InForceSince],
        enough: impl Fn(Knowledge) -> bool,
    ) -> Result<Option<Clock>, CatalogueError> {
        let mut seen: BTreeMap<Digest, Knowledge> = BTreeMap::new();
        let (mut low, mut high) = (0, history.len());
        while low < high {
            let middle = low.midpoint(high);
            let Some((_, artifact)) = history.get(middle) else { break };
            let is_enough = match self.look(*artifact, &mut seen).await? {
                Some(knowledge) => enough(knowledge),
                None => false,
            };
            if is_enough { high = middle } else { low = middle.saturating_add(1) }
        }
        let first = history.get(low);
        Ok(first
            .map(|(at, digest)| Clock { at: moment(*at), source: Source::Advisories { digest: *digest } }))
    }

    /// What an artifact says; `None` if it cannot be had any more.
    async fn look(
        &self,
        artifact: Digest,
        seen: &mut BTreeMap<Digest, Knowledge>,
    ) -> Result<Option<Knowledge>, CatalogueError> {
        let advisories = &self.scanner.parts.advisories;
        let Some(shard) = advisories.shard_of(artifact, self.ecosystem).await? else { return Ok(None) };
        if let Some(knowledge) = seen.get(&shard) {
            return Ok(Some(*knowledge));
        }
        let Ok(bytes) = advisories.read(shard).await else { return Ok(None) };
        let (question, component) = (self.question.clone(), self.held.component.clone());
        let age_days_max = self.scanner.parts.age_days_max;
        let looking = tokio::task::spawn_blocking(move || {
            Index::open([bytes]).map(|index| knowledge_of(&question, &component, &index, age_days_max))
        });
        let Ok(Ok(knowledge)) = looking.await else { return Ok(None) };
        seen.insert(shard, knowledge);
        Ok(Some(knowledge))
    }
}

fn knowledge_of(question: &Question, held: &Interned, index: &Index, age_days_max: Option<u32>) -> Knowledge {
    let terms = terms(age_days_max);
    let mut matcher = Matcher::new(index, held.distribution.as_ref(), &terms).without_summaries();
    match question.answer(&held.component, &mut matcher) {
        Answer::Held(finding) => {
            Knowledge { is_known: true, is_fixable: finding.is_some_and(|finding| finding.is_fixable()) }
        }
        Answer::Free | Answer::NotEvaluated(_) => Knowledge::default(),
    }
}
