//! What becomes of a verdict: pass, shut gate, or an open question.

use std::collections::BTreeSet;

use plimsoll_vuln::feed::Reason;
use plimsoll_vuln::report::ScanReport;
use plimsoll_vuln::verdict::{Gap, Gate, Refusal, Verdict};

/// The files in which package managers of distributions say what is installed. Whatever is noted of one, what the
/// image holds is not known for sure.
const PACKAGE_DATABASES: &[&str] = &[
    "var/lib/dpkg/status",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    "var/lib/rpm/",
    "usr/lib/sysimage/rpm/",
    "var/lib/chisel/",
];

/// What becomes of a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// No gate was asked for.
    Told,
    /// Nothing is in the way.
    Pass,
    /// These things are.
    Shut(Vec<Refusal>),
    /// Nothing that was found is in the way, but too much could not be judged.
    NotEvaluated(Vec<String>),
}

impl Ruling {
    /// Rules on what is known of an image.
    pub(super) fn of(report: &ScanReport, gate: Option<&Gate>, allows_gaps: bool) -> Self {
        let verdict = &report.verdict;
        if let Some(reasons) = judged_nothing(verdict, report.components.len()) {
            return Self::NotEvaluated(reasons.into_iter().chain(unread(report)).collect());
        }
        let unread: Vec<String> = if allows_gaps { Vec::new() } else { unread(report).collect() };
        let Some(gate) = gate else {
            let is_unknown = verdict.findings.is_empty() && !unread.is_empty();
            return if is_unknown { Self::NotEvaluated(unread) } else { Self::Told };
        };
        let refusals = gate.check(verdict);
        let is_known = |refusal: &Refusal| {
            !matches!(refusal, Refusal::NotEvaluated { .. } | Refusal::Coverage { percent: None, .. })
        };
        if refusals.iter().any(is_known) {
            return Self::Shut(refusals);
        }
        let mut reasons: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
        if !allows_gaps && reasons.is_empty() {
            reasons
                .extend(verdict.gaps.iter().filter(|gap| is_for_want_of_advisories(&gap.reason)).map(told));
            reasons.extend(unread);
        }
        if reasons.is_empty() { Self::Pass } else { Self::NotEvaluated(reasons) }
    }

    /// The positions of the findings that are in the way; all of them where there is no gate.
    pub(super) fn refused(&self, verdict: &Verdict) -> BTreeSet<usize> {
        match self {
            Self::Told => (0..verdict.findings.len()).collect(),
            Self::Pass | Self::NotEvaluated(_) => BTreeSet::new(),
            Self::Shut(refusals) => {
                let positions = refusals.iter().filter_map(|refusal| match refusal {
                    Refusal::Findings(positions) => Some(positions),
                    Refusal::Mismatch { .. } | Refusal::NotEvaluated { .. } | Refusal::Coverage { .. } => {
                        None
                    }
                });
                positions.flatten().copied().collect()
            }
        }
    }
}

/// A gap in words: the reason, and for what it holds.
pub(super) fn told(gap: &Gap) -> String {
    let part = if gap.is_partial { ", in part" } else { "" };
    match gap.components.as_slice() {
        [only] => format!("{} ({} {}{part})", gap.reason, only.name, only.version),
        many => format!("{} ({} components{part})", gap.reason, many.len()),
    }
}

/// The reasons, where of all components none could be judged.
fn judged_nothing(verdict: &Verdict, components: usize) -> Option<Vec<String>> {
    let gaps = || verdict.gaps.iter().filter(|gap| !gap.is_partial);
    let positions: BTreeSet<usize> =
        gaps().flat_map(|gap| &gap.components).map(|place| place.position).collect();
    let is_nothing = components > 0 && positions.len() == components && verdict.findings.is_empty();
    is_nothing.then(|| gaps().map(told).collect())
}

/// Whether nobody could be asked who should know: no feed, a feed that ended, or one that is too old. Finding nothing
/// is then no good sign, unlike with a single program of which no advisories are kept anywhere.
fn is_for_want_of_advisories(reason: &Reason) -> bool {
    match reason {
        Reason::NoFeed(_)
        | Reason::DistributionUnknown
        | Reason::DistributionNotCovered(_)
        | Reason::DistributionRolls(_)
        | Reason::Derivative { .. }
        | Reason::EndOfLife { .. }
        | Reason::Stale { .. }
        | Reason::DatedAhead { .. } => true,
        Reason::ThirdParty(_)
        | Reason::ForeignPackage(_)
        | Reason::ProgramNotCovered
        | Reason::NoVersion
        | Reason::VersionNotOrdered(_)
        | Reason::NotReleased => false,
    }
}

/// What may hide components, because it could not be read in full.
fn unread(report: &ScanReport) -> impl Iterator<Item = String> {
    let is_database = |path: &str| PACKAGE_DATABASES.iter().any(|known| path.starts_with(known));
    let notes = report.notes.iter().map(|note| &note.note);
    notes.filter(move |note| note.is_unread || is_database(&note.path)).map(|note| match note.path.as_str() {
        "" => note.text.clone(),
        path => format!("{path}: {}", note.text),
    })
}
