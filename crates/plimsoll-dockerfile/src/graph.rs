//! Which stages a Dockerfile has, what each builds on, and which of them end in the image.

mod scope;

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_oci::Reference;

use crate::document::Document;
use crate::instruction::{Instruction, Keyword};
use crate::parse::mounts;
use crate::span::Span;

pub use scope::Scope;

/// Most stages of a Dockerfile; those after it are left out.
pub const STAGES_MAX: usize = 1_000;

/// The stages of a Dockerfile, seen from the one that is built.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The stages, in the order of the text.
    pub stages: Vec<Stage>,
    /// The one that is built; nothing where there is none of that name.
    pub target: Option<usize>,
    /// Instructions before the first stage that do not belong there.
    pub strays: Vec<usize>,
    /// Stages that need each other in a circle.
    pub circular: Vec<usize>,
}

/// One stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name, in lower case.
    pub name: Option<String>,
    /// What it begins with.
    pub base: Source,
    /// Its `FROM`, and the instructions behind it, by their positions in the document.
    pub instructions: std::ops::Range<usize>,
    /// What else it takes from stages and images.
    pub uses: Vec<Use>,
    /// How it takes part in the build.
    pub role: Role,
}

/// How a stage takes part in the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its file system is the image's, or the bottom of it.
    Ships,
    /// Files are taken from it.
    Feeds,
    /// The image does not need it.
    Unneeded,
}

/// Where something comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nothing at all.
    Scratch,
    /// Another stage.
    Stage(usize),
    /// An image from elsewhere.
    Image(ExternalImage),
}

/// An image from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalImage {
    /// As it is written.
    pub written: String,
    /// With its variables replaced by their defaults.
    pub name: String,
    /// What that names; nothing where it depends on what is given to the build.
    pub reference: Option<Reference>,
}

impl ExternalImage {
    /// One whose name has no variables.
    pub(crate) fn named(text: &str) -> Self {
        let reference = Reference::parse_normalized(text).ok().map(|(reference, _)| reference);
        Self { written: text.to_owned(), name: text.to_owned(), reference }
    }
}

/// Something that a stage takes from elsewhere than its base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// From where.
    pub source: Source,
    /// The instruction that takes it, by its position in the document.
    pub instruction: usize,
    /// Where it is written.
    pub span: Span,
    /// Whether it is a mount, and so not in the image.
    pub is_mount: bool,
}

/// What is built, and with what.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuildChoice<'b> {
    /// The stage to build; the last one unless it is said.
    pub target: Option<&'b str>,
    /// All values that the build is given for `ARG`, and for what `BuildKit` sets by itself; nothing where nobody knows.
    pub arguments: Option<&'b BTreeMap<String, String>>,
    /// Whether nobody knows for which platform it is built, on which; otherwise both are taken for linux/amd64.
    pub is_platform_unknown: bool,
}

impl BuildChoice<'_> {
    /// Whether a variable without a value has none in the build either.
    fn is_surely_unset(&self, name: &str) -> bool {
        self.arguments.is_some() && !(self.is_platform_unknown && scope::is_automatic(name))
    }
}

impl Graph {
    /// Finds the stages of a document.
    pub fn of<'d>(document: &'d Document, choice: BuildChoice<'d>) -> Self {
        let mut builder =
            Builder { document, choice, scope: Scope::global(document, choice), stages: Vec::new() };
        let strays = builder.stages();
        let mut graph = Self { stages: builder.stages, target: None, strays, circular: Vec::new() };
        graph.target = graph.target_of(choice.target);
        graph.circular = graph.circles();
        graph.assign_roles();
        graph
    }

    /// The stage that is built.
    pub fn target(&self) -> Option<&Stage> {
        self.stages.get(self.target?)
    }

    /// The stage that an instruction belongs to.
    pub fn stage_of(&self, instruction: usize) -> Option<usize> {
        self.stages.iter().position(|stage| stage.instructions.contains(&instruction))
    }

    /// The stages whose file system is the image's, the topmost first.
    pub fn shipping(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut next = self.target;
        while let Some(stage) = next.filter(|stage| !found.contains(stage)) {
            found.push(stage);
            next = match self.stages.get(stage).map(|stage| &stage.base) {
                Some(Source::Stage(base)) => Some(*base),
                _ => None,
            };
        }
        found
    }

    /// What the image begins with at the very bottom.
    pub fn bottom(&self) -> Option<&Source> {
        self.stages.get(*self.shipping().last()?).map(|stage| &stage.base)
    }

    fn target_of(&self, name: Option<&str>) -> Option<usize> {
        let Some(name) = name else { return self.stages.len().checked_sub(1) };
        let named = self.stages.iter().rposition(|stage| stage.name.as_deref() == Some(&name.to_lowercase()));
        named.or_else(|| name.parse().ok().filter(|index| *index < self.stages.len()))
    }

    fn needs(&self, stage: usize) -> impl Iterator<Item = usize> {
        let stage = self.stages.get(stage);
        let base = stage.map(|stage| &stage.base);
        let uses = stage.into_iter().flat_map(|stage| &stage.uses).map(|used| &used.source);
        base.into_iter().chain(uses).filter_map(|source| match source {
            Source::Stage(index) => Some(*index),
            Source::Scratch | Source::Image(_) => None,
        })
    }

    fn reached_from(&self, start: impl Iterator<Item = usize>) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<usize> = start.collect();
        while let Some(stage) = open.pop() {
            if reached.insert(stage) {
                open.extend(self.needs(stage));
            }
        }
        reached
    }

    fn circles(&self) -> Vec<usize> {
        let is_circular = |stage: &usize| self.reached_from(self.needs(*stage)).contains(stage);
        (0..self.stages.len()).filter(is_circular).collect()
    }

    fn assign_roles(&mut self) {
        let shipping = self.shipping();
        let reached = self.reached_from(self.target.into_iter());
        for (index, stage) in self.stages.iter_mut().enumerate() {
            stage.role = match () {
                () if shipping.contains(&index) => Role::Ships,
                () if reached.contains(&index) => Role::Feeds,
                () => Role::Unneeded,
            };
        }
    }
}

