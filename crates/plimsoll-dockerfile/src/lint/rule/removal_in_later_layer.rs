//! Files that are removed in a later layer than the one that they came with.
//!
//! Layers only add: a file that a later `RUN` removes is still in the image and still pulled, out of sight. Remove it in the
//! instruction that brought it, do not bring it (`.dockerignore`, `--mount=type=bind`), or bring it in another stage.

use super::super::Run;
use crate::graph::Stage;
use crate::instruction::{Instruction, Keyword};
use crate::shell::Command;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "removal-in-later-layer",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("removal_in_later_layer.rs"),
    check,
};

/// Most paths that are looked for in earlier layers.
const PATHS_MAX: usize = 200;

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    let mut paths = 0;
    for (_, stage) in subject.shipping() {
        for run in subject.runs_of(stage) {
            for command in run.of_program("rm") {
                for word in command.operands() {
                    let path = word.written.trim_end_matches('*').trim_end_matches('/');
                    if path.len() < 2 || !path.starts_with('/') || run.mounts_over(path) || paths == PATHS_MAX
                    {
                        continue;
                    }
                    paths += 1;
                    if let Some(bringing) = earlier(subject, stage, run, path) {
                        let line = subject.document.position(bringing.span.start).line;
                        let what = format!("`{path}` came with line {line}, and stays in that layer");
                        let help = format!(
                            "remove it in the instruction on line {line}, or bring it in another stage"
                        );
                        found.push(Found::at(run.span(word.range.clone()), what).help(help));
                    }
                }
            }
        }
    }
}

/// The instruction before `run` that brought a path, if this one did not.
fn earlier<'d>(subject: &Subject<'d>, stage: &Stage, run: &Run<'_>, path: &str) -> Option<&'d Instruction> {
    let is_own = run.script.commands.iter().any(|command| brings(command, path));
    if is_own {
        return None;
    }
    let mut before = subject.instructions(stage).filter(|(index, _)| *index < run.index);
    before.find_map(|(index, instruction)| {
        let copied = (instruction.is(Keyword::Copy) || instruction.is(Keyword::Add))
            && instruction.words().last().is_some_and(|word| {
                let target = word.text.trim_end_matches('/');
                target == path
                    || (path.starts_with(&format!("{target}/"))
                        && target.len() > 1
                        && names(instruction, path))
            });
        let place = subject.runs.binary_search_by_key(&index, |other| other.index).ok();
        let of_run = place.and_then(|place| subject.runs.get(place));
        let ran = of_run.is_some_and(|other| {
            !other.mounts_over(path)
                && other.script.commands.iter().any(|command| brings(command, path))
                && !other
                    .of_program("rm")
                    .any(|command| command.words.iter().any(|word| word.written.starts_with(path)))
        });
        (copied || ran).then_some(instruction)
    })
}

/// Whether a source of a `COPY` is called as the path ends.
fn names(instruction: &Instruction, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    instruction.words().iter().any(|word| word.text.rsplit('/').next() == Some(name))
}

/// Whether a command writes a path, as far as its words tell.
fn brings(command: &Command, path: &str) -> bool {
    let is_named = || {
        command.words.iter().any(|word| {
            let written = word.written.trim_end_matches('/');
            written == path || written.strip_prefix("-o").is_some_and(|target| target == path)
        })
    };
    match command.program().unwrap_or_default() {
        "curl" | "wget" | "tar" | "git" | "unzip" | "cp" | "tee" => is_named(),
        "apt-get" | "apt" => path == "/var/lib/apt/lists" && command.does("update"),
        "apk" => path == "/var/cache/apk" && command.does("add") && !command.has("--no-cache"),
        "npm" => path == "/root/.npm" && (command.does("install") || command.does("ci")),
        "pip" | "pip3" => {
            path.starts_with("/root/.cache") && command.does("install") && !command.has("--no-cache-dir")
        }
        _ => false,
    }
}
