//! The Dockerfile, judged before it is built.

use plimsoll_dockerfile::lint::{LintOptions, Verdict, lint};
use plimsoll_dockerfile::{Document, parse};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::Build;
use super::inputs::Inputs;
use crate::command::lint;
use crate::failure::{Failure, Verdict as ExitVerdict};
use crate::terminal::Step;

/// Findings that are told one by one.
const TOLD_MAX: usize = 20;

/// What was found in the Dockerfile.
pub(super) struct Linted {
    pub(super) sentence: String,
    /// What an attestation says of it (in-toto, `predicates/test-result.md`).
    pub(super) predicate: Option<Box<RawValue>>,
}

/// Judges the Dockerfile; what was found, and whether that is in the way.
pub(super) fn judge(
    build: &Build,
    inputs: &Inputs,
    step: &Step,
) -> Result<(Linted, Option<Failure>), Failure> {
    let measured = lint::measure(&inputs.directory, &inputs.dockerfile.path)?;
    let document = parse(inputs.text.clone());
    let verdict = self::lint(
        &document,
        LintOptions {
            target: build.inputs.target.as_deref(),
            arguments: Some(&inputs.arguments),
            context: Some(&measured),
            ..LintOptions::default()
        },
    );
    tell(&document, &verdict, &inputs.dockerfile.name, step);
    let failing =
        verdict.findings.iter().filter(|finding| finding.severity >= build.chain.lint_fail_on).count();
    let counted = match verdict.findings.len() {
        0 => "nothing was found".to_owned(),
        1 => "1 finding".to_owned(),
        count => format!("{count} findings"),
    };
    let refused = (failing > 0).then(|| {
        let what = format!(
            "{failing} of {counted} in the Dockerfile are of severity {} or above",
            build.chain.lint_fail_on.word()
        );
        let help =
            format!("plimsoll lint {}; --skip lint builds all the same", inputs.dockerfile.path.display());
        Failure::new(ExitVerdict::GateFailed, what).help(help)
    });
    let predicate = predicate(&document, &verdict, inputs, refused.is_some());
    Ok((Linted { sentence: counted, predicate }, refused))
}

fn tell(document: &Document, verdict: &Verdict, name: &str, step: &Step) {
    for finding in verdict.findings.iter().take(TOLD_MAX) {
        let line = document.position(finding.span.start).line;
        step.tell(&format!(
            "  {}[{}] {name}:{line}: {}",
            finding.severity.word(),
            finding.rule,
            finding.message
        ));
    }
    if verdict.findings.len() > TOLD_MAX {
        step.tell(&format!("  and {} more: plimsoll lint", verdict.findings.len() - TOLD_MAX));
    }
}

fn predicate(
    document: &Document,
    verdict: &Verdict,
    inputs: &Inputs,
    is_refused: bool,
) -> Option<Box<RawValue>> {
    let named = |finding: &plimsoll_dockerfile::lint::Finding| {
        let line = document.position(finding.span.start).line;
        format!("{} at line {line}", finding.rule)
    };
    let found: Vec<String> = verdict.findings.iter().map(named).collect();
    let result = match (is_refused, found.is_empty()) {
        (true, _) => "FAILED",
        (false, true) => "PASSED",
        (false, false) => "WARNED",
    };
    let digest = plimsoll_oci::Digest::sha256_of(&inputs.text).encoded();
    to_raw_value(&json!({
        "result": result,
        "configuration": [{ "name": inputs.dockerfile.name, "digest": { "sha256": digest } }],
        "warnedTests": found,
    }))
    .ok()
}
