//! The same image from two stages: one that builds as before, and one that gets what was built.
//!
//! Only what is understood in full is proposed: every command of the stage has to be one that builds, installs packages or
//! makes a user, and what the image runs has to be among the files that they make.

mod outputs;
mod packages;
mod steps;

use std::fmt::Write as _;

use super::{Edit, Fix, Safety, Subject};
use crate::graph::{ExternalImage, Source, Stage};
use crate::instruction::{Instruction, Keyword};
use crate::span::Span;

use outputs::Output;
use steps::Steps;

/// What the build's stage is called where it has no name.
const STAGE_NAME: &str = "build";

/// Who runs the image where nobody is named.
const USER: &str = "65532:65532";

/// Images for building, with one of the same distribution for running what they built.
const RUNTIMES: &[(&str, &str)] = &[
    ("library/buildpack-deps", "debian:bookworm-slim"),
    ("library/gcc", "debian:bookworm-slim"),
    ("library/rust", "debian:bookworm-slim"),
    ("library/golang", "debian:bookworm-slim"),
];

/// The change that parts the stage which becomes the image in two; nothing where not all of it is understood.
pub(super) fn propose(subject: &Subject<'_>) -> Option<Fix> {
    let [index] = subject.graph.shipping()[..] else { return None };
    let stage = subject.graph.stages.get(index)?;
    let is_last = index + 1 == subject.graph.stages.len();
    let Source::Image(base) = &stage.base else { return None };
    if !is_last || !subject.document.errors().is_empty() || !subject.graph.circular.is_empty() {
        return None;
    }
    let steps = Steps::of(subject, stage)?;
    let outputs = outputs::of(&steps)?;
    let (from_edit, name) = named(subject, stage)?;
    let text = final_stage(base, subject, stage, &name, &steps, &outputs);
    let mut edits = vec![place(subject, &steps, &text)?];
    edits.extend(from_edit);
    let title = "build in a stage of its own, and copy the result".to_owned();
    Some(Fix { title, safety: Safety::Suggested, edits })
}

/// The stage's name, and the edit that gives it one.
fn named(subject: &Subject<'_>, stage: &Stage) -> Option<(Option<Edit>, String)> {
    if let Some(name) = &stage.name {
        return Some((None, name.clone()));
    }
    let (_, from) = subject.instructions(stage).next()?;
    let is_taken = subject.graph.stages.iter().any(|other| other.name.as_deref() == Some(STAGE_NAME));
    let end = from.words().last()?.span.end;
    (!is_taken).then(|| (Some(Edit::insert(end, format!(" AS {STAGE_NAME}"))), STAGE_NAME.to_owned()))
}

/// Where the new stage begins: before what stands behind the last step that builds, with the comments on it.
fn place(subject: &Subject<'_>, steps: &Steps<'_>, text: &str) -> Option<Edit> {
    match steps.tail.first() {
        Some(first) => {
            let start = first.comments.first().map_or(first.span.start, |comment| comment.span.start);
            Some(Edit::insert(start, format!("\n{text}")))
        }
        None => {
            let (_, last) = subject.instructions(subject.graph.target()?).last()?;
            Some(Edit::insert(last.span.end, format!("\n\n{}", text.trim_end_matches('\n'))))
        }
    }
}

fn final_stage(
    base: &ExternalImage,
    subject: &Subject<'_>,
    stage: &Stage,
    name: &str,
    steps: &Steps<'_>,
    outputs: &[Output],
) -> String {
    let mut text = format!("FROM {}{}\n", platform(subject, stage), runtime_of(base));
    if let Some(install) = packages::install(&steps.packages) {
        text.push_str(&install);
    }
    for instruction in &steps.repeated {
        let written = subject.document.text(repeated_span(instruction));
        let _ = writeln!(text, "{written}");
    }
    for Output { path, is_directory } in outputs {
        let slash = if *is_directory { "/" } else { "" };
        let _ = writeln!(text, "COPY --from={name} {path}{slash} {path}{slash}");
    }
    if !steps.names_user {
        let _ = writeln!(text, "USER {USER}");
    }
    text
}

/// An instruction is repeated as it is written, without the comments before it.
fn repeated_span(instruction: &Instruction) -> Span {
    instruction.span
}

fn platform(subject: &Subject<'_>, stage: &Stage) -> String {
    let from = subject.instructions(stage).next().map(|(_, from)| from);
    from.and_then(|from| from.flag("platform"))
        .map(|platform| format!("--platform={platform} "))
        .unwrap_or_default()
}

/// The image to run on: the same, unless it is known to be made for building.
fn runtime_of(base: &ExternalImage) -> &str {
    let repository = base.reference.as_ref().map(|reference| reference.repository.to_string());
    let is_debian = !base.name.contains("alpine");
    let known = RUNTIMES.iter().find(|(name, _)| is_debian && repository.as_deref() == Some(*name));
    known.map_or(&base.written, |(_, runtime)| runtime)
}

/// Whether an instruction says how the image is run.
fn is_setting(instruction: &Instruction) -> bool {
    const SETTINGS: &[Keyword] = &[
        Keyword::Cmd,
        Keyword::Entrypoint,
        Keyword::Env,
        Keyword::Expose,
        Keyword::Healthcheck,
        Keyword::Label,
        Keyword::Stopsignal,
        Keyword::User,
        Keyword::Volume,
        Keyword::Workdir,
    ];
    SETTINGS.iter().any(|keyword| instruction.is(*keyword))
}