struct Builder<'d> {
    document: &'d Document,
    choice: BuildChoice<'d>,
    scope: Scope,
    stages: Vec<Stage>,
}

impl Builder<'_> {
    /// Finds the stages, and the instructions that stand before the first and may not.
    fn stages(&mut self) -> Vec<usize> {
        let mut strays = Vec::new();
        let instructions = self.document.instructions();
        for (index, instruction) in instructions.iter().enumerate() {
            if instruction.is(Keyword::From) {
                if self.stages.len() == STAGES_MAX {
                    break;
                }
                let stage = self.stage(instruction, index);
                self.stages.push(stage);
            } else if let Some(stage) = self.stages.last_mut() {
                stage.instructions.end = index + 1;
            } else if instruction.keyword.is_some_and(|keyword| keyword != Keyword::Arg) {
                strays.push(index);
            }
        }
        // A stage may copy from one that stands behind it, which is an error that is told of elsewhere.
        for index in 0..self.stages.len() {
            let uses = self.uses(index);
            if let Some(stage) = self.stages.get_mut(index) {
                stage.uses = uses;
            }
        }
        strays
    }

    fn stage(&self, from: &Instruction, index: usize) -> Stage {
        let words = from.words();
        let written = words.first().map(|word| word.text.clone()).unwrap_or_default();
        let name = words.get(2).map(|word| word.text.to_lowercase());
        let base = self.source(&written);
        Stage { name, base, instructions: index..index + 1, uses: Vec::new(), role: Role::Unneeded }
    }

    /// A stage of this name among those before, or an image.
    fn source(&self, written: &str) -> Source {
        let expanded = self.scope.expand(written, self.document.escape()).unwrap_or_default();
        let name = if expanded.text.is_empty() { written.to_owned() } else { expanded.text };
        // Names of stages are in small letters, and `FROM` looks for exactly what it says.
        let is_lower = name == name.to_lowercase();
        match self.stage_named(&name, self.stages.len()).filter(|_| is_lower) {
            Some(stage) => Source::Stage(stage),
            None if name == "scratch" => Source::Scratch,
            None => {
                let is_whole = expanded.unknown.iter().all(|name| self.choice.is_surely_unset(name))
                    && !name.contains('$');
                let reference = Reference::parse_normalized(&name).ok().map(|(reference, _)| reference);
                let written = written.to_owned();
                Source::Image(ExternalImage { written, name, reference: reference.filter(|_| is_whole) })
            }
        }
    }

    fn stage_named(&self, name: &str, before: usize) -> Option<usize> {
        let name = name.to_lowercase();
        let stages = self.stages.get(..before).unwrap_or_default();
        stages.iter().rposition(|stage| stage.name.as_deref() == Some(name.as_str()))
    }

    fn uses(&self, stage: usize) -> Vec<Use> {
        let range = self.stages.get(stage).map_or(0..0, |stage| stage.instructions.clone());
        let mut uses = Vec::new();
        for index in range {
            let Some(instruction) = self.document.instructions().get(index) else { continue };
            if let Some(from) = instruction.flag("from").filter(|_| instruction.is(Keyword::Copy)) {
                let span = instruction.flags("from").next().map_or(instruction.span, |flag| flag.span);
                uses.push(Use { source: self.from(from), instruction: index, span, is_mount: false });
            }
            if instruction.is(Keyword::Run) {
                uses.extend(mounts(instruction).into_iter().filter_map(|mount| {
                    let source = self.from(&mount.from?);
                    Some(Use { source, instruction: index, span: mount.span, is_mount: true })
                }));
            }
        }
        uses
    }

    /// What `--from=` names: a stage by its name or number, or an image.
    fn from(&self, text: &str) -> Source {
        let by_name = self.stage_named(text, self.stages.len());
        let by_number = || text.parse().ok().filter(|index| *index < self.stages.len());
        match by_name.or_else(by_number) {
            Some(stage) => Source::Stage(stage),
            None if text == "scratch" => Source::Scratch,
            None => Source::Image(ExternalImage::named(text)),
        }
    }
}
