use plimsoll_oci::DiffId;
use serde::{Deserialize, Serialize};

use super::base_change::base_change;
use super::{Base, Build, Ground, Occurrence, lock_file};

/// What made one build differ from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Cause {
    /// No earlier build is known.
    FirstBuild,
    /// `FROM` names what it named before, and the tag points at another image now: nobody changed anything.
    BaseDrift {
        /// The name, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The base before.
        from: Base,
        /// The base now.
        to: Base,
        /// What tells that `FROM` is the same.
        ground: Ground,
    },
    /// `FROM` names another base.
    BaseBump {
        /// The base before.
        from: Base,
        /// The base now.
        to: Base,
        /// What tells that `FROM` is another.
        ground: Ground,
    },
    /// The base is another one, and nothing tells whether `FROM` is.
    BaseChanged {
        /// The base before.
        from: Base,
        /// The base now.
        to: Base,
    },
    /// A lock file names another version.
    LockFile {
        /// Its path, in the image or in the source.
        path: String,
    },
    /// An instruction of the Dockerfile.
    Instruction {
        /// What became of it.
        step: Step,
        /// Its text, where the image's history has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Layers, base and instructions do not tell.
    Unexplained,
}

/// What became of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// It is new.
    Added,
    /// It was there before, and did something else this time: what it fetches is not pinned.
    Repeated,
    /// It is gone, or does no longer what it did.
    Removed,
}

/// A cause and what it moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The cause.
    pub cause: Cause,
    /// What it moved.
    pub components: Vec<Moved>,
}

/// A component that came, went or changed its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// What it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Occurrence>,
    /// What it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Occurrence>,
}

/// Why `with` holds what `before`, the last build known to be free, does not; each cause once.
pub fn entry(before: Option<&Build>, with: &Build) -> Vec<Change> {
    let mut changes = Vec::new();
    for held in &with.held {
        let Some(before) = before else {
            add(&mut changes, Cause::FirstBuild, Moved { before: None, now: Some(held.clone()) });
            continue;
        };
        let former = version_of(held, &before.others);
        let cause = brought(with, before, (before, with), held)
            .or_else(|| brought(before, with, (before, with), former?).map(Cause::undone))
            .unwrap_or(Cause::Unexplained);
        add(&mut changes, cause, Moved { before: former.cloned(), now: Some(held.clone()) });
    }
    changes
}

/// Why `with` does not hold any more what `before` held; each cause once.
pub fn exit(before: &Build, with: &Build) -> Vec<Change> {
    let mut changes = Vec::new();
    for held in &before.held {
        let now = version_of(held, &with.others);
        let cause = now
            .and_then(|now| brought(with, before, (before, with), now))
            .or_else(|| brought(before, with, (before, with), held).map(Cause::undone))
            .or_else(|| first_new_instruction(with, before))
            .unwrap_or(Cause::Unexplained);
        add(&mut changes, cause, Moved { before: Some(held.clone()), now: now.cloned() });
    }
    changes
}

fn add(changes: &mut Vec<Change>, cause: Cause, moved: Moved) {
    match changes.iter_mut().find(|change| change.cause == cause) {
        Some(change) => change.components.push(moved),
        None => changes.push(Change { cause, components: vec![moved] }),
    }
}

/// Another version of a component, in the same file if there are several.
fn version_of<'o>(component: &Occurrence, others: &'o [Occurrence]) -> Option<&'o Occurrence> {
    let mut versions = others.iter().filter(|other| other.is_version_of(component));
    let in_same_file = versions.clone().find(|other| other.path == component.path);
    in_same_file.or_else(|| versions.next())
}

/// How a build comes to have something where another one has not; `None` where the layer that brings it is in both, so
/// that the other one must hide it. `in_time` is the earlier and the later of the two.
fn brought(by: &Build, against: &Build, in_time: (&Build, &Build), occurrence: &Occurrence) -> Option<Cause> {
    let layer = occurrence.layer?;
    let content: &DiffId = by.layers.get(layer)?;
    if against.layers.contains(content) {
        return None;
    }
    if by.is_of_base(layer) {
        return Some(base_change(in_time.0, in_time.1));
    }
    if let Some(path) = changed_lock_file(by, against, occurrence) {
        return Some(Cause::LockFile { path });
    }
    let text = by.instruction(layer).map(str::to_owned);
    let is_repeated = text.as_deref().is_some_and(|text| against.has_instruction(text));
    Some(Cause::Instruction { step: if is_repeated { Step::Repeated } else { Step::Added }, text })
}

/// The lock file that fixes an occurrence's version, if it is another one than in the other build.
fn changed_lock_file(by: &Build, against: &Build, occurrence: &Occurrence) -> Option<String> {
    if occurrence.is_locked {
        return Some(occurrence.path.clone());
    }
    let kind = occurrence.package_type;
    if let (Some(one), Some(other)) = (&by.origin, &against.origin) {
        let mut changed = one.lock_files.iter().filter(|(path, digest)| {
            lock_file::locks(path, kind) && other.lock_files.get(*path) != Some(*digest)
        });
        if let Some((path, _)) = changed.next() {
            return Some(path.clone());
        }
    }
    let copies = by.instructions.iter().zip(&by.layers).filter(|(_, layer)| !against.layers.contains(layer));
    let mut copied =
        copies.filter_map(|(text, _)| lock_file::copied_by(text.as_deref()?, kind).map(str::to_owned));
    copied.next()
}

/// The first instruction above the base that only one of two builds has: it may have taken something away.
fn first_new_instruction(with: &Build, before: &Build) -> Option<Cause> {
    let base = with.base.as_ref().map_or(0, |base| base.layers);
    let mut new = with.instructions.iter().skip(base).flatten().filter(|text| !before.has_instruction(text));
    new.next().map(|text| Cause::Instruction { step: Step::Added, text: Some(text.clone()) })
}

impl Cause {
    /// The cause that something is no more, of the cause that it was.
    fn undone(self) -> Self {
        match self {
            Self::Instruction { text, .. } => Self::Instruction { step: Step::Removed, text },
            other => other,
        }
    }
}
