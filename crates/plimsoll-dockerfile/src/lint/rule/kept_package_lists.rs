//! Lists of packages that stay in the image.
//!
//! `apt-get update` fetches tens of megabytes that nothing reads again. They have to go in the same `RUN`: what a later one
//! removes is still in the layer. A cache mount over `/var/lib/apt/lists` keeps them out altogether. Stages that do not end
//! in the image are not told of: a cache mount serves them better.

use super::super::{Edit, Fix, Safety};
use crate::shell::Joint;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "kept-package-lists",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("kept_package_lists.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    let has_returns = memchr::memmem::find(subject.document.source(), b"\r\n").is_some();
    let line_end = if has_returns { "\r\n" } else { "\n" };
    let needed = last_bare_install(subject);
    for run in subject.shipped_runs() {
        let updates = ["apt-get", "apt"].into_iter().flat_map(|program| run.of_program(program));
        let Some(update) = updates.into_iter().find(|command| command.does("update")) else { continue };
        let is_removed = run.script.commands.iter().any(|command| {
            let removes = command
                .words
                .iter()
                .any(|word| word.written.trim_end_matches(['/', '*']).contains("/var/lib/apt"));
            removes
                || command
                    .words
                    .iter()
                    .any(|word| word.written.contains("dist-clean") || word.is("distclean"))
        });
        if is_removed || run.mounts_over("/var/lib/apt/lists") || run.script.lost_at.is_some() {
            continue;
        }
        let help = "end the same `RUN` with `rm -rf /var/lib/apt/lists/*`";
        let fix = run.end().filter(|_| needed.is_none_or(|last| last < run.index)).map(|end| Fix {
            title: "remove the lists in the same layer".to_owned(),
            safety: Safety::Safe,
            edits: vec![Edit::insert(end, format!(" \\{line_end}    && rm -rf /var/lib/apt/lists/*"))],
        });
        let ends_plainly =
            run.script.commands.last().is_some_and(|last| !last.is_piped && last.joint != Joint::Or);
        let fix = fix.filter(|_| ends_plainly && subject.document.escape() == '\\');
        let what = "the lists that `apt-get update` fetches stay in the image";
        found.push(Found::at(run.span(update.range.clone()), what).help(help).fix(fix));
    }
}

/// The last `RUN` that installs with the lists of one before it.
fn last_bare_install(subject: &Subject<'_>) -> Option<usize> {
    let mut bare = subject.runs.iter().filter(|run| {
        let apt = || ["apt-get", "apt"].into_iter().flat_map(|program| run.of_program(program));
        apt().any(|command| command.does("install")) && !apt().any(|command| command.does("update"))
    });
    bare.next_back().map(|run| run.index)
}
