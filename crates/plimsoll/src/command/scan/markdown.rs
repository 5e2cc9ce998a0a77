//! The findings as a summary for CI, in GitHub's Markdown.

use plimsoll_sbom::Mismatch;
use plimsoll_vuln::severity::Severity;
use plimsoll_vuln::verdict::Found;

use super::outcome::Outcome;
use super::ruling::told;
use super::table;

/// Findings that are listed: CI systems cut what is longer than a mebibyte.
const ROWS_MAX: usize = 100;
/// Gaps and mismatches that are listed.
const ITEMS_MAX: usize = 20;
/// Characters of a cell.
const CELL_CHARS_MAX: usize = 200;

/// Writes the summary.
pub(super) fn write(outcome: &Outcome) -> String {
    let report = &outcome.report;
    let verdict = &report.verdict;
    let mut text = format!("## {}\n\n**{}**\n\n", cell(&report.image), cell(&outcome.sentence()));
    if let Some(base) = &outcome.base {
        text.push_str(&format!("Only what is new since {}.\n\n", cell(&base.image)));
    }
    text.push_str(&numbers(outcome));
    if let Some(base) = table::base(report) {
        text.push_str(&format!("Base image: {} findings.\n\n", cell(&base)));
    }
    text.push_str(&list("Not what the config says", verdict.mismatches.iter().map(Mismatch::to_string)));
    text.push_str(&findings(&verdict.findings));
    text.push_str(&list("Not judged", verdict.gaps.iter().map(told)));
    if let Some(suppressed) = table::suppressed(verdict) {
        text.push_str(&format!("Not counted: {}.\n\n", cell(&suppressed)));
    }
    let digest = report.digest.as_deref().map_or_else(String::new, |digest| format!("Image `{digest}`. "));
    text.push_str(&format!("<sub>{digest}Advisories {}.</sub>\n", cell(&table::data(verdict))));
    text
}

/// The same numbers as in every other format.
fn numbers(outcome: &Outcome) -> String {
    let counts = &outcome.report.verdict.counts;
    let mut titles = String::from("| Findings |");
    let mut line = String::from("| --: |");
    let mut values = format!("| {} |", outcome.report.verdict.findings.len());
    let severities = Severity::WORST_FIRST.map(|severity| {
        (severity.to_string(), counts.by_severity.get(&severity).copied().unwrap_or_default())
    });
    let others = [("fixable".to_owned(), counts.fixable), ("exploited".to_owned(), counts.exploited)];
    for (title, count) in severities.into_iter().chain(others) {
        titles.push_str(&format!(" {title} |"));
        line.push_str(" --: |");
        values.push_str(&format!(" {count} |"));
    }
    format!("{titles}\n{line}\n{values}\n\n")
}

fn findings(findings: &[Found]) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "| Vulnerability | Severity | Package | Installed | Fixed in | Why here |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for found in findings.iter().take(ROWS_MAX) {
        let finding = &found.finding;
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            cell(&finding.id),
            finding.rating.severity,
            cell(&found.place.name),
            cell(&finding.installed),
            cell(finding.fixed.as_deref().unwrap_or("–")),
            cell(&finding.priority.to_string()),
        ));
    }
    text.push('\n');
    text.push_str(&rest(findings.len(), ROWS_MAX));
    text
}

/// Items under a title, if there are any.
fn list(title: &str, items: impl ExactSizeIterator<Item = String>) -> String {
    let count = items.len();
    if count == 0 {
        return String::new();
    }
    let lines: String = items.take(ITEMS_MAX).map(|item| format!("- {}\n", cell(&item))).collect();
    format!("### {title}\n\n{lines}\n{}", rest(count, ITEMS_MAX))
}

fn rest(count: usize, shown: usize) -> String {
    match count.saturating_sub(shown) {
        0 => String::new(),
        more => format!("And {more} more.\n\n"),
    }
}

/// Text in which nothing is markup: an image's names come from strangers.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(CELL_CHARS_MAX) {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '#' | '!' | '~' => {
                out.push('\\');
                out.push(c);
            }
            // A zero-width space keeps a name from calling a person.
            '@' => out.push_str("@\u{200b}"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_outside_is_no_markup() {
        assert_eq!(cell("a|b <img> [x](y)\n@team"), "a\\|b &lt;img> \\[x\\](y) @\u{200b}team");
    }
}
