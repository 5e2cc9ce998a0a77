//! A stage that the image does not need.
//!
//! BuildKit does not build it. It is read by people, though, and ages: another target may need it, as tests do, or it can
//! go.

use crate::graph::Role;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "unneeded-stage",
    severity: Severity::Note,
    is_default: true,
    source: include_str!("unneeded_stage.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    for stage in subject.graph.stages.iter().filter(|stage| stage.role == Role::Unneeded) {
        let Some((_, from)) = subject.instructions(stage).next() else { continue };
        let name =
            stage.name.as_ref().map_or_else(|| "this stage".to_owned(), |name| format!("stage `{name}`"));
        let help = "take it out, or lint with `--target` what is built of it";
        found.push(Found::at(from.span, format!("{name} is not needed for the image")).help(help));
    }
}
