//! The findings as SARIF 2.1.0 (OASIS), within what GitHub takes: at most 25,000 rules and results in a run, of which
//! it shows 5,000, and 20 tags for a rule.

use std::collections::BTreeMap;

use plimsoll_oci::Digest;
use plimsoll_vuln::finding::Finding;
use plimsoll_vuln::report::ReportedComponent;
use plimsoll_vuln::severity::Severity;
use plimsoll_vuln::verdict::Found;
use serde_json::{Value, json};

mod mismatch;

use super::outcome::Outcome;
use super::ruling::{self, Ruling};

/// Results that are written: more are not shown. The worst come first, and the run says how many are left out.
const RESULTS_MAX: usize = 5_000;
/// Tags of a rule.
const TAGS_MAX: usize = 20;
/// Characters of a message: GitHub cuts at 1,000.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// Writes the findings.
pub(super) fn write(outcome: &Outcome) -> Option<Vec<u8>> {
    let findings = &outcome.report.verdict.findings;
    let room = RESULTS_MAX.saturating_sub(outcome.report.verdict.mismatches.len());
    let shown = findings.get(..findings.len().min(room)).unwrap_or_default();
    let mut rules = Rules::of(shown);
    let mismatches = mismatch::results(outcome, &mut rules.written);
    let results: Vec<Value> =
        mismatches.into_iter().chain(shown.iter().map(|found| result(found, outcome, &rules))).collect();
    let run = json!({
        "tool": { "driver": {
            "name": "plimsoll",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "version": env!("CARGO_PKG_VERSION"),
            "rules": rules.written,
        }},
        "automationDetails": { "id": format!("plimsoll/{}/", outcome.report.image) },
        "columnKind": "utf16CodeUnits",
        "invocations": [{
            "executionSuccessful": !matches!(outcome.ruling, Ruling::NotEvaluated(_)),
            "toolExecutionNotifications": notifications(outcome, findings.len() - shown.len()),
        }],
        "results": results,
        "properties": properties(outcome),
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

/// One rule for each vulnerability.
struct Rules<'f> {
    positions: BTreeMap<&'f str, usize>,
    written: Vec<Value>,
}

impl<'f> Rules<'f> {
    fn of(findings: &'f [Found]) -> Self {
        let mut by_id: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for found in findings {
            by_id.entry(&found.finding.id).or_default().push(&found.finding);
        }
        let positions = by_id.keys().enumerate().map(|(position, id)| (*id, position)).collect();
        Self { positions, written: by_id.iter().map(|(id, findings)| rule(id, findings)).collect() }
    }
}

fn rule(id: &str, findings: &[&Finding]) -> Value {
    let worst = findings.iter().max_by_key(|finding| finding.rating.severity);
    let severity = worst.map_or(Severity::Unknown, |finding| finding.rating.severity);
    let summary = findings.iter().find_map(|finding| finding.summary.as_deref()).unwrap_or(id);
    let mut tags = vec!["security".to_owned(), "vulnerability".to_owned(), severity.to_string()];
    for finding in findings {
        tags.extend(finding.priority.exploited_since.map(|_| "known-exploited".to_owned()));
        tags.extend(finding.ids.iter().filter(|other| *other != id).cloned());
    }
    let mut seen = std::collections::BTreeSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    tags.truncate(TAGS_MAX);
    let mut properties = json!({ "tags": tags, "precision": "high" });
    if let Some(score) = worst.and_then(|finding| security_severity(finding)) {
        properties["security-severity"] = json!(score);
    }
    json!({
        "id": id,
        "name": id,
        "shortDescription": { "text": shortened(summary) },
        "fullDescription": { "text": shortened(summary) },
        "helpUri": format!("https://osv.dev/vulnerability/{id}"),
        "defaultConfiguration": { "level": level(severity) },
        "properties": properties,
    })
}

fn result(found: &Found, outcome: &Outcome, rules: &Rules<'_>) -> Value {
    let finding = &found.finding;
    let component = outcome.report.components.get(found.place.position);
    let purl = component.map_or_else(String::new, |component| component.purl.clone());
    json!({
        "ruleId": finding.id,
        "ruleIndex": rules.positions.get(finding.id.as_str()),
        "level": level(finding.rating.severity),
        "message": { "text": shortened(&message(found)) },
        "locations": [location(component, &purl)],
        "partialFingerprints": fingerprints(finding, component),
        "properties": {
            "purl": purl,
            "installed": finding.installed,
            "fixed": finding.fixed,
            "severity": finding.rating.severity,
            "priority": finding.priority.to_string(),
            "layer": component.and_then(|component| component.layer),
            "ofBaseImage": outcome.report.is_of_base(found),
        },
    })
}

fn message(found: &Found) -> String {
    let finding = &found.finding;
    let fix = match &finding.fixed {
        Some(version) => format!("fixed in {version}"),
        None => "no fixed version is known".to_owned(),
    };
    let summary = finding.summary.as_ref().map_or_else(String::new, |summary| format!(" {summary}"));
    format!(
        "{} {} has {} ({}), {fix}.{summary}",
        found.place.name, finding.installed, finding.id, finding.priority
    )
}

/// The file that tells of the component, as a path in the image; its package URL where no file is known.
fn location(component: Option<&ReportedComponent>, purl: &str) -> Value {
    let path = component.map(|component| component.path.as_str()).filter(|path| !path.is_empty());
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": path.map_or_else(|| purl.to_owned(), as_uri) },
            "region": { "startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1 },
        },
        "logicalLocations": [{ "fullyQualifiedName": purl, "kind": "module" }],
    })
}

