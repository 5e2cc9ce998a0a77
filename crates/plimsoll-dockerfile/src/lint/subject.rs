use std::ops::Range;

use super::{Context, LintOptions};
use crate::document::Document;
use crate::graph::{Graph, Role, Stage};
use crate::instruction::{Instruction, Keyword};
use crate::shell::{Command, Script};
use crate::span::Span;

/// Instructions whose shell is read; one of a sane file is never behind them.
const INSTRUCTIONS_MAX: usize = 2_000;

/// What the rules look at.
pub struct Subject<'d> {
    /// The file.
    pub document: &'d Document,
    /// Its stages.
    pub graph: &'d Graph,
    /// The directory that is sent to the build.
    pub context: Option<&'d Context>,
    /// Every `RUN` whose shell is read, in the order of the file.
    pub runs: Vec<Run<'d>>,
}

/// A `RUN` with the commands in it.
pub struct Run<'d> {
    /// Its position among the instructions.
    pub index: usize,
    /// The instruction.
    pub instruction: &'d Instruction,
    /// Its commands.
    pub script: Script,
    place: Place,
}

/// Where the script's text is.
enum Place {
    /// In the instruction's text, from this byte on.
    Joined(usize),
    /// In the file, from this byte on.
    File(usize),
    /// Nobody knows exactly.
    Unknown,
}

impl<'d> Subject<'d> {
    pub(super) fn of(document: &'d Document, graph: &'d Graph, options: LintOptions<'d>) -> Self {
        let instructions = document.instructions().iter().enumerate().take(INSTRUCTIONS_MAX);
        let runs = instructions.filter_map(|(index, instruction)| Run::of(index, instruction, document));
        Self { document, graph, context: options.context, runs: runs.collect() }
    }

    /// The stages that end in the image, each with its position.
    pub fn shipping(&self) -> impl Iterator<Item = (usize, &'d Stage)> {
        let stages = self.graph.stages.iter().enumerate();
        stages.filter(|(_, stage)| stage.role == Role::Ships)
    }

    /// The instructions of a stage, each with its position.
    pub fn instructions(&self, stage: &Stage) -> impl Iterator<Item = (usize, &'d Instruction)> {
        let all = self.document.instructions();
        stage.instructions.clone().filter_map(move |index| Some((index, all.get(index)?)))
    }

    /// The last of an instruction in the image, looking through the stages that it is made of.
    pub fn last_shipped(&self, keyword: Keyword) -> Option<(usize, &'d Instruction)> {
        self.graph.shipping().into_iter().find_map(|stage| {
            let stage = self.graph.stages.get(stage)?;
            self.instructions(stage).filter(|(_, instruction)| instruction.is(keyword)).last()
        })
    }

    /// The `RUN`s of a stage.
    pub fn runs_of(&self, stage: &Stage) -> impl Iterator<Item = &Run<'d>> {
        let range = stage.instructions.clone();
        self.runs.iter().filter(move |run| range.contains(&run.index))
    }

    /// The `RUN`s whose files end in the image.
    pub fn shipped_runs(&self) -> impl Iterator<Item = &Run<'d>> {
        self.shipping().flat_map(|(_, stage)| self.runs_of(stage))
    }
}

impl<'d> Run<'d> {
    fn of(index: usize, instruction: &'d Instruction, document: &'d Document) -> Option<Self> {
        if !instruction.is(Keyword::Run) {
            return None;
        }
        let text = instruction.shell_text()?;
        if let [heredoc] = instruction.heredocs.as_slice()
            && is_heredoc_alone(&text.text)
        {
            let body = document.text(heredoc.body);
            let is_other =
                body.starts_with("#!") && !body.lines().next().is_some_and(|line| line.ends_with("sh"));
            let script = if is_other { Script::default() } else { Script::parse(&body) };
            return Some(Self { index, instruction, script, place: Place::File(heredoc.body.start) });
        }
        let bytes = instruction.joined.bytes();
        let trimmed = bytes.trim_ascii_end();
        let start = trimmed.len().checked_sub(text.text.len());
        let is_same = start.and_then(|start| trimmed.get(start..)) == Some(text.text.as_bytes());
        let place = start.filter(|_| is_same).map_or(Place::Unknown, Place::Joined);
        Some(Self { index, instruction, script: Script::parse(&text.text), place })
    }

    /// Where a part of the script is in the file.
    pub fn span(&self, range: Range<usize>) -> Span {
        match self.place {
            Place::Joined(start) => self.instruction.joined.span(start + range.start..start + range.end),
            Place::File(start) => Span::new(start + range.start, start + range.end),
            Place::Unknown => self.instruction.span,
        }
    }

    /// Where the script ends in the file, if text can be put there.
    pub fn end(&self) -> Option<usize> {
        match self.place {
            Place::Joined(_) if self.instruction.heredocs.is_empty() => Some(self.instruction.span.end),
            _ => None,
        }
    }

    /// The commands of a program.
    pub fn of_program<'s>(&'s self, program: &'s str) -> impl Iterator<Item = &'s Command> {
        self.script.of_program(program)
    }

    /// Whether a mount keeps a path out of the image, or one above it.
    pub fn mounts_over(&self, path: &str) -> bool {
        crate::parse::mounts(self.instruction).iter().any(|mount| {
            let target = mount.target.as_deref().unwrap_or_default().trim_end_matches('/');
            let rest = path.strip_prefix(target);
            !target.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// `<<EOF` and nothing else.
fn is_heredoc_alone(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.starts_with("<<")
        && !rest.get(2..).unwrap_or_default().trim().contains([' ', '\t', '|', ';', '>', '<'])
}
