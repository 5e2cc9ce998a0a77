//! The verdict for people: at most 25 lines of 80 columns, the worst first and the ruling last.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plimsoll_sbom::Mismatch;
use plimsoll_vuln::report::ScanReport;
use plimsoll_vuln::severity::Severity;
use plimsoll_vuln::verdict::{Because, Found, Verdict};

use super::outcome::Outcome;
use super::ruling::told;
use crate::terminal::{Column, Page, Table};

/// Lines in all.
const LINES_MAX: usize = 25;
/// Columns of a line.
const COLUMNS_MAX: usize = 80;
/// Columns of a value beside its name.
const VALUE_COLUMNS_MAX: usize = COLUMNS_MAX - 15;
/// Gaps and notes that are told one by one.
const GAPS_MAX: usize = 3;
/// Columns of an id: those of a GHSA.
const ID_COLUMNS_MAX: usize = 19;
/// Columns of the version that mends it: those of a distribution's, such as `1:2.30.2-1+deb11u1`.
const FIXED_COLUMNS_MAX: usize = 19;
/// Columns of the version that is installed.
const INSTALLED_COLUMNS_MAX: usize = 13;
/// Columns of an instruction in the wide form: others are scripts.
const INSTRUCTION_COLUMNS_MAX: usize = 40;
/// Columns between two others.
const GAP_COLUMNS: usize = 2;
/// Columns that a package's name gets however long the rest is.
const PACKAGE_COLUMNS_MIN: usize = 5;

/// Draws the verdict.
pub(super) fn draw(outcome: &Outcome, page: &mut Page) {
    let report = &outcome.report;
    let wide = page.is_wide();
    page.heading(&fitted(&report.image, COLUMNS_MAX, wide));
    let mut before: Vec<(&str, String)> = Vec::new();
    before.extend(report.digest.clone().map(|digest| ("digest", digest)));
    before.extend(outcome.base.as_ref().map(|base| ("new since", base.image.clone())));
    before.extend(report.distribution.as_ref().map(|of| {
        ("distribution", of.pretty_name.clone().unwrap_or_else(|| format!("{} {}", of.id, of.version_id)))
    }));
    before.push(("findings", counts(&report.verdict)));
    before.extend(base(report).map(|text| ("base image", text)));
    let after = facts_after(outcome, wide);
    // The heading, the blank line and the titles of the table, and the line on what is left out.
    let lines_taken = 1 + before.len() + 3 + 1 + after.len();
    before.iter().for_each(|(name, value)| page.fact(name, &fitted(value, VALUE_COLUMNS_MAX, wide)));
    let rows = if wide { usize::MAX } else { LINES_MAX.saturating_sub(lines_taken) };
    draw_findings(report, rows, page);
    after.iter().for_each(|(name, value)| page.fact(name, &fitted(value, VALUE_COLUMNS_MAX, wide)));
}

/// The findings in one line, the same numbers in every format.
pub(super) fn counts(verdict: &Verdict) -> String {
    let counts = &verdict.counts;
    let total = verdict.findings.len();
    if total == 0 {
        return "none".to_owned();
    }
    let severities = Severity::WORST_FIRST.iter().filter_map(|severity| {
        let count = counts.by_severity.get(severity).copied().filter(|count| *count > 0)?;
        Some(format!("{count} {severity}"))
    });
    let severities = severities.collect::<Vec<_>>().join(", ");
    let exploited = match counts.exploited {
        0 => String::new(),
        count => format!(", {count} exploited"),
    };
    format!("{total}: {severities}; {} fixable{exploited}", counts.fixable)
}

/// The base image, and how much of what was found is its own.
pub(super) fn base(report: &ScanReport) -> Option<String> {
    let base = report.base.as_ref()?;
    let name = match base.names.first() {
        Some(name) => format!("`{name}`"),
        None => format!("an image of {} layers", base.layers),
    };
    let findings = &report.verdict.findings;
    let of_base = findings.iter().filter(|found| report.is_of_base(found) == Some(true)).count();
    Some(format!("{name} brings {of_base} of {}", findings.len()))
}

