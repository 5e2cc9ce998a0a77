//! Which stages are needed for a target, and who builds each of them.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_dockerfile::graph::{BuildChoice, Graph, Source, Stage};
use plimsoll_dockerfile::instruction::{Instruction, Keyword};
use plimsoll_dockerfile::{Document, parse};
use plimsoll_oci::Platform;

use crate::{BuildError, BuildRequest, NamedContext};

/// A Dockerfile, seen from what is to be built.
pub(crate) struct Plan {
    pub(crate) document: Document,
    pub(crate) graph: Graph,
    pub(crate) target: usize,
    /// Values for `ARG`, with those that tell the platform.
    pub(crate) arguments: BTreeMap<String, String>,
}

/// Where something in a stage comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    Scratch,
    Stage(usize),
    /// An image, as the Dockerfile names it once its variables are replaced.
    Image(String),
    /// A directory that was given a name.
    Directory(String),
}

impl Plan {
    /// Reads the Dockerfile. One with an error is not built in part.
    pub(crate) fn of(request: &BuildRequest) -> Result<Self, BuildError> {
        let document = parse(request.dockerfile.clone());
        if let Some(error) = document.errors().first() {
            let line = document.position(error.span.start).line;
            return Err(BuildError::Instruction {
                file: request.name.clone(),
                line,
                instruction: first_line(&document.text(error.span)),
                source: Box::new(
                    BuildError::wrong(error.message.clone()).help("plimsoll lint tells of every error"),
                ),
            });
        }
        let mut arguments = platform_arguments(&request.platform, request.target.as_deref());
        arguments.extend(request.arguments.clone());
        let choice = BuildChoice {
            target: request.target.as_deref(),
            arguments: Some(&arguments),
            is_platform_unknown: false,
        };
        let graph = Graph::of(&document, choice);
        let Some(target) = graph.target else {
            let names: Vec<&str> = graph.stages.iter().filter_map(|stage| stage.name.as_deref()).collect();
            let wanted = request.target.as_deref().unwrap_or_default();
            let what = format!("`{}` has no stage `{wanted}`", request.name);
            return Err(BuildError::wrong(what).help(format!("its stages are called: {}", names.join(", "))));
        };
        let plan = Self { document, graph, target, arguments };
        plan.check(request)?;
        Ok(plan)
    }

    fn check(&self, request: &BuildRequest) -> Result<(), BuildError> {
        if let Some(stray) = self.graph.strays.first() {
            return Err(self.at(*stray, request, BuildError::wrong("no stage begins before it")));
        }
        let needed = self.needed(&BTreeSet::new(), request);
        let circular = self.graph.circular.iter().find(|stage| needed.contains(stage));
        if let Some(stage) = circular.and_then(|stage| self.graph.stages.get(*stage)) {
            let error = BuildError::wrong("the stage needs itself to be built first");
            return Err(self.at(stage.instructions.start, request, error));
        }
        Ok(())
    }

    /// Adds to an error where in the Dockerfile it happened.
    pub(crate) fn at(&self, instruction: usize, request: &BuildRequest, error: BuildError) -> BuildError {
        let Some(found) = self.document.instructions().get(instruction) else { return error };
        BuildError::Instruction {
            file: request.name.clone(),
            line: self.document.position(found.span.start).line,
            instruction: first_line(&self.document.text(found.span)),
            source: Box::new(error),
        }
    }

    pub(crate) fn stage(&self, index: usize) -> Result<&Stage, BuildError> {
        self.graph.stages.get(index).ok_or_else(|| BuildError::wrong(format!("there is no stage {index}")))
    }

    /// The instructions of a stage behind its `FROM`, with their positions.
    pub(crate) fn instructions(&self, stage: &Stage) -> impl Iterator<Item = (usize, &Instruction)> {
        let range = stage.instructions.start.saturating_add(1)..stage.instructions.end;
        range.filter_map(|index| Some((index, self.document.instructions().get(index)?)))
    }

