//! More is sent to the build than it needs.
//!
//! `COPY .` sends the files of the build's directory that `.dockerignore` does not leave out, and puts them into a layer;
//! what no instruction names is not sent. The number was measured: the files as they are now, less what the ignore file
//! leaves out. It is told from 100 MB on, or where `.git` or `node_modules` are sent along.

use crate::instruction::{Instruction, Keyword};

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "large-context",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("large_context.rs"),
    check,
};

const LARGE_BYTES: u64 = 100_000_000;

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    let Some(context) = subject.context else { return };
    let Some(copy) = subject.document.instructions().iter().find(|instruction| takes_all(instruction)) else {
        return;
    };
    let needless: Vec<&str> = context
        .largest
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| [".git", "node_modules", "target", ".venv"].contains(name))
        .collect();
    if context.bytes < LARGE_BYTES && needless.is_empty() {
        return;
    }
    let megabytes = |bytes: u64| format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000);
    let largest =
        context.largest.iter().take(3).map(|(name, bytes)| format!("`{name}` {}", megabytes(*bytes)));
    let largest = largest.collect::<Vec<_>>().join(", ");
    let what = format!(
        "{} in {} files are sent to the build, measured: {largest}",
        megabytes(context.bytes),
        context.files
    );
    let names =
        if needless.is_empty() { "what the build does not need".to_owned() } else { needless.join(" and ") };
    found.push(Found::at(copy.span, what).help(format!("leave {names} out with `.dockerignore`")));
}

/// Whether an instruction copies the whole directory.
fn takes_all(instruction: &Instruction) -> bool {
    (instruction.is(Keyword::Copy) || instruction.is(Keyword::Add))
        && instruction.flag("from").is_none()
        && instruction.words().first().is_some_and(|word| matches!(word.text.as_str(), "." | "./" | "/"))
}