fn draw_findings(report: &ScanReport, rows_max: usize, page: &mut Page) {
    let wide = page.is_wide();
    let rows = grouped(&report.verdict, wide);
    if rows.is_empty() {
        return;
    }
    page.heading("Worst first");
    let mut columns = vec![
        Column::Left("VULNERABILITY"),
        Column::Left("SEVERITY"),
        Column::Left("FIXED IN"),
        Column::Left("INSTALLED"),
        Column::Left("PACKAGE"),
    ];
    if wide {
        columns.extend([Column::Left("LAYER"), Column::Left("WHY HERE"), Column::Left("WHAT")]);
    }
    let mut table = Table::new(&columns);
    let shown: Vec<(&Row<'_>, [String; 5])> =
        rows.iter().take(rows_max).map(|row| (row, row.cells(wide))).collect();
    let room = package_room(shown.iter().map(|(_, cells)| cells));
    for (row, [id, severity, fixed, installed, package]) in shown {
        if wide {
            let finding = &row.first.finding;
            let summary = finding.summary.clone().unwrap_or_default();
            let layer = layer(row.first, report);
            let why = finding.priority.to_string();
            table.row([id, severity, fixed, installed, package, layer, why, summary]);
        } else {
            table.row([id, severity, fixed, installed, fitted(&package, room, wide)]);
        }
    }
    page.table(&table);
    let hidden: usize = rows.iter().skip(rows_max).map(|row| row.findings).sum();
    if hidden > 0 {
        page.line(&format!("and {hidden} more: -o wide"));
    }
}

/// The layer that brought the component, counted from 1 at the base, with its instruction.
fn layer(found: &Found, report: &ScanReport) -> String {
    let component = report.components.get(found.place.position);
    let Some(number) = component.and_then(|component| component.layer) else { return "-".to_owned() };
    let layer = report.layers.get(number);
    let base = layer.and_then(|layer| layer.is_of_base).filter(|is_of_base| *is_of_base);
    let base = base.map_or("", |_| " of the base");
    let instruction = layer.and_then(|layer| layer.instruction.as_deref()).unwrap_or_default();
    format!("{}{base} {}", number + 1, fitted(instruction, INSTRUCTION_COLUMNS_MAX, false))
        .trim_end()
        .to_owned()
}

/// What the other columns leave of a line.
fn package_room<'c>(rows: impl Iterator<Item = &'c [String; 5]>) -> usize {
    let titles = ["VULNERABILITY", "SEVERITY", "FIXED IN", "INSTALLED"].map(str::len);
    let widest = rows.fold(titles, |widest, [id, severity, fixed, installed, _]| {
        let lengths = [id, severity, fixed, installed].map(|cell| cell.chars().count());
        std::array::from_fn(|at| widest[at].max(lengths[at]))
    });
    let taken = widest.iter().map(|width| width + GAP_COLUMNS).sum();
    COLUMNS_MAX.saturating_sub(taken).max(PACKAGE_COLUMNS_MIN)
}

/// Findings that are one to people, because one upgrade mends them: those of a package that are equally bad. In the wide
/// form only the same vulnerability in several packages of one source is one.
struct Row<'v> {
    first: &'v Found,
    findings: usize,
    ids: BTreeSet<&'v str>,
    positions: BTreeSet<usize>,
    /// The version that clears all of the package's findings.
    upgrade: Option<&'v str>,
}

fn grouped(verdict: &Verdict, wide: bool) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut known = HashMap::new();
    for found in &verdict.findings {
        let finding = &found.finding;
        let id = wide.then_some((&finding.id, &finding.fixed));
        let urgency =
            (finding.rating.severity, finding.priority.exploited_since.is_some(), finding.is_fixable());
        let key = (&finding.ecosystem, &finding.package, &finding.installed, urgency, id);
        let at = *known.entry(key).or_insert(rows.len());
        if at == rows.len() {
            rows.push(Row::of(found, verdict));
        }
        if let Some(row) = rows.get_mut(at) {
            row.findings += 1;
            row.ids.insert(&finding.id);
            row.positions.insert(found.place.position);
        }
    }
    rows
}

impl<'v> Row<'v> {
    fn of(first: &'v Found, verdict: &'v Verdict) -> Self {
        let upgrade = verdict.upgrades.iter().find(|upgrade| upgrade.place == first.place);
        let upgrade = upgrade.map(|upgrade| upgrade.to.as_str());
        Self { first, findings: 0, ids: BTreeSet::new(), positions: BTreeSet::new(), upgrade }
    }

