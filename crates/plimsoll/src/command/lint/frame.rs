//! Findings as the Rust compiler draws them: the line, a mark under what is meant, and what to do.

use anstyle::AnsiColor;
use plimsoll_dockerfile::lint::{Safety, Severity};

use plimsoll_slim::savings::{Basis, Savings};

use super::report::{FileReport, LintReport, Placed};
use crate::terminal::{Page, bytes};

/// Characters of a line that are shown: a file may be one line of megabytes.
const LINE_CHARS_MAX: usize = 500;

pub(super) fn draw(report: &LintReport, page: &mut Page) {
    for (file, placed) in report.findings() {
        one(file, placed, page);
        page.line("");
    }
    for file in &report.files {
        page.line(&sentence(file));
    }
}

fn one(file: &FileReport, placed: &Placed, page: &mut Page) {
    let finding = &placed.finding;
    let color = match finding.severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Note => AnsiColor::Cyan,
    };
    let label = format!("{}[{}]", finding.severity.word(), finding.rule);
    page.labelled(&label, color, &finding.message);
    let width = placed.start.line.to_string().len();
    let margin = " ".repeat(width);
    page.line(&format!("{margin}--> {}:{}:{}", file.path, placed.start.line, placed.start.column));
    let document = &file.document;
    let line = document.text(document.lines().line_span(document.source(), placed.start.line));
    let shown: String = line.chars().take(LINE_CHARS_MAX).map(|c| if c == '\t' { ' ' } else { c }).collect();
    page.line(&format!("{margin} |"));
    page.line(&format!("{} | {shown}", placed.start.line));
    let length = shown.chars().count() + 1;
    let end = if placed.end.line == placed.start.line { placed.end.column.min(length) } else { length };
    let start = placed.start.column.min(length);
    let marks = end.saturating_sub(start).max(1);
    page.line(&format!("{margin} | {}{}", " ".repeat(start - 1), "^".repeat(marks)));
    for note in notes(placed) {
        page.line(&format!("{margin} = {note}"));
    }
}

fn notes(placed: &Placed) -> Vec<String> {
    let finding = &placed.finding;
    // What the image itself says counts before a table.
    let saved = placed.savings.as_ref().map(saved);
    let estimate = finding.estimate.as_ref().filter(|_| saved.is_none());
    let cost = estimate.map(|estimate| {
        format!(
            "costs: {} in {} packages (estimated: {})",
            bytes(estimate.bytes),
            estimate.packages,
            estimate.model
        )
    });
    let help = finding.help.as_ref().map(|help| format!("help: {help}"));
    let fix = finding.fix.as_ref().map(|fix| match fix.safety {
        Safety::Safe => format!("fix: `--fix` can {}", fix.title),
        Safety::Suggested => format!("fix: `--diff` shows how to {}", fix.title),
    });
    saved.into_iter().chain(cost).chain(help).chain(fix).collect()
}

/// What a finding costs in the image, as in `saves: 199 MB, 87.3 MB of a pull (2.7 s), 26 packages (estimated)`.
fn saved(savings: &Savings) -> String {
    let Savings { basis, bytes: count, stored_bytes, packages, findings, seconds } = savings;
    let mut parts = vec![bytes(*count), format!("{} of a pull ({seconds:.1} s)", bytes(*stored_bytes))];
    if *packages > 0 {
        parts.push(format!("{packages} packages"));
    }
    if let Some(findings) = findings.filter(|count| *count > 0) {
        parts.push(format!("{findings} known vulnerabilities"));
    }
    let basis = match basis {
        Basis::Estimated => "estimated from the image's layers",
        Basis::Measured => "measured",
    };
    format!("saves: {} ({basis})", parts.join(", "))
}

fn sentence(file: &FileReport) -> String {
    let count = |severity| file.findings.iter().filter(|placed| placed.finding.severity == severity).count();
    let counted = [Severity::Error, Severity::Warning, Severity::Note]
        .map(|severity| (count(severity), severity.word()));
    let told = counted
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if *count == 1 { "" } else { "s" }));
    let told: Vec<String> = told.collect();
    let allowed = match file.allowed {
        0 => String::new(),
        count => format!(", {count} allowed by the file"),
    };
    let left_out = match file.left_out {
        0 => String::new(),
        count => format!(", {count} more are left out"),
    };
    let told = if told.is_empty() { "nothing was found".to_owned() } else { told.join(", ") };
    format!("{}: {told}{allowed}{left_out}", file.path)
}
