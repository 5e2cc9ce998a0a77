//! The findings as JUnit XML: each is a test case, which failed if it is as severe as is failed on.

use super::report::{FileReport, LintReport, Placed};
use crate::command::scan::junit::escaped;

/// Writes the findings.
pub(super) fn write(report: &LintReport) -> String {
    let total = report.findings().count();
    let failing = report.failing();
    let suites: String = report.files.iter().map(|file| suite(file, report)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"plimsoll lint\" tests=\"{total}\" \
         failures=\"{failing}\">\n{suites}</testsuites>\n"
    )
}

fn suite(file: &FileReport, report: &LintReport) -> String {
    let failing = file.findings.iter().filter(|placed| report.fails(placed)).count();
    let cases: String = file.findings.iter().map(|placed| case(file, placed, report.fails(placed))).collect();
    format!(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failing}\">\n{cases}  </testsuite>\n",
        escaped(&file.path),
        file.findings.len(),
    )
}

fn case(file: &FileReport, placed: &Placed, is_failing: bool) -> String {
    let finding = &placed.finding;
    let name = format!("{} at {}:{}", finding.rule, placed.start.line, placed.start.column);
    let (path, name) = (escaped(&file.path), escaped(&name));
    let head = format!(
        "    <testcase classname=\"{path}\" name=\"{name}\" file=\"{path}\" line=\"{}\">",
        placed.start.line
    );
    let message = escaped(&finding.message);
    let help = escaped(finding.help.as_deref().unwrap_or_default());
    let inside = if is_failing {
        format!("<failure type=\"{}\" message=\"{message}\">{help}</failure>", finding.severity.word())
    } else {
        format!("<system-out>{message}</system-out>")
    };
    format!("{head}\n      {inside}\n    </testcase>\n")
}
