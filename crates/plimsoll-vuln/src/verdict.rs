//! What is known against a whole image: its components' matches, assembled by rules that depend on the image.
//!
//! Matching asks what the advisories say of one component, whatever image holds it, so it is done once for each distinct
//! component. Assembling asks the rest: who owns the file, what was said by VEX, what is ignored for now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_sbom::{Component, Distribution, Mismatch, PackageType};
use serde::{Deserialize, Serialize};

use crate::acceptance::{Acceptance, AcceptanceUse, Accepted};
use crate::feed::Reason;
use crate::finding::Finding;
use crate::matching::Matches;
use crate::severity::Severity;
use crate::vex::{Assertion, Image, Installed, Statements};

use self::assemble::most_urgent_first;
use self::assumed::Assumed;

pub use gate::{Gate, GateFault, Refusal};
pub use ignore::{Ignore, IgnoreState, IgnoreUse};

mod assemble;
mod assumed;
mod compare;
mod gate;
mod ignore;
mod shared;

/// A component of the image, with what matching made of it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The component.
    pub component: &'a Component,
    /// What the advisories say of it.
    pub matches: &'a Matches,
    /// Which of the subjects is the package of the distribution that owns the component's file.
    pub owner: Option<usize>,
}

/// What an image is judged with besides its components.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What its os-release says.
    pub distribution: Option<&'a Distribution>,
    /// How VEX statements name it.
    pub image: &'a Image,
    /// VEX statements.
    pub statements: &'a Statements,
    /// What is ignored for now.
    pub ignores: &'a [Ignore],
    /// The time of the judgement.
    pub now: Timestamp,
    /// How much of the image is accounted for.
    pub coverage: Option<Coverage>,
    /// Where the image's config is wrong about its layers.
    pub mismatches: &'a [Mismatch],
    /// The advisories that answered.
    pub data: &'a Data,
}

/// Which advisories a verdict comes from: another index may say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// The digest of the index.
    pub index: String,
    /// The oldest of its shards that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

/// How many of the image's programs belong to some component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Executables of the image.
    pub executables: u64,
    /// Those that a component accounts for.
    pub accounted: u64,
}

/// What is known against an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// What counts, the most urgent first.
    pub findings: Vec<Found>,
    /// What does not count, and why.
    pub suppressed: Vec<Suppressed>,
    /// What advisories tell that is no vulnerability: unmaintained and unsound crates, notices.
    pub informational: Vec<Found>,
    /// What could not be judged, or not in full. An image with gaps is not clean, whatever was found.
    pub gaps: Vec<Gap>,
    /// Where the image's config is wrong about its layers. Such an image is not clean, and no gate lets it pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mismatches: Vec<Mismatch>,
    /// What to upgrade to, for each component with findings that releases mend.
    pub upgrades: Vec<Upgrade>,
    /// What became of each entry that ignores something.
    pub ignores: Vec<IgnoreUse>,
    /// What became of each exception that holds for the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<AcceptanceUse>,
    /// The findings in numbers.
    pub counts: Counts,
    /// How much of the image is accounted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// Which advisories answered.
    pub data: Data,
    /// When.
    pub judged_at: Timestamp,
}

/// A component of the image by its place and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its position among the subjects.
    pub position: usize,
    /// Its type.
    #[serde(rename = "type")]
    pub package_type: PackageType,
    /// Namespace and name.
    pub name: String,
    /// Its version as installed.
    pub version: String,
}

/// A finding where it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The component.
    pub place: Place,
    /// What is known against it.
    #[serde(with = "shared")]
    pub finding: Arc<Finding>,
    /// What VEX says of it, which does not suppress it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Assertion>,
}

/// A finding that does not count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suppressed {
    /// The finding.
    pub found: Found,
    /// Why.
    pub because: Because,
}

/// Why a finding does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// The package brings only headers or metadata.
    HeadersOnly,
    /// The distribution says that the package is not affected, which holds for all its files.
    NotAffected {
        /// Whose advisories say so.
        ecosystem: String,
        /// Of which package.
        package: String,
    },
    /// The file belongs to a package of the distribution, whose advisories alone count: it carries fixes back without
    /// a change of the upstream's version.
    OwnedByPackage(String),
    /// A VEX statement says so.
    Vex(Assertion),
    /// Somebody accepts it for now.
    Ignored(Ignore),
    /// Somebody signed that they accept it, and it is still what they saw.
    Accepted(Acceptance),
}

/// Components that could not be judged for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// Why.
    pub reason: Reason,
    /// Whether advisories were asked all the same, so that only their silence proves nothing.
    pub is_partial: bool,
    /// Which.
    pub components: Vec<Place>,
}

