//! Downloads of a package manager that stay in the image.
//!
//! Each keeps what it fetched for the next time, and in an image there is none. `apk add --no-cache`, `pip install
//! --no-cache-dir`, `dnf clean all`, `npm cache clean --force`: in the same `RUN`, or a cache mount over the directory.

use super::super::{Edit, Fix, Run, Safety};
use crate::shell::Command;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "kept-package-cache",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("kept_package_cache.rs"),
    check,
};

/// A manager: its program, what it does when it fetches, the option that keeps nothing, and where it keeps.
struct Manager {
    program: &'static str,
    action: &'static str,
    option: Option<&'static str>,
    clean: &'static [&'static str],
    directory: &'static str,
}

const MANAGERS: &[Manager] = &[
    Manager {
        program: "apk",
        action: "add",
        option: Some("--no-cache"),
        clean: &["/var/cache/apk"],
        directory: "/var/cache/apk",
    },
    Manager {
        program: "pip",
        action: "install",
        option: Some("--no-cache-dir"),
        clean: &["purge", "/root/.cache"],
        directory: "/root/.cache/pip",
    },
    Manager {
        program: "pip3",
        action: "install",
        option: Some("--no-cache-dir"),
        clean: &["purge", "/root/.cache"],
        directory: "/root/.cache/pip",
    },
    Manager {
        program: "dnf",
        action: "install",
        option: None,
        clean: &["clean", "/var/cache/dnf"],
        directory: "/var/cache/dnf",
    },
    Manager {
        program: "microdnf",
        action: "install",
        option: None,
        clean: &["clean"],
        directory: "/var/cache/dnf",
    },
    Manager {
        program: "yum",
        action: "install",
        option: None,
        clean: &["clean", "/var/cache/yum"],
        directory: "/var/cache/yum",
    },
    Manager {
        program: "zypper",
        action: "install",
        option: None,
        clean: &["clean", "cc"],
        directory: "/var/cache/zypp",
    },
];

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    for (_, stage) in subject.shipping() {
        let is_off = subject.instructions(stage).flat_map(|(_, i)| i.pairs()).any(|pair| {
            pair.name.text == "PIP_NO_CACHE_DIR"
                && !matches!(pair.value.text.as_str(), "0" | "off" | "false" | "")
        });
        for run in subject.runs_of(stage) {
            let asked = MANAGERS.iter().filter(|manager| !(is_off && manager.program.starts_with("pip")));
            for manager in asked {
                found.extend(kept(run, manager));
            }
        }
    }
}

fn kept(run: &Run<'_>, manager: &Manager) -> Option<Found> {
    let keeps = |command: &&Command| {
        command.does(manager.action) && !manager.option.is_some_and(|option| command.has(option))
    };
    let command = run.of_program(manager.program).find(keeps)?;
    let is_cleaned = run.script.commands.iter().any(|other| {
        other.words.iter().any(|word| {
            manager.clean.iter().any(|clean| {
                word.written == *clean || (clean.starts_with('/') && word.written.contains(clean))
            })
        })
    });
    if is_cleaned || run.mounts_over(manager.directory) || run.script.lost_at.is_some() {
        return None;
    }
    let what = format!("what `{}` downloads stays in the image, in `{}`", manager.program, manager.directory);
    let action = command.arguments().find(|word| word.is(manager.action))?;
    let found = Found::at(run.span(command.range.clone()), what);
    let Some(option) = manager.option else {
        return Some(found.help(format!("end the same `RUN` with `{} clean all`", manager.program)));
    };
    let fix = Fix {
        title: format!("add `{option}`"),
        safety: Safety::Safe,
        edits: vec![Edit::insert(run.span(action.range.clone()).end, format!(" {option}"))],
    };
    Some(found.help(format!("add `{option}`")).fix(Some(fix)))
}
