//! What is assumed after a verdict was made: a server judges by advisories alone, and whoever asks adds the rest.

use jiff::Timestamp;
use plimsoll_sbom::{Component, Distribution};

use crate::verdict::Ignore;
use crate::vex::{Image, Installed, Statements};

use super::ScanReport;

impl ScanReport {
    /// Takes out of the verdict what VEX statements and entries that ignore something suppress, by the rules by which
    /// [`Scan::report`](super::Scan::report) does.
    pub fn amend(&mut self, image: &Image, statements: &Statements, ignores: &[Ignore], now: Timestamp) {
        let components: Vec<Option<(Component, Option<Distribution>)>> =
            self.components.iter().map(|component| read(&component.purl)).collect();
        let installed = |position: usize| {
            let (component, said) = components.get(position)?.as_ref()?;
            Some(Installed { component, distribution: said.as_ref().or(self.distribution.as_ref()) })
        };
        self.verdict.amend(installed, statements, image, ignores, now);
    }
}

/// The component that a report names.
fn read(purl: &str) -> Option<(Component, Option<Distribution>)> {
    Component::from_purl(&purl.parse().ok()?)
}
