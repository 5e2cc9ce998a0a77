//! The walk: from an image to who vouches for it, what built it, and what lies beneath it.

use std::collections::HashSet;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use plimsoll_attest::{Aspect, PredicateType};
use plimsoll_image::clean_instruction;
use plimsoll_oci::{Digest, Manifest, RepositoryName};
use plimsoll_registry::access::CanList;
use plimsoll_store::catalogue::{ImagePlace, Run};

use super::Evidence;
use super::account::Base;
use super::beneath::{Beneath, beneath};
use super::hop::{Grade, Hop, Said, Step};
use super::judging::{Judge, Testified};
use super::reading::{ReadError, is_image};
use super::scene::{Best, Scene};

/// Bases beneath bases that are followed.
const DEPTH_MAX: u32 = 8;

/// Images of an index that are followed.
const PLATFORMS_MAX: usize = 4;

/// Hops of one answer.
pub(super) const HOPS_MAX: usize = 300;

/// Instructions of one image that are told.
const INSTRUCTIONS_MAX: usize = 200;

/// The kinds of statements that tell how an image was built.
const PROVENANCE: [PredicateType; 2] = [PredicateType::PROVENANCE, PredicateType::PROVENANCE_V02];

/// A walk on behalf of somebody.
pub(super) struct Walk<'a> {
    pub(super) evidence: &'a Evidence,
    /// Which repositories they may see.
    pub(super) can_list: &'a CanList,
    /// The one that they asked in, which they may pull from.
    pub(super) asked_in: &'a RepositoryName,
    pub(super) now: jiff::Timestamp,
    pub(super) seen: HashSet<Digest>,
    pub(super) hops: Vec<Hop>,
    pub(super) is_cut: bool,
}

