use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use plimsoll_oci::Digest;
use plimsoll_sbom::{Component, Distribution};
use plimsoll_vuln::feed::Terms;
use plimsoll_vuln::index::{Enrichments, Index, Shard};
use plimsoll_vuln::matching::{Matcher, Matches, match_component};
use plimsoll_vuln::severity::Severity;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

use crate::Event;
use crate::holdings::Holdings;
use crate::judgements::{Judgements, Known, difference};
use crate::lineage::{Answer, Question};
use crate::processors::work_at;
use crate::surroundings::{Piece, Surroundings};

/// A component as images share it: with the distribution around it, because that decides whose advisories count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interned {
    /// The component.
    pub component: Component,
    /// The distribution of the images that hold it; none for language packages, which are the same everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
}

/// Everything known of the registry's images that questions about vulnerabilities need.
pub struct Inventory {
    components: Vec<Option<Arc<Interned>>>,
    surroundings: Surroundings,
    /// The components that an advisory on a name may be about.
    by_name: HashMap<Box<str>, Vec<u32>>,
    holdings: Holdings,
    judgements: Judgements,
    index: Arc<Index>,
    terms: Terms,
}

/// A component with a vulnerability, and the images that hold it.
#[derive(Clone, Debug)]
pub struct Location {
    /// The component's number.
    pub number: u32,
    /// The component.
    pub component: Arc<Interned>,
    /// What is known of it.
    pub matches: Matches,
    /// The images.
    pub images: Vec<Digest>,
}

/// A component that a question concerns.
#[derive(Clone, Debug)]
pub struct Concerned {
    /// The component's number.
    pub number: u32,
    /// The component.
    pub component: Arc<Interned>,
    /// What is to be said of it.
    pub answer: Answer,
}

impl Interned {
    /// The component as an image with this distribution shares it.
    pub fn new(component: Component, distribution: Option<&Distribution>) -> Self {
        let is_system = component.package_type.is_system();
        Self { component, distribution: distribution.filter(|_| is_system).cloned() }
    }
}

impl Inventory {
    /// Begins with no images.
    pub fn new(index: Arc<Index>, terms: Terms) -> Self {
        Self {
            components: Vec::new(),
            surroundings: Surroundings::default(),
            by_name: HashMap::new(),
            holdings: Holdings::default(),
            judgements: Judgements::default(),
            index,
            terms,
        }
    }

    /// The advisories in force.
    pub fn index(&self) -> &Arc<Index> {
        &self.index
    }

    /// How many images are known.
    pub fn image_count(&self) -> usize {
        self.holdings.image_count()
    }

    /// Takes components in, and matches them. Numbers that are known already change nothing.
    pub fn add_components(&mut self, components: impl IntoIterator<Item = (u32, Interned)>) {
        let mut added = Vec::new();
        for (number, interned) in components {
            let at = number as usize;
            if at >= self.components.len() {
                self.components.resize_with(at + 1, || None);
            }
            if self.components[at].is_none() {
                for name in names(&interned.component) {
                    self.by_name.entry(name).or_default().push(number);
                }
                self.surroundings.put(number, &interned.distribution);
                self.components[at] = Some(Arc::new(interned));
                added.push(number);
            }
        }
        self.rematch(added);
    }

    /// Notes that an image holds exactly these components.
    pub fn put_image(&mut self, image: Digest, components: &[u32]) {
        self.holdings.put(image, components);
    }

    /// Puts other advisories in force, and tells what they change. Only components are matched again of whose names the
    /// changed shards speak, or in which a CVE was found of which something else is known now.
    pub fn replace_index(&mut self, index: Arc<Index>) -> Vec<Event> {
        let old = std::mem::replace(&mut self.index, index);
        let affected = self.affected_since(&old);
        for cve in Enrichments::changed(old.enrichments(), self.index.enrichments()) {
            let found: Vec<u32> = self.judgements.components_with(&cve).collect();
            found.into_iter().for_each(|component| self.judgements.unsettle(component));
        }
        self.rematch(affected)
    }

