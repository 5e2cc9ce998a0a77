use plimsoll_dockerfile::lint::{Finding, Severity, Verdict};
use plimsoll_dockerfile::{Document, Position};
use plimsoll_slim::savings::Savings;
use serde::Serialize;

use super::{frame, junit, sarif};
use crate::arguments::OutputFormat;
use crate::terminal::{Page, Report};

/// What was found in every file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LintReport {
    api_version: &'static str,
    kind: &'static str,
    pub(super) fail_on: Severity,
    pub(super) files: Vec<FileReport>,
}

/// What was found in one file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileReport {
    pub(super) path: String,
    pub(super) findings: Vec<Placed>,
    /// What the file itself allows.
    pub(super) allowed: usize,
    /// What is not listed, because there is too much.
    pub(super) left_out: usize,
    #[serde(skip)]
    pub(super) document: Document,
}

/// A finding with its place as people count.
#[derive(Debug, Serialize)]
pub(super) struct Placed {
    pub(super) start: Position,
    pub(super) end: Position,
    /// What it costs in an image that was built from the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) savings: Option<Savings>,
    #[serde(flatten)]
    pub(super) finding: Finding,
}

impl FileReport {
    pub(super) fn of(path: &str, document: &Document, verdict: &Verdict) -> Self {
        let placed = |finding: &Finding| Placed {
            start: document.position(finding.span.start),
            end: document.position(finding.span.end),
            savings: None,
            finding: finding.clone(),
        };
        Self {
            path: path.to_owned(),
            findings: verdict.findings.iter().map(placed).collect(),
            allowed: verdict.allowed,
            left_out: verdict.left_out,
            document: document.clone(),
        }
    }
}

impl FileReport {
    /// Adds what each finding costs in an image, in their order.
    pub(super) fn with_savings(mut self, savings: Vec<Option<Savings>>) -> Self {
        for (placed, savings) in self.findings.iter_mut().zip(savings) {
            placed.savings = savings;
        }
        self
    }
}

impl LintReport {
    pub(super) fn of(files: Vec<FileReport>, fail_on: Severity) -> Self {
        Self { api_version: "plimsoll/v1", kind: "LintReport", fail_on, files }
    }

    /// How many findings are as severe as is failed on.
    pub(super) fn failing(&self) -> usize {
        self.findings().filter(|(_, placed)| self.fails(placed)).count()
    }

    pub(super) fn fails(&self, placed: &Placed) -> bool {
        placed.finding.severity >= self.fail_on
    }

    pub(super) fn findings(&self) -> impl Iterator<Item = (&FileReport, &Placed)> {
        self.files.iter().flat_map(|file| file.findings.iter().map(move |placed| (file, placed)))
    }
}

impl Report for LintReport {
    fn draw(&self, page: &mut Page) {
        frame::draw(self, page);
    }

    fn write_as(&self, format: OutputFormat) -> Option<Vec<u8>> {
        match format {
            OutputFormat::Sarif => sarif::write(self),
            OutputFormat::Junit => Some(junit::write(self).into_bytes()),
            _ => None,
        }
    }
}
