//! Which images a build takes something from.

use crate::document::Document;
use crate::graph::{BuildChoice, ExternalImage, Graph, Role, STAGES_MAX, Source, Stage};
use crate::instruction::{Instruction, Keyword};

/// Why nobody can say what a build takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BasesError {
    /// The Dockerfile has an error, and no builder takes it.
    #[error("line {line}: {message}")]
    Syntax {
        /// Where it is, from one.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// It has too many stages.
    #[error("the Dockerfile has more than {STAGES_MAX} stages")]
    ManyStages,
    /// There is no such stage.
    #[error("the Dockerfile has no stage `{0}`")]
    NoStage(String),
    /// There is no stage at all.
    #[error("the Dockerfile has no `FROM`")]
    NoFrom,
}

/// The images that a build needs, each once, in the order of the text: the one that reads the Dockerfile, if a
/// `# syntax=` line names one, those that stages begin with, and those that files come from.
pub fn base_images(document: &Document, choice: BuildChoice<'_>) -> Result<Vec<ExternalImage>, BasesError> {
    check(document)?;
    let graph = Graph::of(document, choice);
    if graph.target.is_none() {
        return Err(choice.target.map_or(BasesError::NoFrom, |name| BasesError::NoStage(name.to_owned())));
    }
    let mut images: Vec<ExternalImage> =
        document.directive("syntax").map(|syntax| ExternalImage::named(&syntax.value)).into_iter().collect();
    for image in graph.stages.iter().filter(|stage| stage.role != Role::Unneeded).flat_map(images_of) {
        if !images.contains(image) {
            images.push(image.clone());
        }
    }
    Ok(images)
}

fn check(document: &Document) -> Result<(), BasesError> {
    if let Some(error) = document.errors().first() {
        let line = document.position(error.span.start).line;
        return Err(BasesError::Syntax { line, message: error.message.clone() });
    }
    let is_from = |instruction: &&Instruction| instruction.is(Keyword::From);
    match document.instructions().iter().filter(is_from).count() {
        0 => Err(BasesError::NoFrom),
        count if count > STAGES_MAX => Err(BasesError::ManyStages),
        _ => Ok(()),
    }
}

fn images_of(stage: &Stage) -> impl Iterator<Item = &ExternalImage> {
    let sources = std::iter::once(&stage.base).chain(stage.uses.iter().map(|used| &used.source));
    sources.filter_map(|source| match source {
        Source::Image(image) => Some(image),
        Source::Scratch | Source::Stage(_) => None,
    })
}

#[cfg(test)]
mod tests;
