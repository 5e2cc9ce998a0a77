//! A file from the network that nothing checks.
//!
//! `ADD https://…` takes whatever the server sends today. With `--checksum=sha256:…` it takes exactly one file, and the
//! builder keeps it as long as the checksum stays.

use crate::graph::Role;
use crate::instruction::Keyword;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "remote-add",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("remote_add.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    for stage in subject.graph.stages.iter().filter(|stage| stage.role != Role::Unneeded) {
        let adds = subject
            .instructions(stage)
            .map(|(_, instruction)| instruction)
            .filter(|instruction| instruction.is(Keyword::Add));
        for add in adds.filter(|add| add.flag("checksum").is_none()) {
            let remote = add
                .words()
                .iter()
                .find(|word| word.text.starts_with("https://") || word.text.starts_with("http://"));
            if let Some(word) =
                remote.filter(|word| !word.text.contains(".git#") && !word.text.ends_with(".git"))
            {
                let what = format!("nothing checks what `{}` sends", word.text);
                found.push(Found::at(word.span, what).help("add `--checksum=sha256:…`"));
            }
        }
    }
}
