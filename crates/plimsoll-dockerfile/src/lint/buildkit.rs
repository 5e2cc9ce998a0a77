//! `BuildKit`'s checks (`frontend/dockerfile/linter`), with its verdicts, under its names.
//!
//! `InvalidBaseImagePlatform` is never found: it is about the platform of an image, which only a registry knows.

mod stages;
mod text;
mod variables;

use super::{Edit, Finding, Fix, Safety, Severity, Subject};
use crate::span::Span;

/// Their names.
pub(super) const CHECKS: &[&str] = &[
    "ConsistentInstructionCasing",
    "CopyIgnoredFile",
    "DuplicateStageName",
    "ExposeInvalidFormat",
    "ExposeProtoCasing",
    "FromAsCasing",
    "FromPlatformFlagConstDisallowed",
    "InvalidBaseImagePlatform",
    "InvalidDefaultArgInFrom",
    "InvalidDefinitionDescription",
    "JSONArgsRecommended",
    "LegacyKeyValueFormat",
    "MaintainerDeprecated",
    "MultipleInstructionsDisallowed",
    "NoEmptyContinuation",
    "RedundantTargetPlatform",
    "ReservedStageName",
    "SecretsUsedInArgOrEnv",
    "StageNameCasing",
    "UndefinedArgInFrom",
    "UndefinedVar",
    "WorkdirRelativePath",
];

/// Asks them all. What `BuildKit` refuses is told besides, as `InvalidDockerfile`.
pub(super) fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let mut checks = Checks { findings: Vec::new() };
    for error in subject.document.errors() {
        let mut finding = warning("InvalidDockerfile", error.span, error.message.clone());
        finding.severity = Severity::Error;
        checks.findings.push(finding);
    }
    text::check(subject, &mut checks);
    stages::check(subject, &mut checks);
    variables::check(subject, &mut checks);
    checks.findings
}

/// What is found.
struct Checks {
    findings: Vec<Finding>,
}

impl Checks {
    fn add(&mut self, rule: &'static str, span: Span, message: impl Into<String>) {
        self.findings.push(warning(rule, span, message));
    }

    /// Adds a finding with a change that does nothing but take it away.
    fn add_with_edit(
        &mut self,
        rule: &'static str,
        span: Span,
        message: String,
        edit: Option<Edit>,
        title: &str,
    ) {
        let fix = edit.map(|edit| Fix { title: title.to_owned(), safety: Safety::Safe, edits: vec![edit] });
        self.findings.push(Finding { fix, ..warning(rule, span, message) });
    }
}

fn warning(rule: &'static str, span: Span, message: impl Into<String>) -> Finding {
    let message = message.into();
    Finding { rule, severity: Severity::Warning, message, span, help: None, fix: None, estimate: None }
}
