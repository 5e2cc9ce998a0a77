//! Something is allowed without a reason, or by a name that no rule has.
//!
//! `# plimsoll: allow(rule) reason` before an instruction allows it there. The reason is for whoever reads it next year; a
//! name that no rule has allows nothing.

use super::super::pragma::own;
use super::RULES;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "hollow-allow",
    severity: Severity::Note,
    is_default: true,
    source: include_str!("hollow_allow.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    let comments = subject.document.instructions().iter().flat_map(|instruction| &instruction.comments);
    for comment in comments {
        let Some(allow) = own(comment) else { continue };
        let unknown = allow.rules.iter().find(|name| !RULES.iter().any(|rule| rule.name == name.as_str()));
        if let Some(name) = unknown {
            found.push(
                Found::at(comment.span, format!("no rule is called `{name}`")).help("plimsoll lint --rules"),
            );
        } else if allow.reason.is_empty() {
            found.push(
                Found::at(comment.span, "it is allowed without a reason").help("say why behind the bracket"),
            );
        }
    }
}
