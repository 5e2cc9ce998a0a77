//! Which images a Dockerfile builds on: no more of its language than that takes.

mod expand;
mod instructions;

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_oci::Reference;

use self::expand::Variables;
use self::instructions::{Instruction, flag, read_instructions};

/// Largest Dockerfile that is read.
pub const DOCKERFILE_BYTES_MAX: usize = 1 << 20;
/// Most stages of one Dockerfile.
const STAGES_MAX: usize = 1_000;

/// An image that a build begins with or takes files from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseImage {
    /// As it is written, with its variables.
    pub written: String,
    /// What that names; nothing where a variable is not known here.
    pub reference: Option<Reference>,
}

/// Why a Dockerfile is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DockerfileError {
    /// It is too large.
    #[error("the Dockerfile has {0} bytes; at most {DOCKERFILE_BYTES_MAX} are read")]
    TooLarge(usize),
    /// It has too many stages.
    #[error("the Dockerfile has more than {STAGES_MAX} stages")]
    ManyStages,
    /// A here-document has no end.
    #[error("line {line}: nothing ends the here-document `{delimiter}`")]
    HereDocument {
        /// Where it begins.
        line: usize,
        /// The word that should end it.
        delimiter: String,
    },
    /// `FROM` names nothing.
    #[error("line {0}: `FROM` names no image")]
    From(usize),
    /// There is no such stage.
    #[error("the Dockerfile has no stage `{0}`")]
    NoStage(String),
    /// There is no stage at all.
    #[error("the Dockerfile has no `FROM`")]
    NoFrom,
}

/// The images that building `target`, else the last stage, needs: each once, in the order of the text.
///
/// `arguments` are the build's arguments. Those of the platform, such as `TARGETARCH`, are known if they are among them.
pub fn base_images(
    text: &str,
    target: Option<&str>,
    arguments: &BTreeMap<String, String>,
) -> Result<Vec<BaseImage>, DockerfileError> {
    if text.len() > DOCKERFILE_BYTES_MAX {
        return Err(DockerfileError::TooLarge(text.len()));
    }
    let file = read_instructions(text)?;
    let stages = stages(&file.instructions, file.escape, arguments)?;
    let last = find_target(&stages, target)?;
    let mut images: Vec<BaseImage> =
        file.frontend.map(|written| image(&written, Some(&written))).into_iter().collect();
    let needed = needed_for(&stages, last);
    for stage in needed.iter().filter_map(|index| stages.get(*index)) {
        for needs in &stage.needs {
            if let Needs::Image(image) = needs
                && !images.contains(image)
            {
                images.push(image.clone());
            }
        }
    }
    Ok(images)
}

struct Stage {
    name: Option<String>,
    needs: Vec<Needs>,
}

enum Needs {
    Stage(usize),
    Image(BaseImage),
}

fn stages(
    instructions: &[Instruction],
    escape: char,
    arguments: &BTreeMap<String, String>,
) -> Result<Vec<Stage>, DockerfileError> {
    let mut variables = Variables::new(escape, arguments);
    let mut stages: Vec<Stage> = Vec::new();
    for instruction in instructions {
        match (instruction.name.as_str(), stages.last().is_some()) {
            // Only what stands before the first `FROM` is seen by one.
            ("ARG", false) => variables.declare(&instruction.rest),
            ("FROM", _) => {
                let stage = begin_stage(instruction, &stages, &variables)?;
                stages.push(stage);
            }
            ("COPY" | "RUN", true) => {
                let needs: Vec<Needs> =
                    sources(instruction).iter().map(|from| needs_of_copy(from, &stages)).collect();
                if let Some(stage) = stages.last_mut() {
                    stage.needs.extend(needs);
                }
            }
            _ => {}
        }
        if stages.len() > STAGES_MAX {
            return Err(DockerfileError::ManyStages);
        }
    }
    Ok(stages)
}

/// `FROM [--platform=…] IMAGE [AS NAME]`.
fn begin_stage(
    instruction: &Instruction,
    earlier: &[Stage],
    variables: &Variables<'_>,
) -> Result<Stage, DockerfileError> {
    let mut words = instruction.rest.split_whitespace().skip_while(|word| word.starts_with("--"));
    let written = words.next().ok_or(DockerfileError::From(instruction.line))?;
    let name = words.next().filter(|word| word.eq_ignore_ascii_case("as")).and_then(|_| words.next());
    let expanded = variables.expand(written);
    let needs = match expanded.as_deref() {
        Some("scratch") => Vec::new(),
        Some(on) => match stage_named(on, earlier) {
            Some(index) => vec![Needs::Stage(index)],
            None => vec![Needs::Image(image(written, Some(on)))],
        },
        None => vec![Needs::Image(image(written, None))],
    };
    Ok(Stage { name: name.map(str::to_owned), needs })
}

/// What `COPY --from=` and `RUN --mount=…,from=` name. Variables are not expanded there.
fn sources(instruction: &Instruction) -> Vec<&str> {
    let flags = instruction.rest.split_whitespace().take_while(|word| word.starts_with("--"));
    if instruction.name == "COPY" {
        return flags.filter_map(|word| flag(word, "--from")).collect();
    }
    let mounts = flags.filter_map(|word| flag(word, "--mount"));
    mounts.flat_map(|mount| mount.split(',').filter_map(|part| flag(part, "from"))).collect()
}

fn needs_of_copy(from: &str, stages: &[Stage]) -> Needs {
    let current = stages.len().saturating_sub(1);
    let earlier = stages.get(..current).unwrap_or_default();
    let by_number = from.parse().ok().filter(|index| *index < current);
    match by_number.or_else(|| stage_named(from, earlier)) {
        Some(index) => Needs::Stage(index),
        None => Needs::Image(image(from, Some(from))),
    }
}

/// The last stage of that name counts; names of stages have no case.
fn stage_named(name: &str, stages: &[Stage]) -> Option<usize> {
    stages.iter().rposition(|stage| stage.name.as_deref().is_some_and(|its| its.eq_ignore_ascii_case(name)))
}

fn find_target(stages: &[Stage], target: Option<&str>) -> Result<usize, DockerfileError> {
    let last = stages.len().checked_sub(1).ok_or(DockerfileError::NoFrom)?;
    let Some(target) = target else { return Ok(last) };
    let by_number = target.parse().ok().filter(|index| *index <= last);
    let found = stage_named(target, stages).or(by_number);
    found.ok_or_else(|| DockerfileError::NoStage(target.to_owned()))
}

/// The stage and what it needs, and so on.
fn needed_for(stages: &[Stage], last: usize) -> BTreeSet<usize> {
    let (mut needed, mut waiting) = (BTreeSet::new(), vec![last]);
    while let Some(index) = waiting.pop() {
        if let Some(stage) = stages.get(index).filter(|_| needed.insert(index)) {
            waiting.extend(stage.needs.iter().filter_map(|needs| match needs {
                Needs::Stage(index) => Some(*index),
                Needs::Image(_) => None,
            }));
        }
    }
    needed
}

fn image(written: &str, expanded: Option<&str>) -> BaseImage {
    BaseImage { written: written.to_owned(), reference: expanded.and_then(|text| text.parse().ok()) }
}

#[cfg(test)]
mod tests;
