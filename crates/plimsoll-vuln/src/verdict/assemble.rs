use std::collections::BTreeMap;
use std::sync::Arc;

use crate::feed::{Evaluation, Reason};
use crate::finding::{Finding, Mark};
use crate::vex::Installed;

use super::assumed::Assumed;
use super::{Because, Case, Counts, Found, Gap, Place, Subject, Suppressed, Upgrade, Verdict};

/// Puts the matches of all components together.
pub(super) fn assemble(subjects: &[Subject<'_>], case: &Case<'_>) -> Verdict {
    let mut assembly = Assembly::new(subjects, case);
    for (position, subject) in subjects.iter().enumerate() {
        assembly.note_gaps(position, subject);
        if !subject.matches.findings.is_empty() {
            assembly.take(position, subject);
        }
    }
    assembly.finish()
}

struct Assembly<'a> {
    subjects: &'a [Subject<'a>],
    case: &'a Case<'a>,
    assumed: Assumed<'a>,
    gaps: BTreeMap<(Reason, bool), Vec<Place>>,
    findings: Vec<Found>,
    suppressed: Vec<Suppressed>,
    informational: Vec<Found>,
    upgrades: Vec<Upgrade>,
}

impl<'a> Assembly<'a> {
    fn new(subjects: &'a [Subject<'a>], case: &'a Case<'a>) -> Self {
        Self {
            subjects,
            case,
            assumed: Assumed::new(case.statements, case.image, case.ignores, case.now),
            gaps: BTreeMap::new(),
            findings: Vec::new(),
            suppressed: Vec::new(),
            informational: Vec::new(),
            upgrades: Vec::new(),
        }
    }

    /// The package that owns a subject's file, where a package manager of a distribution put it there and its
    /// publisher is the distribution. What somebody else packaged is judged as if nobody had.
    fn vendor_package(&self, subject: &Subject<'_>) -> Option<&'a Subject<'a>> {
        let owner = self.subjects.get(subject.owner?)?;
        let is_own = !subject.component.package_type.is_system() && owner.component.package_type.is_system();
        (is_own && owner.matches.evaluation.is_of_vendor()).then_some(owner)
    }

    fn note_gaps(&mut self, position: usize, subject: &Subject<'_>) {
        let answers_for_it = self
            .vendor_package(subject)
            .map_or(&subject.matches.evaluation, |owner| &owner.matches.evaluation);
        for reason in answers_for_it.reasons() {
            let place = Place::of(position, subject.component);
            self.gaps.entry((reason.clone(), answers_for_it.is_by_feed())).or_default().push(place);
        }
    }

    fn take(&mut self, position: usize, subject: &Subject<'_>) {
        let before = self.findings.len();
        let place = Place::of(position, subject.component);
        for finding in &subject.matches.findings {
            let mut found = Found { place: place.clone(), finding: Arc::clone(finding), said: None };
            match self.suppression(subject, &mut found) {
                Some(because) => self.suppressed.push(Suppressed { found, because }),
                None if finding.informational.is_some() => self.informational.push(found),
                None => self.findings.push(found),
            }
        }
        let counted = self.findings.get(before..).unwrap_or_default();
        let upgrade = subject
            .matches
            .clears
            .as_ref()
            .filter(|_| counted.iter().any(|found| found.finding.is_fixable()));
        let leaves_some = subject.matches.leaves_some;
        self.upgrades.extend(upgrade.map(|to| Upgrade { place, to: to.clone(), leaves_some }));
    }

    /// Why a finding does not count. What VEX says that leaves it standing is noted in `found`.
    fn suppression(&mut self, subject: &Subject<'_>, found: &mut Found) -> Option<Because> {
        let finding = &*found.finding;
        if finding.marks.contains(&Mark::HeadersOnly) {
            return Some(Because::HeadersOnly);
        }
        let owner = self.vendor_package(subject);
        if let Some(because) = denial(subject, finding).or_else(|| denial(owner?, finding)) {
            return Some(because);
        }
        if let Some(owner) = owner {
            return Some(Because::OwnedByPackage(owner.component.full_name()));
        }
        let installed = Installed { component: subject.component, distribution: self.case.distribution };
        self.assumed.suppression(found, &installed)
    }

    fn finish(mut self) -> Verdict {
        self.findings.sort_by(most_urgent_first);
        self.informational.sort_by(most_urgent_first);
        self.suppressed.sort_by(|left, right| most_urgent_first(&left.found, &right.found));
        let gaps = self.gaps.into_iter();
        Verdict {
            counts: Counts::of(&self.findings),
            findings: self.findings,
            suppressed: self.suppressed,
            informational: self.informational,
            gaps: gaps
                .map(|((reason, is_partial), components)| Gap { reason, is_partial, components })
                .collect(),
            upgrades: self.upgrades,
            ignores: self.assumed.into_ignores(),
            exceptions: Vec::new(),
            mismatches: self.case.mismatches.to_vec(),
            coverage: self.case.coverage,
            data: self.case.data.clone(),
            judged_at: self.case.now,
        }
    }
}

/// What a subject's publisher says against a finding: that the package is not affected.
fn denial(subject: &Subject<'_>, finding: &Finding) -> Option<Because> {
    let is_denied = subject.matches.not_affected.iter().any(|id| finding.ids.contains(id));
    let ecosystem = subject.matches.evaluation.ecosystem().filter(|_| is_denied)?;
    Some(Because::NotAffected { ecosystem: ecosystem.to_owned(), package: subject.component.full_name() })
}

/// By urgency, then what can be mended before what cannot, then by name so that equal images give equal lists.
pub(super) fn most_urgent_first(left: &Found, right: &Found) -> std::cmp::Ordering {
    let rest = |found: &Found| (!found.finding.is_fixable(), found.place.position);
    left.finding
        .priority
        .urgency(&right.finding.priority)
        .then_with(|| rest(left).cmp(&rest(right)))
        .then_with(|| left.finding.id.cmp(&right.finding.id))
}

impl Evaluation {
    /// Whether the package is the distribution's own, be there a feed or not.
    fn is_of_vendor(&self) -> bool {
        !matches!(self, Self::NotEvaluated(Reason::ThirdParty(_) | Reason::ForeignPackage(_)))
    }
}
