//! A program that is compiled in the stage that becomes the image.
//!
//! Sources, caches, compiler and what only it needs all stay in the image. Compile in a stage of its own and copy the
//! result: `COPY --from=build /out/app /usr/local/bin/app`. Of a small compiled program this leaves a sixth of an image
//! whose layers are already clean, and far less on `scratch`.
//!
//! Where every command of the stage is understood, `--diff` proposes the second stage: on the same base, with what the
//! build makes (`-o`, `make install`, `go install`, `cargo install`, a virtual environment, or the program that the image
//! runs), the packages that are not for building, and a user. What is needed besides is for somebody to look at.

use crate::shell::Command;

use super::super::multi_stage::propose;
use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "compiling-where-it-ships",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("compiling_where_it_ships.rs"),
    check,
};

/// Programs that compile, with what they are asked to do then. None means: whatever they are asked.
const COMPILERS: &[(&str, &[&str])] = &[
    ("go", &["build", "install"]),
    ("cargo", &["build", "install"]),
    ("mvn", &["package", "install", "verify"]),
    ("mvnw", &["package", "install", "verify"]),
    ("gradle", &["build", "assemble", "bootJar", "installDist"]),
    ("gradlew", &["build", "assemble", "bootJar", "installDist"]),
    ("dotnet", &["build", "publish"]),
    ("gcc", &[]),
    ("g++", &[]),
    ("cc", &[]),
    ("clang", &[]),
    ("rustc", &[]),
    ("javac", &[]),
    ("tcc", &[]),
    ("swift", &["build"]),
    ("stack", &["build", "install"]),
];

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    let mut fix = propose(subject);
    for run in subject.shipped_runs() {
        let compiling = run.script.commands.iter().find(|command| is_compiling(command));
        if let Some(command) = compiling {
            let program = command.program().unwrap_or_default();
            let what = format!("`{program}` compiles in the stage that becomes the image");
            let help =
                "compile in a stage of its own (`FROM … AS build`), and `COPY --from=build` the result";
            found.push(Found::at(run.span(command.range.clone()), what).help(help).fix(fix.take()));
        }
    }
}

/// Whether some step of the image compiles.
pub(super) fn is_compiled(subject: &Subject<'_>) -> bool {
    subject.shipped_runs().any(|run| run.script.commands.iter().any(is_compiling))
}

fn is_compiling(command: &Command) -> bool {
    let program = command.program().unwrap_or_default();
    COMPILERS.iter().any(|(name, actions)| {
        *name == program
            && (actions.is_empty() && !is_question(command)
                || actions.iter().any(|action| command.has(action)))
    })
}

fn is_question(command: &Command) -> bool {
    command.arguments().all(|word| word.written.starts_with('-') && !word.written.ends_with(".c"))
}
