use plimsoll_sbom::ImageContents;

use super::{Basis, Savings};
use crate::ImageLayers;

/// An image as it was built, in the numbers that savings are told in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighed {
    bytes: u64,
    stored_bytes: u64,
    packages: u64,
    findings: Option<u64>,
    seconds: f64,
}

impl Weighed {
    /// Weighs an image. `findings` tells how much is known against each component; none without advisories.
    pub fn of(layers: &ImageLayers, contents: &ImageContents, findings: Option<&[u64]>) -> Self {
        let system = contents.components.iter().filter(|one| one.component.package_type.is_system());
        Self {
            bytes: layers.totals.added_bytes,
            stored_bytes: layers.totals.stored_bytes,
            packages: system.count() as u64,
            findings: findings.map(|counts| counts.iter().sum()),
            seconds: layers.pull.seconds,
        }
    }

    /// What the image that was built with a change saves; nothing where it is no smaller.
    pub fn saved_by(&self, after: &Self) -> Option<Savings> {
        let stored_bytes = self.stored_bytes.checked_sub(after.stored_bytes).filter(|saved| *saved > 0)?;
        let findings = self.findings.zip(after.findings);
        Some(Savings {
            basis: Basis::Measured,
            bytes: self.bytes.saturating_sub(after.bytes),
            stored_bytes,
            packages: self.packages.saturating_sub(after.packages),
            findings: findings.map(|(before, after)| before.saturating_sub(after)),
            seconds: ((self.seconds - after.seconds).max(0.0) * 100.0).round() / 100.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_saves_the_difference_and_one_that_makes_it_larger_saves_nothing() {
        let before = Weighed { bytes: 900, stored_bytes: 300, packages: 9, findings: Some(4), seconds: 2.5 };
        let after = Weighed { bytes: 100, stored_bytes: 50, packages: 7, findings: Some(4), seconds: 0.25 };
        let saved = before.saved_by(&after).unwrap();
        assert_eq!((saved.basis, saved.bytes, saved.stored_bytes), (Basis::Measured, 800, 250));
        assert_eq!((saved.packages, saved.findings, saved.seconds), (2, Some(0), 2.25));
        assert_eq!(after.saved_by(&before), None);
        assert_eq!(before.saved_by(&before), None);
    }
}
