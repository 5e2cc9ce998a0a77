//! A build uses sudo.
//!
//! A build is root until `USER` says otherwise, so sudo does nothing but stay in the image, with its setuid bit. Put what
//! needs root before `USER`.

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "sudo-in-build",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("sudo_in_build.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    for run in subject.shipped_runs() {
        let sudo = run
            .script
            .commands
            .iter()
            .find(|command| command.words.first().is_some_and(|word| word.is("sudo")));
        if let Some(command) = sudo {
            let help = "take `sudo` out, and put the command before `USER`";
            found.push(Found::at(run.span(command.range.clone()), "a build needs no sudo").help(help));
        }
    }
}
