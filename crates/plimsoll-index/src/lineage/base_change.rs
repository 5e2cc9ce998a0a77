use serde::{Deserialize, Serialize};

use super::{Base, Build, Cause};

/// What tells that `FROM` stayed as it was, or did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// Both builds name what they were built on.
    Declared,
    /// Both were built from one commit.
    SameCommit,
    /// Both were built from one Dockerfile.
    SameDockerfile,
    /// The registry saw the only tag that both bases had move from one to the other, or no tag that both had.
    Tags,
}

/// How the base of two builds came to differ: because a floating tag moved, or because the Dockerfile names another.
pub(super) fn base_change(before: &Build, with: &Build) -> Cause {
    let from = before.base.clone().unwrap_or_default();
    let to = with.base.clone().unwrap_or_default();
    match stays(before, with, &from, &to) {
        Some((true, ground, name)) => Cause::BaseDrift { name, from, to, ground },
        Some((false, ground, _)) => Cause::BaseBump { from, to, ground },
        None => Cause::BaseChanged { from, to },
    }
}

/// Whether both builds name the same base, how that is known, and the name.
fn stays(before: &Build, with: &Build, from: &Base, to: &Base) -> Option<(bool, Ground, Option<String>)> {
    if let (Some(former), Some(latter)) = (&from.declared, &to.declared) {
        return Some((former == latter, Ground::Declared, Some(latter.clone())));
    }
    let shared: Vec<&String> = from.tags.intersection(&to.tags).collect();
    let only = match shared.as_slice() {
        [only] => Some((*only).clone()),
        _ => None,
    };
    let origins = before.origin.as_ref().zip(with.origin.as_ref());
    if let Some((former, latter)) = origins {
        let is_same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
        if is_same(&former.commit, &latter.commit) && former.repository == latter.repository {
            return Some((true, Ground::SameCommit, only));
        }
        if is_same(&former.dockerfile, &latter.dockerfile) {
            return Some((true, Ground::SameDockerfile, only));
        }
    }
    if from.tags.is_empty() || to.tags.is_empty() {
        return None;
    }
    // With other tags besides, it may as well have been one of those.
    let is_only_one = only.is_some() && from.tags == to.tags;
    if is_only_one {
        return Some((true, Ground::Tags, only));
    }
    shared.is_empty().then_some((false, Ground::Tags, None))
}
