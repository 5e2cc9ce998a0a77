//! What the advisories say of one component, by the rules that decide how often they are right.
//!
//! * Packages of a distribution are matched against the distribution's advisories only. Fixes are carried back, so the
//!   upstream's versions mean nothing there.
//! * Debian, Ubuntu and Alpine name source packages; Red Hat's kin name what is installed.
//! * An rpm advisory on a module speaks of builds of its stream alone.
//! * A Go advisory that names functions is about programs into which one of them was linked.
//! * What was built from a working tree has no version to compare: it is not evaluated, rather than wrong.
//! * Nothing is matched by CPE or by a similar name.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use plimsoll_sbom::{Component, Distribution, Kinship, PackageType};

use crate::feed::{self, Evaluation, Reason, Terms};
use crate::finding::Finding;
use crate::index::{Advisory, Affected, Hit, Index, Shard, Unpacked};

use lane::Lane;
pub use lane::language_ecosystem;
use qualifiers::Qualified;
use report::Record;

mod lane;
mod qualifiers;
mod query;
mod report;
mod upgrade;

/// What the advisories say of a component. It depends on the component, the distribution around it and the index, not
/// on the image, so it holds for every image that has the component.
#[derive(Clone, Debug)]
pub struct Matches {
    /// Which advisories answered.
    pub evaluation: Arc<Evaluation>,
    /// What they know against it, each vulnerability once.
    pub findings: Vec<Arc<Finding>>,
    /// The ids of which the distribution says that they never affected the package.
    pub not_affected: Vec<String>,
    /// The version that clears all findings for which a release is known.
    pub clears: Option<String>,
    /// Whether findings remain for which none is.
    pub leaves_some: bool,
}

/// Matches the components of one distribution.
///
/// It holds what is the same for all of them and room for keys, so that a component against which nothing is known
/// costs no allocation. One for each thread.
#[derive(Debug)]
pub struct Matcher<'i> {
    index: &'i Index,
    distribution: Option<Distribution>,
    system: Lane<'i>,
    languages: Vec<(PackageType, Lane<'i>)>,
    /// Summaries that were read; nothing where findings are to have none.
    summaries: Option<Unpacked<'i>>,
    has_upgrades: bool,
    name: String,
    version: String,
    key: Vec<u8>,
}

/// Matches one component. For many of one distribution, keep a [`Matcher`].
pub fn match_component(
    component: &Component,
    distribution: Option<&Distribution>,
    index: &Index,
    terms: &Terms,
) -> Matches {
    Matcher::new(index, distribution, terms).matches(component)
}

impl<'i> Matcher<'i> {
    /// Chooses the advisories for a distribution, or for an image without one.
    pub fn new(index: &'i Index, distribution: Option<&Distribution>, terms: &Terms) -> Self {
        Self {
            index,
            distribution: distribution.cloned(),
            system: Lane::of_system(index, distribution, terms),
            languages: Lane::of_languages(index, terms),
            summaries: Some(Unpacked::default()),
            has_upgrades: true,
            name: String::new(),
            version: String::new(),
            key: Vec::new(),
        }
    }

    /// Leaves the summaries of findings out. They are packed, so that reading one costs more than all the rest: whoever
    /// matches a fleet again asks for them where people look.
    #[must_use]
    pub fn without_summaries(mut self) -> Self {
        self.summaries = None;
        self
    }

    /// Leaves out which version clears a component: for each version on the way up all advisories are asked again.
    #[must_use]
    pub fn without_upgrades(mut self) -> Self {
        self.has_upgrades = false;
        self
    }

    /// What is known against a component.
    pub fn matches(&mut self, component: &Component) -> Matches {
        if let Some(reason) = self.obstacle(component) {
            return Matches::none(Arc::new(Evaluation::NotEvaluated(reason)));
        }
        let Self { index, system, languages, name, version, key, summaries, has_upgrades, .. } = self;
        let Some(lane) = lane_of(component.package_type, system, languages) else {
            return Matches::none(Arc::new(Evaluation::NotEvaluated(Reason::ProgramNotCovered)));
        };
        if lane.shards.is_empty() {
            return Matches::none(Arc::clone(&lane.evaluation));
        }
        if !query::write(component, lane.naming, name, version) {
            return Matches::none(Arc::new(Evaluation::NotEvaluated(Reason::ProgramNotCovered)));
        }
        let asked = Asked { component, name, version };
        let answer = collect(&asked, lane, key);
        if answer.is_empty() {
            return Matches::none(answer.evaluation(lane));
        }
        let mut matches = report::tell(&asked, lane, answer, index, summaries.as_mut());
        if *has_upgrades {
            let goal = upgrade::find(&asked, lane, &matches.findings);
            (matches.clears, matches.leaves_some) = (goal.version, goal.leaves_some);
        }
        matches
    }

