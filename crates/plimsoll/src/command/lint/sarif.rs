//! The findings as SARIF 2.1.0 (OASIS), with columns, rules and fixes.

use plimsoll_dockerfile::lint::{Edit, Fix, RULES, Severity};
use plimsoll_dockerfile::{Document, Span};
use plimsoll_oci::Digest;
use serde_json::{Value, json};

use super::report::{FileReport, LintReport, Placed};
use crate::command::scan::sarif::as_uri;

/// Results that are written: GitHub shows no more.
const RESULTS_MAX: usize = 5_000;

/// Writes the findings.
pub(super) fn write(report: &LintReport) -> Option<Vec<u8>> {
    let mut names: Vec<&str> = report.findings().map(|(_, placed)| placed.finding.rule).collect();
    names.sort_unstable();
    names.dedup();
    let results: Vec<Value> =
        report.findings().take(RESULTS_MAX).map(|(file, placed)| result(file, placed, &names)).collect();
    let run = json!({
        "tool": { "driver": {
            "name": "plimsoll",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "version": env!("CARGO_PKG_VERSION"),
            "rules": names.iter().map(|name| rule(name)).collect::<Vec<_>>(),
        }},
        "automationDetails": { "id": "plimsoll/lint/" },
        "columnKind": "utf16CodeUnits",
        "invocations": [{ "executionSuccessful": true }],
        "results": results,
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    });
    let mut text = serde_json::to_vec_pretty(&log).ok()?;
    text.push(b'\n');
    Some(text)
}

fn rule(name: &str) -> Value {
    let known = RULES.iter().find(|rule| rule.name == name);
    let summary = known.map_or_else(|| name.to_owned(), |rule| rule.summary());
    let manual = known.map_or_else(|| name.to_owned(), |rule| rule.manual());
    json!({
        "id": name,
        "name": name,
        "shortDescription": { "text": summary },
        "fullDescription": { "text": summary },
        "help": { "text": manual, "markdown": manual },
        "defaultConfiguration": { "level": level(known.map_or(Severity::Warning, |rule| rule.severity)) },
    })
}

fn result(file: &FileReport, placed: &Placed, names: &[&str]) -> Value {
    let finding = &placed.finding;
    let location = json!({ "physicalLocation": {
        "artifactLocation": { "uri": as_uri(&file.path) },
        "region": region(&file.document, finding.span),
    }});
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": names.binary_search(&finding.rule).unwrap_or_default(),
        "level": level(finding.severity),
        "message": { "text": message(placed) },
        "locations": [location],
        "partialFingerprints": { "plimsoll/v1": fingerprint(file, placed) },
    });
    if let Some(fix) = &finding.fix {
        result["fixes"] = json!([written(file, fix)]);
    }
    if let Some(estimate) = &finding.estimate {
        result["properties"] = json!({ "estimated": estimate });
    }
    if let Some(savings) = &placed.savings {
        result["properties"] = json!({ "savings": savings });
    }
    result
}

fn message(placed: &Placed) -> String {
    let help = placed.finding.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
    format!("{}{help}", placed.finding.message)
}

fn written(file: &FileReport, fix: &Fix) -> Value {
    let replacement = |edit: &Edit| {
        json!({
            "deletedRegion": region(&file.document, edit.span),
            "insertedContent": { "text": edit.replacement },
        })
    };
    json!({
        "description": { "text": fix.title },
        "artifactChanges": [{
            "artifactLocation": { "uri": as_uri(&file.path) },
            "replacements": fix.edits.iter().map(replacement).collect::<Vec<_>>(),
        }],
    })
}

/// A region: columns in UTF-16, as the run says.
fn region(document: &Document, span: Span) -> Value {
    let place = |offset: usize| {
        let line = document.lines().line_of(offset);
        let start = document.lines().line_span(document.source(), line).start;
        let column = document.text(Span::new(start, offset)).encode_utf16().count() + 1;
        (line, column)
    };
    let ((start_line, start_column), (end_line, end_column)) = (place(span.start), place(span.end));
    json!({ "startLine": start_line, "startColumn": start_column, "endLine": end_line, "endColumn": end_column })
}

/// The same as long as the rule and the text that it speaks of are.
fn fingerprint(file: &FileReport, placed: &Placed) -> String {
    let text = file.document.text(placed.finding.span);
    let known = format!("{}\n{}\n{text}", placed.finding.rule, file.path);
    Digest::sha256_of(known.as_bytes()).encoded().to_string()
}

fn level(severity: Severity) -> &'static str {
    severity.word()
}
