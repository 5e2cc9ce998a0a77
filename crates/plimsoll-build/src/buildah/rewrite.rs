//! The Dockerfile as buildah gets it: up to the stage that it builds, with images by their ids, and without words that
//! its version does not know.

use std::collections::BTreeMap;

use plimsoll_dockerfile::graph::Source;
use plimsoll_dockerfile::instruction::{Arguments, Heredoc, Instruction, Keyword};
use plimsoll_dockerfile::{Span, mounts};

use super::Delegated;
use super::version::Version;
use crate::BuildError;
use crate::plan::Origin;

/// A change to the text.
struct Edit {
    span: Span,
    text: String,
}

/// Rewrites the Dockerfile for one stage. `ids` are those of the images in buildah's storage.
pub(super) fn rewritten(
    order: &Delegated<'_>,
    ids: &BTreeMap<String, String>,
    version: &Version,
) -> Result<String, BuildError> {
    let needed = order.stages();
    let mut edits = Vec::new();
    for (index, stage) in order.plan.graph.stages.iter().enumerate().take(order.stage + 1) {
        if !needed.contains(&index) {
            edits.extend(emptied(order, index));
            continue;
        }
        if let Origin::Image(name) = order.plan.base(stage, order.request) {
            edits.extend(base_by_id(order, stage.instructions.start, &name, ids));
        }
        for used in &stage.uses {
            let Some(instruction) = order.plan.document.instructions().get(used.instruction) else {
                continue;
            };
            edits.extend(use_by_id(order, instruction, used.span, &used.source, ids));
        }
        let mut shell = default_shell();
        for (at, instruction) in order.plan.instructions(stage) {
            if instruction.is(Keyword::Shell) {
                shell = instruction.words().iter().map(|word| word.text.clone()).collect();
            }
            if !version.has_heredocs() && !instruction.heredocs.is_empty() {
                let edit = without_heredocs(order, instruction, &shell);
                edits.push(edit.map_err(|error| order.plan.at(at, order.request, error))?);
            }
        }
    }
    Ok(applied(order, edits))
}

fn default_shell() -> Vec<String> {
    vec!["/bin/sh".to_owned(), "-c".to_owned()]
}

/// Leaves of a stage that is not needed only its place: others are counted by it.
fn emptied(order: &Delegated<'_>, index: usize) -> Option<Edit> {
    let stage = order.plan.graph.stages.get(index)?;
    let span = span_of(order, stage.instructions.clone())?;
    let name = stage.name.as_ref().map(|name| format!(" AS {name}")).unwrap_or_default();
    Some(Edit { span, text: format!("FROM scratch{name}") })
}

fn span_of(order: &Delegated<'_>, range: std::ops::Range<usize>) -> Option<Span> {
    let instructions = order.plan.document.instructions().get(range)?;
    Some(Span { start: instructions.first()?.span.start, end: instructions.last()?.span.end })
}

fn base_by_id(
    order: &Delegated<'_>,
    from: usize,
    name: &str,
    ids: &BTreeMap<String, String>,
) -> Option<Edit> {
    let word = order.plan.document.instructions().get(from)?.words().first()?;
    Some(Edit { span: word.span, text: ids.get(name)?.clone() })
}

fn use_by_id(
    order: &Delegated<'_>,
    instruction: &Instruction,
    span: Span,
    source: &Source,
    ids: &BTreeMap<String, String>,
) -> Option<Edit> {
    let mount = mounts(instruction).into_iter().find(|mount| mount.span == span).and_then(|mount| mount.from);
    let written = mount.as_deref().or_else(|| instruction.flag("from"))?;
    let Origin::Image(name) = order.plan.origin(written, source, order.request) else { return None };
    let id = ids.get(&name)?;
    let text = order.plan.document.text(span).replace(&format!("from={written}"), &format!("from={id}"));
    Some(Edit { span, text })
}

/// A `RUN` whose here-documents are handed to the shell as text, which an old buildah understands.
fn without_heredocs(
    order: &Delegated<'_>,
    instruction: &Instruction,
    shell: &[String],
) -> Result<Edit, BuildError> {
    let old = |what: &str| {
        BuildError::wrong(format!("this version of buildah cannot {what}"))
            .help("use buildah 1.33 or newer, or write it without `<<`")
    };
    if !instruction.is(Keyword::Run) {
        return Err(old("copy here-documents"));
    }
    let command = match &instruction.arguments {
        Arguments::Text(text) => text.text.clone(),
        _ => instruction.words().iter().map(|word| word.text.clone()).collect::<Vec<_>>().join(" "),
    };
    let body = |heredoc: &Heredoc| {
        let text = order.plan.document.text(heredoc.body).into_owned();
        match heredoc.strips_tabs {
            true => text.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect(),
            false => text,
        }
    };
    let script = match instruction.heredocs.as_slice() {
        [only] if command.trim() == order.plan.document.text(only.named).trim() => {
            let text: String = body(only);
            if text.starts_with("#!") {
                return Err(old("run a here-document with an interpreter of its own"));
            }
            text
        }
        several => {
            let mut script = command;
            for heredoc in several {
                script.push('\n');
                script.push_str(&body(heredoc));
                script.push_str(&heredoc.delimiter);
            }
            script.push('\n');
            script
        }
    };
    let mut words = shell.to_vec();
    words.push(script);
    let flags: String =
        instruction.flags.iter().map(|flag| format!("{} ", order.plan.document.text(flag.span))).collect();
    let words = serde_json::to_string(&words).map_err(|error| BuildError::wrong(error.to_string()))?;
    Ok(Edit { span: instruction.span, text: format!("RUN {flags}{words}") })
}

/// The text up to the end of the stage, changed.
fn applied(order: &Delegated<'_>, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.span.start);
    let document = &order.plan.document;
    let stage = order.plan.graph.stages.get(order.stage);
    let last = stage.and_then(|stage| span_of(order, stage.instructions.clone()));
    let end = last.map_or(document.source().len(), |span| span.end);
    let mut text = String::new();
    let mut at = 0;
    for edit in edits {
        // What lies within another change went with it.
        if edit.span.start >= at && edit.span.end <= end {
            text.push_str(&document.text(Span { start: at, end: edit.span.start }));
            text.push_str(&edit.text);
            at = edit.span.end;
        }
    }
    text.push_str(&document.text(Span { start: at, end }));
    text.push('\n');
    text
}