    /// The images of which `index` says something else than the advisories in force. No component is judged for that, so
    /// it is known long before [`Inventory::replace_index`] is done. `None` where shards come or go: it may be all then.
    pub fn images_touched_by(&self, index: &Index) -> Option<Vec<Digest>> {
        let names = changed_names(&self.index, index)?;
        let mut touched = self.found_in(&Enrichments::changed(self.index.enrichments(), index.enrichments()));
        let pieces = self.surroundings.part(self.called(&names));
        for unsettled in work_at(&pieces, |piece| self.unsettled(piece, index)) {
            touched.extend(unsettled);
        }
        Some(self.images_with(touched.into_iter()))
    }

    /// The components of which the advisories in force may say something else than `old` does, ascending.
    pub fn affected_since(&self, old: &Index) -> Vec<u32> {
        match changed_names(old, &self.index) {
            Some(names) => {
                let found = self.found_in(&Enrichments::changed(old.enrichments(), self.index.enrichments()));
                (self.called(&names) | found).into_iter().collect()
            }
            None => self.numbers(),
        }
    }

    /// What is different for those of the components that some image holds, now and by the advisories `old`.
    pub fn events_since(&self, old: &Index, components: &[u32]) -> Vec<Event> {
        let held = components.iter().copied().filter(|number| self.holdings.is_held(*number));
        let pieces = self.surroundings.part(held);
        work_at(&pieces, |piece| self.events_of(piece, old)).into_iter().flatten().collect()
    }

    /// A component by its number.
    pub fn component(&self, number: u32) -> Option<&Arc<Interned>> {
        self.components.get(number as usize)?.as_ref()
    }

    /// Where a vulnerability is: each component with it that some image holds.
    pub fn locate(&self, id: &str) -> Vec<Location> {
        let held = self.judgements.components_with(id).filter(|number| self.holdings.is_held(*number));
        held.filter_map(|number| {
            let component = self.component(number)?.clone();
            let distribution = component.distribution.as_ref();
            Some(Location {
                number,
                matches: match_component(&component.component, distribution, &self.index, &self.terms),
                component,
                images: self.holdings.holding_any(std::iter::once(number)),
            })
        })
        .collect()
    }

    /// The components that a question concerns, whatever is to be said of them.
    pub fn concerned(&self, question: &Question) -> Vec<Concerned> {
        let called = self.called(question.names());
        let pieces = self.surroundings.part(called);
        let answers = work_at(&pieces, |piece| {
            let mut matcher = self.matcher(piece, &self.index);
            let of_piece = piece.components.iter().filter_map(|number| {
                let component = self.component(*number)?;
                question.concerns(&component.component).then(|| (*number, component.clone()))
            });
            let answered = of_piece.map(|(number, component)| {
                let answer = question.answer(&component.component, &mut matcher);
                Concerned { number, component, answer }
            });
            answered.collect::<Vec<_>>()
        });
        answers.into_iter().flatten().collect()
    }

    /// Those of the components that an image holds; `None` if the image is not known here.
    pub fn held_by(&self, image: Digest, components: &[u32]) -> Option<Vec<u32>> {
        self.holdings.held_by(image, components)
    }