    /// A number that is another one where other records match a component, or say something else of it; for comparing
    /// states of the advisories within one process. It costs a fraction of matching, and what is known of CVEs whatever
    /// package they touch does not change it.
    pub fn fingerprint(&mut self, component: &Component) -> u64 {
        if self.obstacle(component).is_some() {
            return 0;
        }
        let Self { system, languages, name, version, key, .. } = self;
        let Some(lane) = lane_of(component.package_type, system, languages) else { return 0 };
        if lane.shards.is_empty() || !query::write(component, lane.naming, name, version) {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        let asked = Asked { component, name, version };
        collect(&asked, lane, key).records.iter().for_each(|record| record.hash(&mut hasher));
        hasher.finish()
    }

    /// Why a component cannot be judged, whatever the advisories say.
    fn obstacle(&self, component: &Component) -> Option<Reason> {
        if component.version.is_empty() {
            return Some(Reason::NoVersion);
        }
        if component.package_type == PackageType::Golang && is_unreleased(component) {
            return Some(Reason::NotReleased);
        }
        if !component.package_type.is_system() {
            return None;
        }
        let distribution = self.distribution.as_ref()?;
        let is_foreign = self.system.package_type.is_some_and(|own| own != component.package_type);
        if is_foreign {
            return Some(Reason::ForeignPackage(component.package_type));
        }
        feed::third_party(component, distribution).map(|who| Reason::ThirdParty(who.to_owned()))
    }
}

/// What is asked of the shards.
struct Asked<'a> {
    component: &'a Component,
    /// The name that the feed knows the component by.
    name: &'a str,
    /// The version that is compared.
    version: &'a str,
}

/// What shards answer.
#[derive(Default)]
struct Answer<'i> {
    records: Vec<Record<'i>>,
    /// The advisories that say that the package never was affected.
    denials: Vec<Advisory<'i>>,
    /// Why ranges could not be compared to the version.
    obstacle: Option<Reason>,
}

impl Answer<'_> {
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.denials.is_empty()
    }

    /// What is to be said of the answer.
    fn evaluation(&self, lane: &Lane<'_>) -> Arc<Evaluation> {
        match (&self.obstacle, lane.evaluation.ecosystem()) {
            (None, _) => Arc::clone(&lane.evaluation),
            (Some(obstacle), Some(ecosystem)) if !self.records.is_empty() => {
                let reasons = lane.evaluation.reasons().iter().chain([obstacle]).cloned().collect();
                Arc::new(Evaluation::by(ecosystem.to_owned(), reasons))
            }
            (Some(obstacle), _) => Arc::new(Evaluation::NotEvaluated(obstacle.clone())),
        }
    }
}

/// Collects what a lane's shards say. The version is encoded only where they know the package at all.
fn collect<'i>(asked: &Asked<'_>, lane: &Lane<'i>, key: &mut Vec<u8>) -> Answer<'i> {
    let mut answer = Answer::default();
    for shard in &lane.shards {
        let mut entries = shard.affecting(asked.name).peekable();
        if entries.peek().is_none() {
            continue;
        }
        key.clear();
        let fault = shard.order().encode(asked.version, key).err();
        for affected in entries {
            let hit = match fault {
                None => affected.contains(key, asked.version),
                // A version that has no order may still be named as it is written.
                Some(_) => affected.names_unordered(asked.version).then_some(LISTED),
            };
            answer.take(asked, shard, affected, hit);
        }
        answer.obstacle = answer.obstacle.or(fault.map(|fault| Reason::VersionNotOrdered(fault.to_string())));
    }
    answer
}

const LISTED: Hit<'static> = Hit { introduced: None, fixed: None, last_affected: None };

impl<'i> Answer<'i> {
    fn take(&mut self, asked: &Asked<'_>, shard: &'i Shard, affected: Affected<'i>, hit: Option<Hit<'i>>) {
        if affected.is_not_affected() {
            self.denials.extend(affected.advisory());
            return;
        }
        let Some(hit) = hit else { return };
        let Qualified::Yes(mark) = qualifiers::qualify(asked, &affected, &hit) else { return };
        self.records.extend(Record::read(shard, affected, hit, mark));
    }
}

fn lane_of<'l, 'i>(
    package_type: PackageType,
    system: &'l Lane<'i>,
    languages: &'l [(PackageType, Lane<'i>)],
) -> Option<&'l Lane<'i>> {
    if package_type.is_system() {
        return Some(system);
    }
    languages.iter().find(|(known, _)| *known == package_type).map(|(_, lane)| lane)
}

/// Whether a Go module was built from a working tree. Without the tags that Go derives versions from, a program's own
/// module is `v0.0.0` with a time; a dependency with such a version really precedes all releases.
fn is_unreleased(component: &Component) -> bool {
    let is_own_module = component.kinship == Kinship::Installed;
    component.version.starts_with("(devel)") || (is_own_module && component.version.starts_with("v0.0.0-"))
}

impl Matches {
    fn none(evaluation: Arc<Evaluation>) -> Self {
        Self { evaluation, findings: Vec::new(), not_affected: Vec::new(), clears: None, leaves_some: false }
    }
}