/// A path as a relative reference (RFC 3986): other bytes than these are escaped.
pub(in crate::command) fn as_uri(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=@".contains(&byte);
    let mut uri = String::new();
    for byte in path.trim_start_matches('/').bytes() {
        if is_plain(byte) { uri.push(char::from(byte)) } else { uri.push_str(&format!("%{byte:02X}")) }
    }
    uri
}

/// The same in every build of an image and for every version of the component, so that an alert that was dismissed
/// stays so. GitHub knows alerts by the second, which it would make of the file's lines if there were any.
fn fingerprints(finding: &Finding, component: Option<&ReportedComponent>) -> Value {
    let path = component.map_or("", |component| component.path.as_str());
    let versionless = path.replace(&finding.installed, "");
    let known = format!("{}\n{}\n{}\n{versionless}", finding.id, finding.ecosystem, finding.package);
    let digest = Digest::sha256_of(known.as_bytes()).encoded().to_string();
    let short = digest.get(..16).unwrap_or(&digest);
    json!({ "plimsoll/v1": digest, "primaryLocationLineHash": format!("{short}:1") })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium | Severity::Unknown => "warning",
        Severity::Low | Severity::Negligible => "note",
    }
}

/// The score that GitHub makes a word of: the published one where it makes the same word as ours, else one that does.
fn security_severity(finding: &Finding) -> Option<String> {
    let severity = finding.rating.severity;
    let same = finding.rating.cvss.iter().find(|cvss| cvss.score.severity() == severity);
    let of_word = match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low | Severity::Negligible => "2.0",
        Severity::Unknown => return None,
    };
    Some(same.map_or_else(|| of_word.to_owned(), |cvss| format!("{:.1}", f64::from(cvss.score))))
}

/// What was not judged, and what is not written.
fn notifications(outcome: &Outcome, left_out: usize) -> Vec<Value> {
    let mut texts: Vec<String> = outcome.report.verdict.gaps.iter().map(ruling::told).collect();
    if left_out > 0 {
        texts.push(format!("{left_out} findings are left out, the least urgent: GitHub shows {RESULTS_MAX}"));
    }
    let told = |text: String| json!({ "level": "warning", "message": { "text": shortened(&text) } });
    texts.into_iter().map(told).collect()
}

/// The same numbers as in every other format.
fn properties(outcome: &Outcome) -> Value {
    let verdict = &outcome.report.verdict;
    json!({
        "image": outcome.report.image,
        "digest": outcome.report.digest,
        "result": outcome.word(),
        "findings": verdict.findings.len(),
        "counts": verdict.counts,
        "mismatches": verdict.mismatches.len(),
        "coverage": verdict.coverage,
        "data": verdict.data,
    })
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= MESSAGE_CHARS_MAX {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(MESSAGE_CHARS_MAX - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_relative_reference() {
        assert_eq!(
            as_uri("usr/lib/python3/a b.dist-info/METADATA"),
            "usr/lib/python3/a%20b.dist-info/METADATA"
        );
        assert_eq!(as_uri("/opt/ü#1"), "opt/%C3%BC%231");
        // A colon in the first part would make a scheme of it.
        assert_eq!(as_uri("a:b"), "a%3Ab");
    }
}