    /// The highest number of a component that is known.
    pub fn last_component(&self) -> u32 {
        u32::try_from(self.components.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// The images that hold any of these components: where events have happened.
    pub fn images_with(&self, components: impl Iterator<Item = u32>) -> Vec<Digest> {
        self.holdings.holding_any(components)
    }

    /// Findings by severity, counted once for each distinct component that some image holds.
    pub fn counts(&self) -> BTreeMap<Severity, u64> {
        self.judgements.counts(|component| self.holdings.is_held(component))
    }

    /// The components of which advisories on these names may speak.
    fn called(&self, names: &BTreeSet<Box<str>>) -> RoaringBitmap {
        names.iter().filter_map(|name| self.by_name.get(name)).flatten().copied().collect()
    }

    /// The components in which these CVEs were found.
    fn found_in(&self, cves: &[String]) -> RoaringBitmap {
        cves.iter().flat_map(|cve| self.judgements.components_with(cve)).collect()
    }

    fn numbers(&self) -> Vec<u32> {
        let known = (0_u32..).zip(&self.components).filter(|(_, component)| component.is_some());
        known.map(|(number, _)| number).collect()
    }

    /// Matches components of which the advisories in force may say something else.
    fn rematch(&mut self, numbers: Vec<u32>) -> Vec<Event> {
        let pieces = self.surroundings.part(numbers);
        let found = work_at(&pieces, |piece| self.match_unsettled(piece));
        let put = |(number, fingerprint, known)| self.judgements.put(number, fingerprint, known);
        found.into_iter().flatten().flat_map(put).collect()
    }

    /// Fingerprint and findings of those of the components that are not settled.
    fn match_unsettled(&self, piece: &Piece<'_>) -> Vec<(u32, u64, Box<[Known]>)> {
        let mut matcher = self.matcher(piece, &self.index);
        let mut found = Vec::new();
        for (number, component) in self.components_of(piece) {
            let fingerprint = matcher.fingerprint(component);
            if !self.judgements.is_settled(number, fingerprint) {
                found.push((number, fingerprint, Known::of(matcher.matches(component))));
            }
        }
        found
    }

    /// Those of the components of which `index` says something else than is known.
    fn unsettled(&self, piece: &Piece<'_>, index: &Index) -> Vec<u32> {
        let mut matcher = self.matcher(piece, index);
        let of_piece = self.components_of(piece);
        of_piece
            .filter(|(number, component)| {
                !self.judgements.is_settled(*number, matcher.fingerprint(component))
            })
            .map(|(number, _)| number)
            .collect()
    }

    /// What is known now of the components that `old` did not say.
    fn events_of(&self, piece: &Piece<'_>, old: &Index) -> Vec<Event> {
        let mut matcher = self.matcher(piece, old);
        let mut events = Vec::new();
        for (number, component) in self.components_of(piece) {
            let Some(now) = self.judgements.get(number) else { continue };
            events.extend(difference(number, &Known::of(matcher.matches(component)), now));
        }
        events
    }

    fn components_of(&self, piece: &Piece<'_>) -> impl Iterator<Item = (u32, &Component)> {
        let numbers = piece.components.iter();
        numbers.filter_map(|number| Some((*number, &self.component(*number)?.component)))
    }

    /// Matches as far as an inventory keeps what is found.
    fn matcher<'i>(&self, piece: &Piece<'_>, index: &'i Index) -> Matcher<'i> {
        Matcher::new(index, piece.distribution, &self.terms).without_summaries().without_upgrades()
    }
}

/// The names by which advisories may speak of a component: its own with and without namespace, and its source's.
pub(crate) fn names(component: &Component) -> BTreeSet<Box<str>> {
    let source = component.source.as_ref().map(|source| folded(&source.name));
    [folded(&component.full_name()), folded(&component.name)].into_iter().chain(source).collect()
}

/// Names that some ecosystem takes for the same are the same here; one too many is matched in vain, one too few would be
/// missed.
pub(crate) fn folded(name: &str) -> Box<str> {
    name.chars()
        .map(|c| if matches!(c, '_' | '.') { '-' } else { c.to_ascii_lowercase() })
        .collect::<String>()
        .into()
}

/// The folded names of packages whose advisories differ; `None` where shards came or went, so that another evaluation
/// holds for whole ecosystems.
fn changed_names(old: &Index, new: &Index) -> Option<BTreeSet<Box<str>>> {
    let names: BTreeSet<&str> = old.shards().chain(new.shards()).map(Shard::name).collect();
    let both: Option<Vec<(&Shard, &Shard)>> =
        names.into_iter().map(|name| Some((old.shard(name)?, new.shard(name)?))).collect();
    Some(both?.into_iter().flat_map(|(old, new)| Shard::changed(old, new)).map(folded).collect())
}

#[cfg(test)]
mod tests;
