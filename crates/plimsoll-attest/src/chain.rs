//! The way of an image from commit to approval, each step with who says so.

mod approvals;
mod origin;
mod signatures;

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::{Grade, Judgement, Policy, Proven, UnsignedClaim};

/// One step on the way of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HopKind {
    /// What was built.
    Commit,
    /// The build.
    Build,
    /// The push into the registry.
    Push,
    /// The signature.
    Sign,
    /// The approvals.
    Approve,
}

/// Whether a step is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Somebody whose word counts says so.
    Known,
    /// Nobody does.
    Missing,
    /// It cannot be known here, or was not asked for.
    NotKnownHere,
}

/// What is known of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    /// Which.
    pub hop: HopKind,
    /// Whether it is known.
    pub standing: Standing,
    /// How well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// What happened, for people.
    pub what: String,
    /// Who says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub who: Vec<String>,
    /// When it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Timestamp>,
}

/// What is known of the push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The image is in no registry, or in one that does not tell.
    NotKnownHere,
    /// The registry tells.
    By {
        /// Who pushed.
        actor: String,
        /// When.
        at: Timestamp,
    },
}

/// What the chain is made of.
#[derive(Clone, Copy, Debug)]
pub struct ChainParts<'a> {
    /// Whom to trust, and who is who.
    pub policy: &'a Policy,
    /// What is proven about the image.
    pub proven: &'a [Proven<'a>],
    /// What nobody signed.
    pub claims: &'a [&'a UnsignedClaim],
    /// What the policy makes of it.
    pub judgement: &'a Judgement<'a>,
    /// What is known of the push.
    pub pushed: &'a Pushed,
}

/// The way of an image, from its commit to its approvals.
pub fn chain(parts: &ChainParts<'_>) -> Vec<Hop> {
    let [commit, build] = origin::hops(parts);
    vec![commit, build, push(parts.pushed), signatures::hop(parts), approvals::hop(parts)]
}

fn push(pushed: &Pushed) -> Hop {
    match pushed {
        Pushed::NotKnownHere => Hop::not_known_here(HopKind::Push, "not known here"),
        Pushed::By { actor, at } => Hop {
            grade: Some(Grade::Claimed),
            who: vec!["the registry".to_owned()],
            when: Some(*at),
            ..Hop::known(HopKind::Push, format!("by {actor}"))
        },
    }
}

impl Hop {
    fn known(hop: HopKind, what: impl Into<String>) -> Self {
        Self { hop, standing: Standing::Known, grade: None, what: what.into(), who: Vec::new(), when: None }
    }

    fn missing(hop: HopKind, what: impl Into<String>) -> Self {
        Self { standing: Standing::Missing, ..Self::known(hop, what) }
    }

    fn not_known_here(hop: HopKind, what: impl Into<String>) -> Self {
        Self { standing: Standing::NotKnownHere, ..Self::known(hop, what) }
    }
}

impl fmt::Display for HopKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit => "commit",
            Self::Build => "build",
            Self::Push => "push",
            Self::Sign => "sign",
            Self::Approve => "approve",
        })
    }
}

#[cfg(test)]
mod tests;