/// The version of a component that clears all its findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// The component.
    pub place: Place,
    /// The version; for a distribution's package that of its source.
    pub to: String,
    /// Whether findings remain for which no release is known.
    pub leaves_some: bool,
}

/// Findings in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// By severity; each has an entry.
    pub by_severity: BTreeMap<Severity, usize>,
    /// Findings for which a fixed version is known.
    pub fixable: usize,
    /// Findings that are known to be exploited.
    pub exploited: usize,
    /// Different vulnerabilities: one may be in several components.
    pub vulnerabilities: usize,
    /// Components with findings.
    pub components: usize,
}

impl Coverage {
    /// Whole per cent, rounded down, so that 100 means all. An image without programs is accounted for.
    pub fn percent(&self) -> u64 {
        let share = u128::from(self.accounted.min(self.executables)) * 100;
        let percent = share.checked_div(u128::from(self.executables)).unwrap_or(100);
        u64::try_from(percent).unwrap_or(100)
    }
}

impl Verdict {
    /// Judges an image.
    pub fn of(subjects: &[Subject<'_>], case: &Case<'_>) -> Self {
        assemble::assemble(subjects, case)
    }

    /// Whether nothing was found, everything was judged in full, and the image is what it says it is.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.gaps.is_empty() && self.mismatches.is_empty()
    }

    /// Takes out what is assumed not to count, once the verdict is made.
    pub(crate) fn amend<'i>(
        &mut self,
        installed: impl Fn(usize) -> Option<Installed<'i>>,
        statements: &Statements,
        image: &Image,
        ignores: &[Ignore],
        now: Timestamp,
    ) {
        let mut assumed = Assumed::new(statements, image, ignores, now);
        for list in [&mut self.findings, &mut self.informational] {
            let mut kept = Vec::new();
            for mut found in std::mem::take(list) {
                let because = installed(found.place.position)
                    .and_then(|installed| assumed.suppression(&mut found, &installed));
                match because {
                    Some(because) => self.suppressed.push(Suppressed { found, because }),
                    None => kept.push(found),
                }
            }
            *list = kept;
        }
        self.count_again();
        self.ignores = assumed.into_ignores();
    }

    /// Takes out what people accept, as far as it is still what they saw.
    pub(crate) fn accept<'i>(
        &mut self,
        installed: impl Fn(usize) -> Option<Installed<'i>>,
        acceptances: &[Acceptance],
        now: Timestamp,
    ) {
        let mut accepted = Accepted::new(acceptances, now);
        for found in std::mem::take(&mut self.findings) {
            let by = installed(found.place.position).and_then(|at| accepted.covering(&found.finding, &at));
            match by {
                Some(by) => self.suppressed.push(Suppressed { found, because: Because::Accepted(by) }),
                None => self.findings.push(found),
            }
        }
        self.count_again();
        self.exceptions = accepted.into_uses();
    }

    fn count_again(&mut self) {
        self.suppressed.sort_by(|left, right| most_urgent_first(&left.found, &right.found));
        let has_findings = |upgrade: &Upgrade| self.findings.iter().any(|found| found.place == upgrade.place);
        self.upgrades.retain(has_findings);
        self.counts = Counts::of(&self.findings);
    }

    /// What this image has and `base`, judged with the same advisories, has not.
    ///
    /// The same vulnerability in another version of the same component is not new.
    #[must_use]
    pub fn new_since(&self, base: &Self) -> Self {
        compare::new_since(self, base)
    }
}

impl Place {
    fn of(position: usize, component: &Component) -> Self {
        Self {
            position,
            package_type: component.package_type,
            name: component.full_name(),
            version: component.version.clone(),
        }
    }

    /// Whether it is the same package, in whatever version.
    fn is_same_package(&self, other: &Self) -> bool {
        self.package_type == other.package_type && self.name == other.name
    }
}

impl Counts {
    fn of(findings: &[Found]) -> Self {
        let mut counts = Self::default();
        for severity in Severity::WORST_FIRST {
            counts.by_severity.insert(severity, 0);
        }
        for found in findings {
            *counts.by_severity.entry(found.finding.rating.severity).or_default() += 1;
            counts.fixable += usize::from(found.finding.is_fixable());
            counts.exploited += usize::from(found.finding.priority.exploited_since.is_some());
        }
        counts.vulnerabilities =
            findings.iter().map(|found| &found.finding.id).collect::<BTreeSet<_>>().len();
        counts.components = findings.iter().map(|found| found.place.position).collect::<BTreeSet<_>>().len();
        counts
    }
}
