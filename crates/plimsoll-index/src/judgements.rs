use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use plimsoll_vuln::finding::Finding;
use plimsoll_vuln::matching::Matches;
use plimsoll_vuln::severity::Severity;

use crate::{Event, EventKind, FindingState};

/// What the advisories say of each component, and of which components they speak.
#[derive(Debug, Default)]
pub(crate) struct Judgements {
    known: Vec<Option<Box<[Known]>>>,
    /// The fingerprint of each component's matches; nothing where they are to be found again in any case.
    fingerprints: Vec<Option<u64>>,
    /// The components that each id is found in.
    by_id: HashMap<String, BTreeSet<u32>>,
}

/// A finding, as far as it tells one state of the advisories from another: a registry has millions, and the rest is
/// found again for the few that somebody looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The id that it goes by.
    id: String,
    ids: Vec<String>,
    state: FindingState,
    /// Whether it counts against an image.
    counts: bool,
}

impl Known {
    /// What matching has found.
    pub(crate) fn of(matches: Matches) -> Box<[Self]> {
        let findings = matches.findings.into_iter().map(Arc::unwrap_or_clone);
        let known = |finding: Finding| {
            let (state, counts) = (FindingState::from(&finding), finding.counts());
            Self { id: finding.id, ids: finding.ids, state, counts }
        };
        findings.map(known).collect()
    }
}

impl Judgements {
    pub(crate) fn get(&self, component: u32) -> Option<&[Known]> {
        self.known.get(component as usize)?.as_deref()
    }

    /// Whether matching would find what is known of a component already.
    pub(crate) fn is_settled(&self, component: u32, fingerprint: u64) -> bool {
        self.fingerprints.get(component as usize) == Some(&Some(fingerprint))
    }

    /// Has a component matched again in any case.
    pub(crate) fn unsettle(&mut self, component: u32) {
        if let Some(fingerprint) = self.fingerprints.get_mut(component as usize) {
            *fingerprint = None;
        }
    }

    /// The components in which an id is found.
    pub(crate) fn components_with(&self, id: &str) -> impl Iterator<Item = u32> {
        self.by_id.get(id).into_iter().flatten().copied()
    }

    /// Replaces what is said of a component, and tells what is different.
    pub(crate) fn put(&mut self, component: u32, fingerprint: u64, known: Box<[Known]>) -> Vec<Event> {
        let at = component as usize;
        if at >= self.known.len() {
            self.known.resize_with(at + 1, || None);
            self.fingerprints.resize(at + 1, None);
        }
        self.fingerprints[at] = Some(fingerprint);
        let before = self.known[at].replace(known);
        let after = self.known[at].as_deref().unwrap_or_default();
        if before.as_deref() == Some(after) {
            return Vec::new();
        }
        let (old_ids, new_ids) = (Ids::of(before.as_deref().unwrap_or_default()), Ids::of(after));
        for id in old_ids.besides(&new_ids) {
            if let Some(components) = self.by_id.get_mut(id) {
                components.remove(&component);
            }
        }
        for id in new_ids.besides(&old_ids) {
            match self.by_id.get_mut(id) {
                Some(components) => drop(components.insert(component)),
                None => drop(self.by_id.insert(id.to_owned(), BTreeSet::from([component]))),
            }
        }
        // A component that is new has no past to differ from: what is known of it is told with its image.
        before.map(|before| difference(component, &before, after)).unwrap_or_default()
    }

    /// Findings of all components by severity, each component counted once.
    pub(crate) fn counts(&self, is_held: impl Fn(u32) -> bool) -> BTreeMap<Severity, u64> {
        let mut counts = BTreeMap::new();
        for (component, known) in (0_u32..).zip(&self.known) {
            let Some(known) = known.as_ref().filter(|known| !known.is_empty() && is_held(component)) else {
                continue;
            };
            for known in known.iter().filter(|known| known.counts) {
                *counts.entry(known.state.severity).or_default() += 1;
            }
        }
        counts
    }
}

/// Ids in their order, each with the place of its finding.
struct Ids<'k>(Vec<(&'k str, usize)>);

impl<'k> Ids<'k> {
    fn of(known: &'k [Known]) -> Self {
        let findings = known.iter().enumerate();
        let mut ids: Vec<(&str, usize)> = findings
            .flat_map(|(place, known)| known.ids.iter().map(move |id| (id.as_str(), place)))
            .collect();
        ids.sort_unstable();
        Self(ids)
    }

    /// The place of the first finding that has an id.
    fn place(&self, id: &str) -> Option<usize> {
        let at = self.0.partition_point(|(known, _)| *known < id);
        self.0.get(at).filter(|(known, _)| *known == id).map(|(_, place)| *place)
    }

    /// The ids that the others lack.
    fn besides(&self, others: &Self) -> impl Iterator<Item = &'k str> {
        self.0.iter().map(|(id, _)| *id).filter(|id| others.place(id).is_none())
    }
}

/// What happened to a component between two states of the advisories.
///
/// A record that names more ids than before may change the id that a finding goes by, and it is the same one still. A
/// kernel has thousands of findings, so each is looked for by its ids.
pub(crate) fn difference(component: u32, before: &[Known], after: &[Known]) -> Vec<Event> {
    let (old_ids, new_ids) = (Ids::of(before), Ids::of(after));
    let mut events = Vec::new();
    for finding in after {
        let place = finding.ids.iter().filter_map(|id| old_ids.place(id)).min();
        let old = place.and_then(|place| before.get(place)).map(|old| old.state.clone());
        let kind = match &old {
            None => EventKind::Appeared,
            Some(old) if *old != finding.state => EventKind::Changed,
            Some(_) => continue,
        };
        let (vulnerability, after) = (finding.id.clone(), Some(finding.state.clone()));
        events.push(Event { kind, component, vulnerability, before: old, after });
    }
    for finding in before.iter().filter(|old| old.ids.iter().all(|id| new_ids.place(id).is_none())) {
        let (vulnerability, before) = (finding.id.clone(), Some(finding.state.clone()));
        events.push(Event { kind: EventKind::Resolved, component, vulnerability, before, after: None });
    }
    events
}
