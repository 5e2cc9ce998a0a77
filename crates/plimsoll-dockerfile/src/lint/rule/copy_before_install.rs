//! Everything is copied before dependencies are installed, so every change installs them again.
//!
//! A builder keeps the result of an instruction until something before it changes. Copy the files that name the dependencies
//! alone, install, and copy the rest behind it. The rule is about time, and is asked of every stage that the image needs.

use super::super::{Edit, Fix, Run, Safety};
use crate::graph::Role;
use crate::instruction::{Instruction, Keyword};
use crate::shell::Command;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "copy-before-install",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("copy_before_install.rs"),
    check,
};

/// Programs that install dependencies: what they are asked to do, and the files that name the dependencies.
const INSTALLERS: &[(&str, &[&str], &str)] = &[
    ("npm", &["ci", "install", "i"], "package.json package-lock.json*"),
    ("yarn", &["install"], "package.json yarn.lock*"),
    ("pnpm", &["install", "i"], "package.json pnpm-lock.yaml*"),
    ("pip", &["install"], "requirements*.txt"),
    ("pip3", &["install"], "requirements*.txt"),
    ("poetry", &["install"], "pyproject.toml poetry.lock*"),
    ("bundle", &["install"], "Gemfile Gemfile.lock*"),
    ("composer", &["install"], "composer.json composer.lock*"),
    ("go", &["mod"], "go.mod go.sum*"),
    ("mvn", &["dependency:go-offline", "dependency:resolve"], "pom.xml"),
    ("dotnet", &["restore"], "*.csproj"),
];

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    for stage in subject.graph.stages.iter().filter(|stage| stage.role != Role::Unneeded) {
        let Some((index, copy)) =
            subject.instructions(stage).find(|(_, instruction)| copies_everything(instruction))
        else {
            continue;
        };
        let after = subject.runs_of(stage).filter(|run| run.index > index);
        let installing = after.into_iter().find_map(|run| Some((run, installer(run)?)));
        let Some((run, (command, manifests))) = installing else { continue };
        let program = command.program().unwrap_or_default();
        let line = subject.document.position(run.instruction.span.start).line;
        let what =
            format!("any change to the sources makes `{program}` install everything again on line {line}");
        let help = format!("`COPY {manifests} ./` first, and `COPY . .` behind the installation");
        let fix = (run.index == index + 1 && copy.heredocs.is_empty())
            .then(|| reordered(subject, copy, run.instruction, manifests));
        found.push(Found::at(copy.span, what).help(help).fix(fix));
    }
}

/// Copies what names the dependencies first, and the rest behind the installation.
fn reordered(subject: &Subject<'_>, copy: &Instruction, run: &Instruction, manifests: &str) -> Fix {
    let target = copy.words().last().map_or("./", |word| word.text.as_str());
    let directory = if target.ends_with('/') { target.to_owned() } else { format!("{target}/") };
    let flags: String = copy
        .flags
        .iter()
        .map(|flag| match &flag.value {
            Some(value) => format!("--{}={value} ", flag.name),
            None => format!("--{} ", flag.name),
        })
        .collect();
    let first = format!("{} {flags}{manifests} {directory}", copy.name.text);
    let has_returns = memchr::memmem::find(subject.document.source(), b"\r\n").is_some();
    let line_end = if has_returns { "\r\n" } else { "\n" };
    let rest = format!("{line_end}{} {flags}. {target}", copy.name.text);
    Fix {
        title: "install before the sources are copied".to_owned(),
        safety: Safety::Suggested,
        edits: vec![Edit::replace(copy.span, first), Edit::insert(run.span.end, rest)],
    }
}

fn copies_everything(instruction: &Instruction) -> bool {
    let is_copy = instruction.is(Keyword::Copy) || instruction.is(Keyword::Add);
    let first = instruction.words().first().map(|word| word.text.as_str());
    is_copy
        && instruction.flag("from").is_none()
        && instruction.words().len() == 2
        && matches!(first, Some("." | "./"))
}

fn installer<'r>(run: &'r Run<'_>) -> Option<(&'r Command, &'static str)> {
    run.script.commands.iter().find_map(|command| {
        let program = command.program()?;
        let (_, actions, manifests) = INSTALLERS.iter().find(|(name, ..)| *name == program)?;
        let is_installing =
            actions.iter().any(|action| command.does(action)) && is_of_manifest(program, command);
        is_installing.then_some((command, *manifests))
    })
}

/// `pip install name` and the like do not ask for the files of the project.
fn is_of_manifest(program: &str, command: &Command) -> bool {
    match program {
        "pip" | "pip3" => command.has("-r") || command.has("--requirement"),
        "npm" | "yarn" | "pnpm" => command.operands().count() == 1,
        "go" => command.has("download"),
        _ => true,
    }
}