    fn cells(&self, wide: bool) -> [String; 5] {
        let finding = &self.first.finding;
        let exploited = if finding.priority.exploited_since.is_some() { " KEV" } else { "" };
        let more = |count: usize, words: &dyn Fn(usize) -> String| {
            if count > 1 { words(count) } else { String::new() }
        };
        let more_ids = more(self.ids.len(), &|count| format!(" +{}", count - 1));
        let places = more(self.positions.len(), &|count| format!(" ({count} places)"));
        let package = if self.positions.len() == 1 { &self.first.place.name } else { &finding.package };
        let fixed = finding.fixed.as_deref().filter(|_| self.ids.len() == 1);
        let fixed = fixed.or(self.upgrade.filter(|_| finding.is_fixable())).unwrap_or("-");
        [
            format!("{}{more_ids}", fitted(&finding.id, ID_COLUMNS_MAX, wide)),
            format!("{}{exploited}", finding.rating.severity),
            fitted(fixed, FIXED_COLUMNS_MAX, wide),
            fitted(&finding.installed, INSTALLED_COLUMNS_MAX, wide),
            format!("{package}{places}"),
        ]
    }
}

/// What stands below the findings; the ruling comes last.
fn facts_after(outcome: &Outcome, wide: bool) -> Vec<(&'static str, String)> {
    let verdict = &outcome.report.verdict;
    let mut facts = Vec::new();
    let mismatches = verdict.mismatches.iter().map(Mismatch::to_string);
    facts.extend(some_of(mismatches.collect(), wide).into_iter().map(|text| ("mismatch", text)));
    facts.extend(suppressed(verdict).map(|text| ("not counted", text)));
    let gaps = verdict.gaps.iter().map(told);
    let notes = outcome.report.notes.iter().map(|note| match note.note.path.as_str() {
        "" => format!("layer {}: {}", note.layer + 1, note.note.text),
        path => format!("{path}: {}", note.note.text),
    });
    facts.extend(some_of(gaps.collect(), wide).into_iter().map(|text| ("not evaluated", text)));
    facts.extend(some_of(notes.collect(), wide).into_iter().map(|text| ("not told", text)));
    facts.extend(verdict.coverage.filter(|coverage| coverage.executables > 0).map(|coverage| {
        let (part, whole) = (coverage.accounted, coverage.executables);
        ("programs", format!("{part} of {whole} accounted for ({} %)", coverage.percent()))
    }));
    facts.push(("advisories", data(verdict)));
    facts.push(("verdict", outcome.sentence()));
    facts
}

/// Which advisories answered, and how new they are.
pub(super) fn data(verdict: &Verdict) -> String {
    let index: String = verdict.data.index.chars().take("sha256:".len() + 12).collect();
    match verdict.data.time {
        Some(time) => format!("of {} ({index})", time.strftime("%Y-%m-%d")),
        None if index.is_empty() => "none".to_owned(),
        None => format!("none answered ({index})"),
    }
}

/// How many findings do not count, by reason.
pub(super) fn suppressed(verdict: &Verdict) -> Option<String> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for suppressed in &verdict.suppressed {
        let reason = match &suppressed.because {
            Because::HeadersOnly => "only headers",
            Because::NotAffected { .. } => "not affected, says the distribution",
            Because::OwnedByPackage(_) => "in a package of the distribution",
            Because::Vex(_) => "by VEX",
            Because::Ignored(_) => "ignored for now",
            Because::Accepted(_) => "accepted by exception",
        };
        *reasons.entry(reason).or_default() += 1;
    }
    let parts: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn some_of(mut lines: Vec<String>, wide: bool) -> Vec<String> {
    let hidden = lines.len().saturating_sub(GAPS_MAX);
    if !wide && hidden > 1 {
        lines.truncate(GAPS_MAX);
        lines.push(format!("and {hidden} more reasons: -o wide"));
    }
    lines
}

/// Shortens what does not fit; everything stands in the wide form.
fn fitted(text: &str, columns_max: usize, wide: bool) -> String {
    if wide || text.chars().count() <= columns_max {
        return text.to_owned();
    }
    let mut shortened: String = text.chars().take(columns_max.saturating_sub(1)).collect();
    shortened.push('…');
    shortened
}
