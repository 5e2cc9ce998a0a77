//! Packages that are installed only because others recommend them.
//!
//! `apt-get install` brings what Debian recommends for a desktop as well. With `--no-install-recommends` the image has what
//! was asked for. What the program needs of the others has to be named then, so this fix is for somebody to look at.

use std::ops::Range;

use super::super::multi_stage::propose;
use super::super::{Edit, Fix, Run, Safety};
use crate::shell::Command;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "recommended-packages",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("recommended_packages.rs"),
    check,
};

/// An installation of packages.
pub(in crate::lint) struct Install<'r> {
    pub(in crate::lint) manager: &'static str,
    pub(in crate::lint) command: &'r Command,
    /// The packages, without their versions, and where they are written.
    pub(in crate::lint) packages: Vec<(String, Range<usize>)>,
}

const MANAGERS: &[(&str, &str, &[&str])] = &[
    ("apt-get", "apt", &["install"]),
    ("apt", "apt", &["install"]),
    ("aptitude", "apt", &["install"]),
    ("apk", "apk", &["add"]),
    ("dnf", "dnf", &["install"]),
    ("microdnf", "dnf", &["install"]),
    ("yum", "dnf", &["install"]),
    ("zypper", "zypper", &["install", "in"]),
];

/// Options of package managers that are followed by a value.
const VALUED: &[&str] =
    &["-t", "--virtual", "-o", "-c", "-X", "--repository", "--target-release", "--enablerepo"];

/// The installations of a `RUN`.
pub(in crate::lint) fn installs<'r>(run: &'r Run<'_>) -> Vec<Install<'r>> {
    let mut found = Vec::new();
    for command in &run.script.commands {
        let program = command.program().unwrap_or_default();
        let Some((_, manager, actions)) = MANAGERS.iter().find(|(name, ..)| *name == program) else {
            continue;
        };
        let mut words = command.arguments().skip_while(|word| !actions.iter().any(|action| word.is(action)));
        if words.next().is_none() {
            continue;
        }
        let mut packages = Vec::new();
        let mut is_value = false;
        for word in words {
            let is_option = word.written.starts_with('-');
            if !is_value
                && !is_option
                && let Some(text) = &word.text
            {
                let name = text.split(['=', '~', '<', '>', ':', '/', '@']).next().unwrap_or_default();
                packages.push((name.to_owned(), word.range.clone()));
            }
            is_value = VALUED.contains(&word.written.as_str());
        }
        found.push(Install { manager, command, packages });
    }
    found
}

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    // A stage that is to build alone stays as it is: what it installs ships no longer.
    let is_to_part = propose(subject).is_some();
    for run in subject.shipped_runs() {
        for install in installs(run).into_iter().filter(|install| install.manager == "apt") {
            let command = install.command;
            let is_asked = command.words.iter().any(|word| {
                word.written == "--no-install-recommends" || word.written.contains("Install-Recommends")
            });
            let action = command.arguments().find(|word| word.is("install"));
            let (false, Some(action)) = (is_asked, action) else { continue };
            let at = run.span(action.range.clone());
            let fix = Fix {
                title: "install what is asked for alone".to_owned(),
                safety: Safety::Suggested,
                edits: vec![Edit::insert(at.end, " --no-install-recommends")],
            };
            let what = "packages that are only recommended are installed as well";
            let span = run.span(command.range.clone());
            found.push(
                Found::at(span, what)
                    .help("add `--no-install-recommends`")
                    .fix(Some(fix).filter(|_| !is_to_part)),
            );
        }
    }
}
