use super::{Counts, Coverage, Found, Gap, Place, Upgrade, Verdict};

/// What `verdict` has and `base` has not.
pub(super) fn new_since(verdict: &Verdict, base: &Verdict) -> Verdict {
    let findings = new_findings(&verdict.findings, &base.findings);
    let has_findings = |upgrade: &&Upgrade| findings.iter().any(|found| found.place == upgrade.place);
    Verdict {
        counts: Counts::of(&findings),
        upgrades: verdict.upgrades.iter().filter(has_findings).cloned().collect(),
        findings,
        suppressed: verdict.suppressed.clone(),
        informational: new_findings(&verdict.informational, &base.informational),
        gaps: verdict.gaps.iter().filter_map(|gap| new_gap(gap, &base.gaps)).collect(),
        // They are about the image as a whole, whatever it is compared with.
        mismatches: verdict.mismatches.clone(),
        ignores: verdict.ignores.clone(),
        exceptions: verdict.exceptions.clone(),
        coverage: verdict.coverage.map(|coverage| added(coverage, base.coverage)),
        data: verdict.data.clone(),
        judged_at: verdict.judged_at,
    }
}

fn new_findings(findings: &[Found], base: &[Found]) -> Vec<Found> {
    let is_known = |found: &Found| {
        base.iter().any(|known| {
            found.place.is_same_package(&known.place) && found.finding.is_same_vulnerability(&known.finding)
        })
    };
    findings.iter().filter(|found| !is_known(found)).cloned().collect()
}

/// The components of a gap that the base has not in the same gap.
fn new_gap(gap: &Gap, base: &[Gap]) -> Option<Gap> {
    let same = base.iter().find(|known| known.reason == gap.reason && known.is_partial == gap.is_partial);
    let known = same.map(|known| known.components.as_slice()).unwrap_or_default();
    let is_new = |place: &&Place| !known.iter().any(|known| known.is_same_package(place));
    let components: Vec<Place> = gap.components.iter().filter(is_new).cloned().collect();
    (!components.is_empty()).then(|| Gap { components, ..gap.clone() })
}

/// How much of the added programs is accounted for, as far as numbers tell.
fn added(coverage: Coverage, base: Option<Coverage>) -> Coverage {
    let Some(base) = base else { return coverage };
    let accounted = coverage.accounted.saturating_sub(base.accounted);
    let unaccounted = |coverage: Coverage| coverage.executables.saturating_sub(coverage.accounted);
    let more = unaccounted(coverage).saturating_sub(unaccounted(base));
    Coverage { executables: accounted.saturating_add(more), accounted }
}
