//! What a file allows itself: our own words, and those of hadolint and `BuildKit`.

use super::Finding;
use crate::document::Document;
use crate::instruction::Comment;
use crate::span::Span;

/// The comments that allow something.
pub(super) struct Pragmas {
    /// Rules that are allowed in the whole file.
    everywhere: Vec<String>,
    /// Rules that are allowed in one instruction.
    here: Vec<(Span, Vec<String>)>,
}

/// A comment of our own: `plimsoll: allow(rule, rule) reason`.
pub(super) struct Allow {
    pub(super) rules: Vec<String>,
    pub(super) reason: String,
}

/// The rules of ours that say what one of hadolint's does. `DL3006` and the like name rules; nothing else is taken over.
const HADOLINT: &[(&str, &[&str])] = &[
    ("DL3002", &["root-user"]),
    ("DL3004", &["sudo-in-build"]),
    ("DL3006", &["floating-base"]),
    ("DL3007", &["floating-base"]),
    ("DL3008", &["unpinned-packages"]),
    ("DL3009", &["kept-package-lists"]),
    ("DL3015", &["recommended-packages"]),
    ("DL3018", &["unpinned-packages"]),
    ("DL3019", &["kept-package-cache"]),
    ("DL3020", &["remote-add"]),
    ("DL3025", &["shell-form-entrypoint"]),
    ("DL3032", &["kept-package-cache"]),
    ("DL3036", &["kept-package-cache"]),
    ("DL3040", &["kept-package-cache"]),
    ("DL3042", &["kept-package-cache"]),
    ("DL4006", &["piped-download"]),
];

impl Pragmas {
    pub(super) fn of(document: &Document) -> Self {
        let checks = document.directive("check").map(|directive| skipped(&directive.value));
        let mut pragmas = Self { everywhere: checks.unwrap_or_default(), here: Vec::new() };
        for instruction in document.instructions() {
            let mut here = Vec::new();
            for comment in &instruction.comments {
                here.extend(allowed(comment));
                pragmas.everywhere.extend(hadolint(&comment.text, "hadolint global ignore="));
            }
            if !here.is_empty() {
                pragmas.here.push((instruction.span, here));
            }
        }
        pragmas
    }

    /// Whether the file allows a finding.
    pub(super) fn allow(&self, finding: &Finding, document: &Document) -> bool {
        let is_named = |rules: &[String]| rules.iter().any(|rule| rule == finding.rule || rule == "all");
        // A finding about the whole file can be allowed at its first instruction.
        let at = if finding.span.is_empty() { document.instructions().first().map(|i| i.span) } else { None };
        let span = at.unwrap_or(finding.span);
        // The instructions lie in the order of the file and apart from each other.
        let first = self.here.partition_point(|(place, _)| place.end <= span.start);
        let here = self.here.iter().skip(first).take_while(|(place, _)| place.start < span.end);
        is_named(&self.everywhere) || here.into_iter().any(|(_, rules)| is_named(rules))
    }
}

/// Our own words in a comment.
pub(super) fn own(comment: &Comment) -> Option<Allow> {
    let rest = comment.text.strip_prefix("plimsoll:")?.trim_start().strip_prefix("allow")?;
    let (rules, reason) = rest.trim_start().strip_prefix('(')?.split_once(')')?;
    let rules = rules.split(',').map(|rule| rule.trim().to_owned()).filter(|rule| !rule.is_empty());
    Some(Allow { rules: rules.collect(), reason: reason.trim().to_owned() })
}

fn allowed(comment: &Comment) -> Vec<String> {
    let mut rules = own(comment).map(|allow| allow.rules).unwrap_or_default();
    rules.extend(hadolint(&comment.text, "hadolint ignore="));
    let check = comment.text.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("check"));
    rules.extend(check.map(|(_, value)| skipped(value)).unwrap_or_default());
    rules
}

fn hadolint(text: &str, start: &str) -> Vec<String> {
    let Some(codes) = text.strip_prefix(start) else { return Vec::new() };
    let codes: Vec<&str> = codes.split([',', ' ']).map(str::trim).collect();
    let known = HADOLINT.iter().filter(|(code, _)| codes.contains(code));
    known.flat_map(|(_, rules)| rules.iter().map(|rule| (*rule).to_owned())).collect()
}

/// `skip=A,B;error=true`, as `BuildKit` writes it.
fn skipped(options: &str) -> Vec<String> {
    let options = options.trim().split(' ').next().unwrap_or_default();
    let skips = options.split(';').filter_map(|option| option.trim().strip_prefix("skip="));
    skips.flat_map(|names| names.split(',').map(|name| name.trim().to_owned())).collect()
}