impl Walk<'_> {
    /// Tells the hops of an image, and those of what lies beneath it. Returns whether anything is known of it.
    pub(super) fn tell<'s>(
        &'s mut self,
        repository: &'s RepositoryName,
        image: Digest,
        depth: u32,
    ) -> BoxFuture<'s, Result<bool, ReadError>> {
        async move {
            if !self.seen.insert(image) || depth > DEPTH_MAX || self.hops.len() >= HOPS_MAX {
                self.is_cut |= self.hops.len() >= HOPS_MAX || depth > DEPTH_MAX;
                return Ok(true);
            }
            let trust = self.evidence.trust(repository).await?;
            let judge = Judge { storage: &self.evidence.parts.storage, trust: &trust, now: self.now };
            let scene = Scene::of(&judge, repository, image).await?;
            if scene.is_empty() {
                return Ok(false);
            }
            self.image(&scene, depth);
            self.vouched(&scene, depth);
            let build = scene.best(&PROVENANCE);
            self.built(&scene, build.as_ref(), depth);
            match &scene.manifest {
                Some(Manifest::Index(index)) => {
                    let children = index.manifests.iter().filter(|child| is_image(child));
                    for child in children.take(PLATFORMS_MAX) {
                        self.tell(repository, child.digest, depth).await?;
                    }
                }
                Some(Manifest::Image(_)) | None => {
                    let beneath = beneath(self.evidence, &scene, build.as_ref()).await?;
                    self.dockerfile(&scene, build.as_ref(), &beneath, depth);
                    self.ran(&scene, depth);
                    self.based(&scene, beneath, depth).await?;
                }
            }
            Ok(true)
        }
        .boxed()
    }

    fn may_see(&self, repository: &RepositoryName) -> bool {
        repository == self.asked_in || self.can_list.may_see(repository)
    }

    fn push(&mut self, scene: &Scene, depth: u32, grade: Grade, step: Step, said: Option<Said>) {
        self.hops.push(Hop { depth, image: scene.image, grade, step, said });
    }

    fn image(&mut self, scene: &Scene, depth: u32) {
        let step = Step::Image {
            repository: scene.repository.clone(),
            tags: scene.place.as_ref().map(|place| place.tags.clone()).unwrap_or_default(),
            platform: scene.config.as_ref().map(|config| config.platform.to_string()),
            pushed_at_unix_ms: scene.pushed_at,
        };
        let grade = if scene.manifest.is_some() { Grade::Measured } else { Grade::Missing };
        self.push(scene, depth, grade, step, None);
        for deleted in scene.deleted() {
            self.push(scene, depth, Grade::Missing, Step::Deleted {}, Some(Said::of(deleted)));
        }
    }

    /// The signature, and every approval.
    fn vouched(&mut self, scene: &Scene, depth: u32) {
        let signature = scene.best(&[PredicateType::SIGNATURE]);
        let grade = signature.as_ref().map_or(Grade::Missing, |best| best.grade);
        let said = signature.map(|best| Said::of(best.said));
        self.push(scene, depth, grade, Step::Signature {}, said);
        for approval in scene.own.iter().filter(|said| is_approval(said)) {
            let best = Best {
                grade: if approval.fact().is_some() { Grade::Signed } else { Grade::Claimed },
                said: approval,
            };
            let account = best.account();
            let step = Step::Approval {
                decision: account.summary.decision,
                gate: account.summary.gate,
                tickets: account.summary.tickets,
                valid_until_unix_ms: account.valid_until,
            };
            self.push(scene, depth, best.grade, step, Some(Said::of(approval)));
        }
    }

    /// The run of the builder, and the commit that it began with.
    fn built(&mut self, scene: &Scene, build: Option<&Best<'_>>, depth: u32) {
        let summary = build.map(|build| build.account().summary).unwrap_or_default();
        let (grade, said) = graded(build, Aspect::Builder);
        let step = Step::Build { builder: summary.builder, invocation: summary.invocation };
        self.push(scene, depth, grade, step, said);
        let (grade, said) = match (&summary.commit, build) {
            (Some(_), Some(build)) => graded(Some(build), Aspect::Source),
            _ => (Grade::Missing, None),
        };
        let labelled = |name: &str| scene.label(name).map(str::to_owned);
        let (grade, repository, commit) = match grade {
            Grade::Missing => {
                let commit = labelled("org.opencontainers.image.revision");
                let grade = if commit.is_some() { Grade::Claimed } else { Grade::Missing };
                (grade, labelled("org.opencontainers.image.source"), commit)
            }
            grade => (grade, summary.source, summary.commit),
        };
        self.push(scene, depth, grade, Step::Source { repository, commit }, said);
    }

    fn dockerfile(&mut self, scene: &Scene, build: Option<&Best<'_>>, beneath: &Beneath, depth: u32) {
        let path = build.and_then(|build| build.account().summary.dockerfile);
        let history = scene.config.as_ref().map(|config| config.history.as_slice()).unwrap_or_default();
        let own = history.iter().skip(beneath.steps).filter_map(|step| step.created_by.as_deref());
        let instructions: Vec<String> = own.map(clean_instruction).take(INSTRUCTIONS_MAX).collect();
        let (grade, said) = match (&path, build) {
            (Some(_), Some(build)) => graded(Some(build), Aspect::Inputs),
            _ if instructions.is_empty() => (Grade::Missing, None),
            _ => (Grade::Claimed, None),
        };
        self.push(scene, depth, grade, Step::Dockerfile { path, instructions }, said);
    }

    fn ran(&mut self, scene: &Scene, depth: u32) {
        for run in &scene.runs {
            let told = &run.told;
            let step = Step::Run {
                place: Some(told.place.clone()),
                begun_at_unix_ms: Some(told.begun_at),
                ended_at_unix_ms: told.ended_at,
            };
            self.push(scene, depth, Grade::Claimed, step, Some(told_by(run)));
        }
        // Of a base nobody expects that it runs by itself.
        if scene.runs.is_empty() && depth == 0 {
            let step = Step::Run { place: None, begun_at_unix_ms: None, ended_at_unix_ms: None };
            self.push(scene, depth, Grade::Missing, step, None);
        }
    }

    /// The base, and its own way as far as the registry holds it.
    async fn based(&mut self, scene: &Scene, beneath: Beneath, depth: u32) -> Result<(), ReadError> {
        let catalogue = self.evidence.parts.storage.catalogue();
        let candidates: Vec<Digest> =
            beneath.here.iter().copied().chain(beneath.base.as_ref().map(|base| base.digest)).collect();
        let mut places = catalogue.places_of_images(candidates.clone()).await?;
        places.retain(|place| self.may_see(&place.repository));
        let chosen = choose(&candidates, &places).cloned();
        // What lies in repositories that the caller may not see is not told, but that there is something.
        let base = beneath.base.or_else(|| {
            let place = chosen.as_ref()?;
            Some(Base { name: place.repository.to_string(), digest: place.manifest })
        });
        let names = places
            .iter()
            .flat_map(|place| place.tags.iter().map(move |tag| format!("{}:{tag}", place.repository)));
        let step =
            Step::Base { base, names: names.collect(), known_by: beneath.known_by, layers: beneath.layers };
        self.push(scene, depth, beneath.grade, step, beneath.said);
        if let Some(place) = chosen {
            self.tell(&place.repository, place.manifest, depth + 1).await?;
        }
        Ok(())
    }
}

/// The first of the candidates that has a name for the caller, else the first that they may see.
fn choose<'p>(candidates: &[Digest], places: &'p [ImagePlace]) -> Option<&'p ImagePlace> {
    let mut of_candidates = candidates.iter().flat_map(|digest| {
        let digest = *digest;
        places.iter().filter(move |place| place.manifest == digest)
    });
    let first = of_candidates.next()?;
    if !first.tags.is_empty() {
        return Some(first);
    }
    of_candidates.find(|place| !place.tags.is_empty()).or(Some(first))
}

/// The grade of one aspect of a build, and who says it.
fn graded(build: Option<&Best<'_>>, aspect: Aspect) -> (Grade, Option<Said>) {
    build.map_or((Grade::Missing, None), |build| (build.grade_of(aspect), Some(Said::of(build.said))))
}

fn is_approval(said: &Testified) -> bool {
    said.noted.fact.predicate_type.as_deref() == Some(PredicateType::APPROVAL.as_str())
}

fn told_by(run: &Run) -> Said {
    Said {
        by: Some(run.told.told_by.clone()),
        log_index: run.log_index,
        observed_at_unix_ms: Some(run.told.told_at),
        ..Said::default()
    }
}
