//! What the user adds to a server's verdict: entries that ignore something, and VEX statements.

use plimsoll_sbom::{Component, Distribution};
use plimsoll_vuln::report::ScanReport;
use plimsoll_vuln::verdict::{Because, Found, Ignore, IgnoreState, IgnoreUse, Suppressed, Verdict};
use plimsoll_vuln::vex::{Image, Installed};

use super::super::Assumptions;

/// Takes out of the verdict what the assumptions suppress, by the same rules as where the verdict is made.
pub(super) fn amend(report: &mut ScanReport, image: &Image, assumptions: &Assumptions) {
    let today = jiff::tz::Offset::UTC.to_datetime(assumptions.terms.now).date();
    let entry = |ignore: &Ignore| IgnoreUse { ignore: ignore.clone(), state: standing(ignore, today) };
    let mut ignores: Vec<IgnoreUse> = assumptions.ignores.iter().map(entry).collect();
    let mut suppressed = Vec::new();
    for list in [&mut report.verdict.findings, &mut report.verdict.informational] {
        let mut kept = Vec::new();
        for mut found in std::mem::take(list) {
            let installed = report.components.get(found.place.position).and_then(|it| read(&it.purl));
            let because = installed.and_then(|(component, of)| {
                let distribution = of.as_ref().or(report.distribution.as_ref());
                let installed = Installed { component: &component, distribution };
                suppression(&mut found, &installed, image, assumptions, &mut ignores)
            });
            match because {
                Some(because) => suppressed.push(Suppressed { found, because }),
                None => kept.push(found),
            }
        }
        *list = kept;
    }
    if !suppressed.is_empty() {
        report.verdict.suppressed.append(&mut suppressed);
        // The numbers are those of what is left.
        report.verdict = report.verdict.new_since(&nothing(&report.verdict));
    }
    report.verdict.ignores = ignores;
}

/// The component that a report names.
fn read(purl: &str) -> Option<(Component, Option<Distribution>)> {
    Component::from_purl(&purl.parse().ok()?)
}

fn suppression(
    found: &mut Found,
    installed: &Installed<'_>,
    image: &Image,
    assumptions: &Assumptions,
    ignores: &mut [IgnoreUse],
) -> Option<Because> {
    if let Some(said) = assumptions.statements.about(&found.finding, installed, image) {
        if said.status.suppresses() {
            return Some(Because::Vex(said.clone()));
        }
        found.said = Some(said.clone());
    }
    let covers = |ignore: &Ignore| {
        found.finding.is_called(&ignore.id)
            && ignore.purl.as_ref().is_none_or(|pattern| pattern.matches(installed))
    };
    let mut counting =
        ignores.iter_mut().filter(|entry| matches!(entry.state, IgnoreState::Used(_) | IgnoreState::Unused));
    let entry = counting.find(|entry| covers(&entry.ignore))?;
    entry.state = match entry.state {
        IgnoreState::Used(count) => IgnoreState::Used(count.saturating_add(1)),
        _ => IgnoreState::Used(1),
    };
    Some(Because::Ignored(entry.ignore.clone()))
}

fn standing(ignore: &Ignore, today: jiff::civil::Date) -> IgnoreState {
    if ignore.reason.trim().is_empty() || ignore.owner.trim().is_empty() {
        IgnoreState::Incomplete
    } else if today > ignore.expires {
        IgnoreState::Expired
    } else {
        IgnoreState::Unused
    }
}

/// The verdict on an image with nothing in it.
fn nothing(verdict: &Verdict) -> Verdict {
    Verdict {
        findings: Vec::new(),
        suppressed: Vec::new(),
        informational: Vec::new(),
        gaps: Vec::new(),
        upgrades: Vec::new(),
        ignores: Vec::new(),
        counts: Default::default(),
        coverage: None,
        data: verdict.data.clone(),
        judged_at: verdict.judged_at,
    }
}
