//! What is assumed after a verdict was made: a server judges by advisories alone, and whoever asks adds the rest.

use jiff::Timestamp;
use plimsoll_sbom::{Component, Distribution};

use crate::acceptance::{Acceptance, Saw};
use crate::verdict::{Found, Ignore};
use crate::vex::{Image, Installed, PurlPattern, Statements};

use super::ScanReport;

impl ScanReport {
    /// Takes out of the verdict what VEX statements and entries that ignore something suppress, by the rules by which
    /// [`Scan::report`](super::Scan::report) does.
    pub fn amend(&mut self, image: &Image, statements: &Statements, ignores: &[Ignore], now: Timestamp) {
        let components = Components::of(self);
        self.verdict.amend(|position| components.installed(position), statements, image, ignores, now);
    }

    /// Takes out of the verdict what people accept, as far as it is still what they saw.
    pub fn accept(&mut self, acceptances: &[Acceptance], now: Timestamp) {
        let components = Components::of(self);
        self.verdict.accept(|position| components.installed(position), acceptances, now);
    }

    /// What is known of a vulnerability in the image, or in those of its components that the pattern stands for: its ids,
    /// and each different risk once. Nothing if it is in none of them.
    pub fn seen(&self, id: &str, pattern: Option<&PurlPattern>) -> Option<(Vec<String>, Vec<Saw>)> {
        let components = Components::of(self);
        let is_meant = |found: &&Found| {
            let installed = components.installed(found.place.position);
            found.finding.is_called(id)
                && pattern.is_none_or(|pattern| installed.is_some_and(|at| pattern.matches(&at)))
        };
        let (mut ids, mut saws) = (Vec::new(), Vec::new());
        for found in self.verdict.findings.iter().filter(is_meant) {
            let saw = Saw::of(&found.finding);
            // The name that people know comes first.
            ids.extend(std::iter::once(&found.finding.id).chain(&found.finding.ids).cloned());
            if !saws.contains(&saw) {
                saws.push(saw);
            }
        }
        let mut known = std::collections::HashSet::new();
        ids.retain(|id| known.insert(id.clone()));
        (!saws.is_empty()).then_some((ids, saws))
    }
}

/// The components that a report names, read back.
struct Components {
    all: Vec<Option<(Component, Option<Distribution>)>>,
    distribution: Option<Distribution>,
}

impl Components {
    fn of(report: &ScanReport) -> Self {
        let all = report.components.iter().map(|component| read(&component.purl)).collect();
        Self { all, distribution: report.distribution.clone() }
    }

    fn installed(&self, position: usize) -> Option<Installed<'_>> {
        let (component, said) = self.all.get(position)?.as_ref()?;
        Some(Installed { component, distribution: said.as_ref().or(self.distribution.as_ref()) })
    }
}

/// The component that a report names.
fn read(purl: &str) -> Option<(Component, Option<Distribution>)> {
    Component::from_purl(&purl.parse().ok()?)
}
