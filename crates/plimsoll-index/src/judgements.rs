use std::collections::{BTreeMap, BTreeSet, HashMap};

use plimsoll_vuln::matching::Matches;
use plimsoll_vuln::severity::Severity;

use crate::{Event, EventKind, FindingState};

/// What the advisories say of each component, and of which components they speak.
#[derive(Debug, Default)]
pub(crate) struct Judgements {
    matches: Vec<Option<Matches>>,
    /// The components that each id is found in.
    by_id: HashMap<String, BTreeSet<u32>>,
}

impl Judgements {
    pub(crate) fn get(&self, component: u32) -> Option<&Matches> {
        self.matches.get(component as usize)?.as_ref()
    }

    /// The components in which an id is found.
    pub(crate) fn components_with(&self, id: &str) -> impl Iterator<Item = u32> {
        self.by_id.get(id).into_iter().flatten().copied()
    }

    /// Replaces what is said of a component, and tells what is different.
    pub(crate) fn put(&mut self, component: u32, matches: Matches) -> Vec<Event> {
        let at = component as usize;
        if at >= self.matches.len() {
            self.matches.resize_with(at + 1, || None);
        }
        let before = self.matches[at].replace(matches);
        let (before, after) = (before.as_ref(), self.matches[at].as_ref());
        let (old_ids, new_ids) = (ids(before), ids(after));
        for id in old_ids.keys().filter(|id| !new_ids.contains_key(*id)) {
            if let Some(components) = self.by_id.get_mut(*id) {
                components.remove(&component);
            }
        }
        for id in new_ids.keys().filter(|id| !old_ids.contains_key(*id)) {
            match self.by_id.get_mut(*id) {
                Some(components) => drop(components.insert(component)),
                None => drop(self.by_id.insert((*id).to_owned(), BTreeSet::from([component]))),
            }
        }
        // A component that is new has no past to differ from: what is known of it is told with its image.
        before.zip(after).map(|(before, after)| difference(component, before, after)).unwrap_or_default()
    }

    /// Findings of all components by severity, each component counted once.
    pub(crate) fn counts(&self, is_held: impl Fn(u32) -> bool) -> BTreeMap<Severity, u64> {
        let mut counts = BTreeMap::new();
        for (component, matches) in (0_u32..).zip(&self.matches) {
            let Some(matches) = matches.as_ref().filter(|_| is_held(component)) else { continue };
            for finding in matches.findings.iter().filter(|finding| finding.informational.is_none()) {
                *counts.entry(finding.rating.severity).or_default() += 1;
            }
        }
        counts
    }
}

/// The place of the finding that each id is of; of several, the first.
fn ids(matches: Option<&Matches>) -> HashMap<&str, usize> {
    let mut ids = HashMap::new();
    for (place, finding) in matches.into_iter().flat_map(|matches| &matches.findings).enumerate() {
        for id in &finding.ids {
            ids.entry(id.as_str()).or_insert(place);
        }
    }
    ids
}

/// What happened to a component between two states of the advisories.
///
/// A record that names more ids than before may change the id that a finding goes by, and it is the same one still. A
/// kernel has thousands of findings, so each is looked for by its ids.
pub(crate) fn difference(component: u32, before: &Matches, after: &Matches) -> Vec<Event> {
    let (old_ids, new_ids) = (ids(Some(before)), ids(Some(after)));
    let mut events = Vec::new();
    for finding in &after.findings {
        let state = FindingState::from(&**finding);
        let place = finding.ids.iter().filter_map(|id| old_ids.get(id.as_str())).min();
        let old = place.and_then(|place| before.findings.get(*place));
        let old = old.map(|old| FindingState::from(&**old));
        let kind = match &old {
            None => EventKind::Appeared,
            Some(old) if *old != state => EventKind::Changed,
            Some(_) => continue,
        };
        let vulnerability = finding.id.clone();
        events.push(Event { kind, component, vulnerability, before: old, after: Some(state) });
    }
    let is_gone = |ids: &[String]| ids.iter().all(|id| !new_ids.contains_key(id.as_str()));
    for finding in before.findings.iter().filter(|old| is_gone(&old.ids)) {
        let (vulnerability, before) = (finding.id.clone(), Some(FindingState::from(&**finding)));
        events.push(Event { kind: EventKind::Resolved, component, vulnerability, before, after: None });
    }
    events
}
