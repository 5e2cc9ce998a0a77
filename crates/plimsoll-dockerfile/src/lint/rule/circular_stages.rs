//! Stages that need each other in a circle.
//!
//! No order builds them. Often a stage copies from itself, or from one that is built on it.

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "circular-stages",
    severity: Severity::Error,
    is_default: true,
    source: include_str!("circular_stages.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    for index in &subject.graph.circular {
        let stage = subject.graph.stages.get(*index);
        let Some((_, from)) = stage.and_then(|stage| subject.instructions(stage).next()) else { continue };
        found
            .push(Found::at(from.span, "this stage needs itself, by way of what it takes from other stages"));
    }
}
