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
        let events = difference(component, self.matches[at].as_ref(), &matches);
        if let Some(before) = self.matches[at].take() {
            for id in before.findings.iter().flat_map(|finding| &finding.ids) {
                if let Some(components) = self.by_id.get_mut(id) {
                    components.remove(&component);
                }
            }
        }
        for id in matches.findings.iter().flat_map(|finding| &finding.ids) {
            self.by_id.entry(id.clone()).or_default().insert(component);
        }
        self.matches[at] = Some(matches);
        events
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

/// What happened to a component between two states of the advisories. A component that is new has no past to differ
/// from: what is known of it is told with its image.
pub(crate) fn difference(component: u32, before: Option<&Matches>, after: &Matches) -> Vec<Event> {
    let Some(before) = before else { return Vec::new() };
    // A record that names more ids than before may change the id that a finding goes by, and it is the same one still.
    let mut events = Vec::new();
    for finding in &after.findings {
        let state = FindingState::from(&**finding);
        let old = before.findings.iter().find(|old| old.is_same_vulnerability(finding));
        let old = old.map(|old| FindingState::from(&**old));
        let kind = match &old {
            None => EventKind::Appeared,
            Some(old) if *old != state => EventKind::Changed,
            Some(_) => continue,
        };
        let vulnerability = finding.id.clone();
        events.push(Event { kind, component, vulnerability, before: old, after: Some(state) });
    }
    for finding in
        before.findings.iter().filter(|old| !after.findings.iter().any(|new| new.is_same_vulnerability(old)))
    {
        let (vulnerability, before) = (finding.id.clone(), Some(FindingState::from(&**finding)));
        events.push(Event { kind: EventKind::Resolved, component, vulnerability, before, after: None });
    }
    events
}
