//! The verdict for people: at most 25 lines of 80 columns, the worst first and the ruling last.

use plimsoll_vuln::severity::Severity;
use plimsoll_vuln::verdict::{Because, Found, Verdict};

use super::outcome::Outcome;
use crate::terminal::{Column, Page, Table, percent};

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
/// Columns between two others.
const GAP_COLUMNS: usize = 2;
/// Columns that a package's name gets however long the rest is.
const PACKAGE_COLUMNS_MIN: usize = 9;

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
    let after = facts_after(outcome, wide);
    // The heading, the blank line and the titles of the table, and the line on what is left out.
    let lines_taken = 1 + before.len() + 3 + 1 + after.len();
    before.iter().for_each(|(name, value)| page.fact(name, &fitted(value, VALUE_COLUMNS_MAX, wide)));
    let rows = if wide { usize::MAX } else { LINES_MAX.saturating_sub(lines_taken) };
    draw_findings(&report.verdict, rows, page);
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

fn draw_findings(verdict: &Verdict, rows_max: usize, page: &mut Page) {
    let rows = grouped(&verdict.findings);
    if rows.is_empty() {
        return;
    }
    let wide = page.is_wide();
    page.heading("Worst first");
    let mut columns = vec![
        Column::Left("VULNERABILITY"),
        Column::Left("SEVERITY"),
        Column::Left("FIXED IN"),
        Column::Left("INSTALLED"),
        Column::Left("PACKAGE"),
    ];
    if wide {
        columns.extend([Column::Left("WHY HERE"), Column::Left("WHAT")]);
    }
    let mut table = Table::new(&columns);
    let shown: Vec<(&Row<'_>, [String; 5])> =
        rows.iter().take(rows_max).map(|row| (row, row.cells(wide))).collect();
    let room = package_room(shown.iter().map(|(_, cells)| cells));
    for (row, [id, severity, fixed, installed, package]) in shown {
        if wide {
            let finding = &row.first.finding;
            let summary = finding.summary.clone().unwrap_or_default();
            table.row([id, severity, fixed, installed, package, finding.priority.to_string(), summary]);
        } else {
            table.row([id, severity, fixed, installed, fitted(&package, room, wide)]);
        }
    }
    page.table(&table);
    let hidden: usize = rows.iter().skip(rows_max).map(|row| row.components).sum();
    if hidden > 0 {
        page.line(&format!("and {hidden} more: -o wide"));
    }
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

/// Findings that are one to people: the same vulnerability of the same source package in several of its packages.
struct Row<'v> {
    first: &'v Found,
    components: usize,
}

fn grouped(findings: &[Found]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for found in findings {
        let finding = &found.finding;
        let key = (&finding.id, &finding.ecosystem, &finding.package, &finding.installed, &finding.fixed);
        let at = *known.entry(key).or_insert(rows.len());
        match rows.get_mut(at) {
            Some(row) => row.components += 1,
            None => rows.push(Row { first: found, components: 1 }),
        }
    }
    rows
}

impl Row<'_> {
    fn cells(&self, wide: bool) -> [String; 5] {
        let finding = &self.first.finding;
        let exploited = if finding.priority.exploited_since.is_some() { " KEV" } else { "" };
        let more = match self.components {
            1 => String::new(),
            count => format!(" ({count} times)"),
        };
        let package = if self.components == 1 { &self.first.place.name } else { &finding.package };
        [
            fitted(&finding.id, ID_COLUMNS_MAX, wide),
            format!("{}{exploited}", finding.rating.severity),
            fitted(finding.fixed.as_deref().unwrap_or("-"), FIXED_COLUMNS_MAX, wide),
            fitted(&finding.installed, INSTALLED_COLUMNS_MAX, wide),
            format!("{package}{more}"),
        ]
    }
}

/// What stands below the findings; the ruling comes last.
fn facts_after(outcome: &Outcome, wide: bool) -> Vec<(&'static str, String)> {
    let verdict = &outcome.report.verdict;
    let mut facts = Vec::new();
    facts.extend(suppressed(verdict).map(|text| ("not counted", text)));
    let gaps = verdict.gaps.iter().map(|gap| {
        let part = if gap.is_partial { "in full" } else { "at all" };
        format!("{} not {part}: {}", gap.components.len(), gap.reason)
    });
    let notes = outcome.report.notes.iter().map(|note| match note.note.path.as_str() {
        "" => format!("layer {}: {}", note.layer + 1, note.note.text),
        path => format!("{path}: {}", note.note.text),
    });
    facts.extend(some_of(gaps.collect(), wide).into_iter().map(|text| ("not judged", text)));
    facts.extend(some_of(notes.collect(), wide).into_iter().map(|text| ("not told", text)));
    facts.extend(verdict.coverage.filter(|coverage| coverage.executables > 0).map(|coverage| {
        let (part, whole) = (coverage.accounted, coverage.executables);
        ("programs", format!("{part} of {whole} accounted for ({})", percent(part, whole)))
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
    let mut reasons: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for suppressed in &verdict.suppressed {
        let reason = match &suppressed.because {
            Because::HeadersOnly => "only headers",
            Because::NotAffected { .. } => "not affected, says the distribution",
            Because::OwnedByPackage(_) => "in a package of the distribution",
            Because::Vex(_) => "by VEX",
            Because::Ignored(_) => "ignored for now",
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
