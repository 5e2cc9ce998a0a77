//! What is wrong with a Dockerfile, judged by what ends in the image.

mod buildkit;
mod estimate;
mod fix;
mod multi_stage;
mod patch;
mod pragma;
mod rule;
mod secret;
mod subject;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::document::Document;
use crate::graph::{BuildChoice, Graph};
use crate::ignore::IgnoreFile;
use crate::span::Span;

pub use estimate::Estimate;
pub use fix::{Edit, Fix, Safety, apply};
pub use patch::{diff, patch};
pub use rule::{RULES, Rule};
pub use subject::{Run, Subject};

/// Most findings of one file. What comes after is counted and left out.
pub const FINDINGS_MAX: usize = 2_000;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It could be better.
    Note,
    /// It makes the image larger, less safe or slower to build.
    Warning,
    /// It does not build, or gives a secret away.
    Error,
}

/// Which rules are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Plimsoll's own.
    #[default]
    Plimsoll,
    /// `BuildKit`'s 22 checks, by their names.
    Buildkit,
}

/// Something that is wrong.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// A change that does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// What it costs, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

/// What was measured of the directory that is sent to the build.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The patterns that leave files out.
    pub ignore: Option<IgnoreFile>,
    /// Files that are sent.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The entries at the top, each with the bytes that are sent of it, the largest first.
    pub largest: Vec<(String, u64)>,
}

/// How to judge.
#[derive(Clone, Copy, Debug, Default)]
pub struct LintOptions<'o> {
    /// The rules that are asked.
    pub profile: Profile,
    /// The stage that is built.
    pub target: Option<&'o str>,
    /// Values for `ARG`.
    pub arguments: Option<&'o BTreeMap<String, String>>,
    /// Rules that are asked besides.
    pub also: &'o [String],
    /// Rules that are not asked.
    pub without: &'o [String],
    /// The directory that is sent to the build, where it is known.
    pub context: Option<&'o Context>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What is wrong, in the order of the file.
    pub findings: Vec<Finding>,
    /// How much of it the file itself allows.
    pub allowed: usize,
    /// How much was found beyond [`FINDINGS_MAX`].
    pub left_out: usize,
}

/// Judges a document.
pub fn lint(document: &Document, options: LintOptions<'_>) -> Verdict {
    let graph = Graph::of(
        document,
        BuildChoice { target: options.target, arguments: options.arguments, ..BuildChoice::default() },
    );
    let subject = Subject::of(document, &graph, options);
    let mut findings = match options.profile {
        Profile::Plimsoll => rule::findings(&subject, options),
        Profile::Buildkit => buildkit::findings(&subject),
    };
    findings.sort_by(|one, other| (one.span, one.rule).cmp(&(other.span, other.rule)));
    let found = findings.len();
    let pragmas = pragma::Pragmas::of(document);
    findings.retain(|finding| !options.without.iter().any(|name| name == finding.rule));
    let asked = findings.len();
    findings.retain(|finding| !pragmas.allow(finding, document));
    let allowed = asked - findings.len();
    let left_out = findings.len().saturating_sub(FINDINGS_MAX);
    findings.truncate(FINDINGS_MAX);
    debug_assert!(found >= asked);
    Verdict { findings, allowed, left_out }
}

/// The names of the rules of a profile.
pub fn names(profile: Profile) -> BTreeSet<&'static str> {
    match profile {
        Profile::Plimsoll => RULES.iter().map(|rule| rule.name).collect(),
        Profile::Buildkit => buildkit::CHECKS.iter().copied().collect(),
    }
}

impl Severity {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl std::str::FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known =
            [Self::Note, Self::Warning, Self::Error].into_iter().find(|severity| severity.word() == text);
        known.ok_or_else(|| "it is `error`, `warning` or `note`".to_owned())
    }
}
