//! All that is at hand about one image before its hops are told.

use plimsoll_attest::{Aspect, PredicateType, Provenance};
use plimsoll_oci::{Digest, ImageConfig, Manifest, RepositoryName};
use plimsoll_store::Timestamp;
use plimsoll_store::catalogue::{EdgeKind, ImagePlace, Node, NotedFact, Run};

use super::account::Account;
use super::hop::Grade;
use super::judging::{Judge, Testified};
use super::reading::{ReadError, parse};

/// Indexes that list one image and are looked at.
const INDEXES_MAX: usize = 20;

/// Runs of one image that are told.
const RUNS_MAX: usize = 100;

/// What is at hand about an image in a repository.
pub(super) struct Scene {
    pub(super) repository: RepositoryName,
    pub(super) image: Digest,
    /// Nothing, if the image was deleted or never here.
    pub(super) manifest: Option<Manifest>,
    pub(super) config: Option<ImageConfig>,
    pub(super) place: Option<ImagePlace>,
    pub(super) pushed_at: Option<Timestamp>,
    /// What is said of it.
    pub(super) own: Vec<Testified>,
    /// What is said of indexes that list it.
    pub(super) of_indexes: Vec<Testified>,
    pub(super) runs: Vec<Run>,
}

/// The best that is said of one kind.
pub(super) struct Best<'s> {
    pub(super) grade: Grade,
    pub(super) said: &'s Testified,
}

impl Scene {
    /// Looks everything up.
    pub(super) async fn of(
        judge: &Judge<'_>,
        repository: &RepositoryName,
        image: Digest,
    ) -> Result<Self, ReadError> {
        let catalogue = judge.storage.catalogue();
        let place = catalogue.places_of_images(vec![image]).await?;
        let place = place.into_iter().find(|place| place.repository == *repository);
        let stored = match &place {
            Some(_) => catalogue.manifest_anywhere(image).await?,
            None => None,
        };
        let manifest = stored.and_then(|stored| parse(&stored.bytes, &stored.media_type));
        let config = match &manifest {
            Some(Manifest::Image(manifest)) => judge.storage.image_config(manifest).await?,
            Some(Manifest::Index(_)) | None => None,
        };
        let pushed_at = catalogue.first_pushed_at(image).await?.filter(|_| place.is_some());
        let own = judge.facts(repository, image, is_told).await?;
        let indexes = indexes_of(judge, image).await?;
        let mut of_indexes = Vec::new();
        for index in &indexes {
            of_indexes.extend(judge.facts(repository, *index, is_told).await?);
        }
        let known_by = digests(image, manifest.as_ref(), &indexes);
        let runs = catalogue.runs_of(repository, &known_by, RUNS_MAX).await?;
        let repository = repository.clone();
        Ok(Self { repository, image, manifest, config, place, pushed_at, own, of_indexes, runs })
    }

    /// Whether nothing at all is known.
    pub(super) fn is_empty(&self) -> bool {
        self.manifest.is_none() && self.own.is_empty() && self.runs.is_empty()
    }

    /// The best that is said of one of these kinds: what counts; then what is claimed; then what an index inherits.
    pub(super) fn best(&self, kinds: &[PredicateType]) -> Option<Best<'_>> {
        let is_kind = |said: &&Testified| {
            let kind = said.noted.fact.predicate_type.as_deref();
            kinds.iter().any(|wanted| Some(wanted.as_str()) == kind)
        };
        let proven = |said: &&Testified| said.fact().is_some();
        let own = || self.own.iter().filter(is_kind);
        let best = |grade| move |said| Best { grade, said };
        // The last is the newest.
        own()
            .rfind(proven)
            .map(best(Grade::Signed))
            .or_else(|| own().next_back().map(best(Grade::Claimed)))
            .or_else(|| self.of_indexes.iter().rfind(is_kind).map(best(Grade::InheritedIgnored)))
    }

    /// What was said and deleted: only the log remembers it.
    pub(super) fn deleted(&self) -> impl Iterator<Item = &Testified> {
        self.own.iter().filter(|said| said.noted.fact.layer.is_none())
    }

    /// Annotations of the manifest and labels of the config; the manifest's come first.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        let annotations = self.manifest.as_ref().map(Manifest::annotations);
        let labels = self.config.as_ref().map(|config| &config.config.labels);
        let sources = [annotations, labels];
        let mut found = sources.into_iter().flatten().filter_map(|labels| labels.get(name));
        found.find(|value| !value.is_empty()).map(String::as_str)
    }
}

impl Best<'_> {
    /// How well one aspect of a build is known: a builder may pass on what others only claim.
    pub(super) fn grade_of(&self, aspect: Aspect) -> Grade {
        let read = self.said.statement().and_then(Provenance::of);
        let is_passed_on =
            read.is_some_and(|provenance| provenance.grade(aspect) == plimsoll_attest::Grade::Claimed);
        if self.grade == Grade::Signed && is_passed_on { Grade::Claimed } else { self.grade }
    }

    /// What it says, in short.
    pub(super) fn account(&self) -> Account {
        self.said.statement().map(Account::of).unwrap_or_default()
    }
}

/// The kinds that a trace tells of, and what is left of deleted ones.
fn is_told(noted: &NotedFact) -> bool {
    const TOLD: [PredicateType; 4] = [
        PredicateType::SIGNATURE,
        PredicateType::PROVENANCE,
        PredicateType::PROVENANCE_V02,
        PredicateType::APPROVAL,
    ];
    let kind = noted.fact.predicate_type.as_deref();
    noted.fact.layer.is_none() || TOLD.iter().any(|told| Some(told.as_str()) == kind)
}

async fn indexes_of(judge: &Judge<'_>, image: Digest) -> Result<Vec<Digest>, ReadError> {
    let nodes = judge.storage.catalogue().edges_to(&Node::Image(image), EdgeKind::Lists, INDEXES_MAX).await?;
    Ok(nodes
        .into_iter()
        .filter_map(|node| if let Node::Image(index) = node { Some(index) } else { None })
        .collect())
}

/// Whoever runs an image knows it by its manifest, by its config, or by an index that lists it.
fn digests(image: Digest, manifest: Option<&Manifest>, indexes: &[Digest]) -> Vec<Digest> {
    let config = match manifest {
        Some(Manifest::Image(manifest)) => Some(manifest.config.digest),
        Some(Manifest::Index(_)) | None => None,
    };
    std::iter::once(image).chain(config).chain(indexes.iter().copied()).collect()
}
