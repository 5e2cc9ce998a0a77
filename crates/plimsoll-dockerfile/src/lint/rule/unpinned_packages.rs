//! Packages without a version.
//!
//! Off unless it is asked for: a distribution removes old versions from its mirrors, and builds with pinned ones break
//! within weeks. A base that is pinned by its digest and a snapshot archive give the same result every time, and last.

use super::recommended_packages::installs;
use crate::shell::ShellWord;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "unpinned-packages",
    severity: Severity::Note,
    is_default: false,
    source: include_str!("unpinned_packages.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    for run in subject.shipped_runs() {
        for install in installs(run).into_iter().filter(|install| matches!(install.manager, "apt" | "apk")) {
            let is_pinned = |word: &ShellWord| {
                word.text.as_deref().is_none_or(|text| text.contains(['=', '~', '@', '/']))
            };
            let words = &install.command.words;
            let unpinned = install
                .packages
                .iter()
                .filter(|(_, range)| words.iter().any(|word| word.range == *range && !is_pinned(word)));
            let names: Vec<String> = unpinned.map(|(name, _)| format!("`{name}`")).collect();
            if !names.is_empty() {
                let what = format!("{} without a version", names.join(", "));
                found.push(Found::at(run.span(install.command.range.clone()), what));
            }
        }
    }
}
