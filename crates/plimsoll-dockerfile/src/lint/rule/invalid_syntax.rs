//! What no builder takes.
//!
//! A line that is no instruction, an option that does not exist, a here-document without an end. The rest of the file is
//! judged all the same.

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "invalid-syntax",
    severity: Severity::Error,
    is_default: true,
    source: include_str!("invalid_syntax.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    let errors = subject.document.errors().iter();
    found.extend(errors.map(|error| Found::at(error.span, error.message.clone())));
    for index in &subject.graph.strays {
        let Some(instruction) = subject.document.instructions().get(*index) else { continue };
        let what =
            format!("`{}` stands before the first `FROM`, where only `ARG` can", instruction.name.text);
        found.push(Found::at(instruction.name.span, what));
    }
}