    /// What a stage begins with.
    pub(crate) fn base(&self, stage: &Stage, request: &BuildRequest) -> Origin {
        let from = self.document.instructions().get(stage.instructions.start);
        let written = from.and_then(|from| from.words().first()).map(|word| word.text.as_str());
        self.origin(written.unwrap_or_default(), &stage.base, request)
    }

    /// What a name leads to: what was given that name comes before everything else.
    pub(crate) fn origin(&self, written: &str, source: &Source, request: &BuildRequest) -> Origin {
        let expanded = match source {
            Source::Image(image) => image.name.as_str(),
            Source::Scratch | Source::Stage(_) => written,
        };
        match request.contexts.get(expanded) {
            Some(NamedContext::Directory(_)) => Origin::Directory(expanded.to_owned()),
            Some(NamedContext::Image(_)) => Origin::Image(expanded.to_owned()),
            None => match source {
                Source::Scratch => Origin::Scratch,
                Source::Stage(index) => Origin::Stage(*index),
                Source::Image(_) => Origin::Image(expanded.to_owned()),
            },
        }
    }

    /// What a stage needs: its base, and where it copies from.
    pub(crate) fn needs(&self, stage: &Stage, request: &BuildRequest) -> Vec<Origin> {
        let uses = stage.uses.iter().map(|used| {
            let instruction = self.document.instructions().get(used.instruction);
            let written = instruction.and_then(|instruction| instruction.flag("from")).unwrap_or_default();
            self.origin(written, &used.source, request)
        });
        std::iter::once(self.base(stage, request)).chain(uses).collect()
    }

    /// The stages that are needed, where those of `delegated` need nothing here.
    pub(crate) fn needed(&self, delegated: &BTreeSet<usize>, request: &BuildRequest) -> BTreeSet<usize> {
        let mut needed = BTreeSet::new();
        let mut open = vec![self.target];
        while let Some(index) = open.pop() {
            if !needed.insert(index) || delegated.contains(&index) {
                continue;
            }
            let Some(stage) = self.graph.stages.get(index) else { continue };
            open.extend(self.needs(stage, request).into_iter().filter_map(|origin| match origin {
                Origin::Stage(index) => Some(index),
                _ => None,
            }));
        }
        needed
    }

    /// The stages that only a builder can make: they run commands, or fetch something that only it knows how to.
    pub(crate) fn with_commands(&self) -> BTreeSet<usize> {
        let has_commands =
            |stage: &Stage| self.instructions(stage).any(|(_, instruction)| is_command(instruction));
        let stages = self.graph.stages.iter().enumerate();
        stages.filter(|(_, stage)| has_commands(stage)).map(|(index, _)| index).collect()
    }
}

/// Whether only a builder can carry it out.
pub(crate) fn is_command(instruction: &Instruction) -> bool {
    let fetches =
        || instruction.is(Keyword::Add) && instruction.words().iter().any(|word| is_remote(&word.text));
    instruction.is(Keyword::Run) || fetches()
}

fn is_remote(source: &str) -> bool {
    ["http://", "https://", "git@", "git://", "ssh://"].iter().any(|scheme| source.starts_with(scheme))
}

/// The first line of an instruction, for messages.
pub(crate) fn first_line(text: &str) -> String {
    const CHARS_MAX: usize = 120;
    text.lines().next().unwrap_or_default().chars().take(CHARS_MAX).collect()
}

/// The arguments that tell for what is built, and with what.
fn platform_arguments(target: &Platform, stage: Option<&str>) -> BTreeMap<String, String> {
    let mut arguments = BTreeMap::new();
    for (prefix, platform) in [("BUILD", &Platform::host()), ("TARGET", target)] {
        let mut set = |name: &str, value: &str| arguments.insert(format!("{prefix}{name}"), value.to_owned());
        set("PLATFORM", &platform.to_string());
        set("OS", &platform.os);
        set("ARCH", &platform.architecture);
        set("VARIANT", platform.variant.as_deref().unwrap_or_default());
    }
    arguments.insert("TARGETSTAGE".to_owned(), stage.unwrap_or("default").to_owned());
    arguments
}
