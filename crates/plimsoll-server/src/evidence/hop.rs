//! The answer to a trace: hops, each with its grade.

use plimsoll_attest::Fact;
use plimsoll_oci::{Digest, RepositoryName, Tag};
use plimsoll_store::Timestamp;
use serde::Serialize;

use super::account::Base;
use super::judging::Testified;

/// The way of one image back to where it comes from.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trace {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    pub(super) repository: RepositoryName,
    pub(super) digest: Digest,
    /// Why it is among the answers, where it was found by something else than its own name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) components: Vec<Holding>,
    pub(super) hops: Vec<Hop>,
    /// Whether there were more hops than are told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_cut: bool,
    /// Manifests that are not read yet: there may be more to tell in a moment.
    pub(super) unread: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) checkpoint: Option<CitedCheckpoint>,
}

/// Several of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Traces {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    pub(super) of: String,
    /// Images that are meant; not all of them may be traced here.
    pub(super) images: usize,
    pub(super) traces: Vec<Trace>,
    pub(super) unread: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) checkpoint: Option<CitedCheckpoint>,
}

/// The state of the log that an answer was given at.
#[derive(Clone, Serialize)]
pub(super) struct CitedCheckpoint {
    pub(super) origin: String,
    pub(super) size: u64,
    pub(super) root: String,
}

/// A component by which an image was found, and what brought it in.
#[derive(Clone, Serialize)]
pub(crate) struct Holding {
    pub(crate) purl: String,
    /// The layer that brought it, counted from the base up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) layer: Option<usize>,
    /// The instruction that made the layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instruction: Option<String>,
}

/// One step of the way.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hop {
    /// How many bases lie between this and the image that was asked for.
    pub(super) depth: u32,
    /// The image that the step is of.
    pub(super) image: Digest,
    pub(super) grade: Grade,
    #[serde(flatten)]
    pub(super) step: Step,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) said: Option<Said>,
}

/// How well a step is founded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Grade {
    /// Somebody who is trusted to say it has signed it.
    Signed,
    /// The registry sees it in the bytes.
    Measured,
    /// Somebody says so, without a signature that counts.
    Claimed,
    /// It is said of an index that lists the image, which says nothing of the image.
    InheritedIgnored,
    /// Nobody says anything.
    Missing,
}

/// What a step leads to.
#[derive(Serialize)]
#[serde(tag = "hop", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(super) enum Step {
    /// The image itself.
    Image {
        repository: RepositoryName,
        tags: Vec<Tag>,
        #[serde(skip_serializing_if = "Option::is_none")]
        platform: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pushed_at_unix_ms: Option<Timestamp>,
    },
    /// A statement that was there and was deleted. The log remembers it.
    Deleted {},
    /// Who vouches for it.
    Signature {},
    /// Who has accepted it, and what for.
    Approval {
        #[serde(skip_serializing_if = "Option::is_none")]
        decision: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        gate: Option<String>,
        tickets: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        valid_until_unix_ms: Option<Timestamp>,
    },
    /// The run that built it.
    Build {
        #[serde(skip_serializing_if = "Option::is_none")]
        builder: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        invocation: Option<String>,
    },
    /// The commit that it was built from.
    Source {
        #[serde(skip_serializing_if = "Option::is_none")]
        repository: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
    },
    /// The instructions that it was built by, those of its base left out.
    Dockerfile {
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        instructions: Vec<String>,
    },
    /// The image beneath it.
    Base {
        #[serde(skip_serializing_if = "Option::is_none")]
        base: Option<Base>,
        /// What it is called in this registry.
        names: Vec<String>,
        /// By what it is known: `layers`, `provenance`, `label`.
        known_by: Vec<&'static str>,
        /// Layers that come from it.
        #[serde(skip_serializing_if = "Option::is_none")]
        layers: Option<usize>,
    },
    /// Where it runs or ran.
    Run {
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        begun_at_unix_ms: Option<Timestamp>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ended_at_unix_ms: Option<Timestamp>,
    },
}

/// Who says something, where it is written, and when it was said.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Said {
    /// The manifest that carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) predicate_type: Option<String>,
    /// Who has signed it, by the name that the trust policy gives them; or who has told the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_id: Option<String>,
    /// Why it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// Its leaf in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retracted_at_index: Option<u64>,
    /// When it says to have been said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stated_at_unix_ms: Option<Timestamp>,
    /// When a log or authority that is trusted proves that it was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attested_at_unix_ms: Option<Timestamp>,
    /// When the registry got it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) observed_at_unix_ms: Option<Timestamp>,
}

impl Said {
    /// Who says a fact.
    pub(super) fn of(testified: &Testified) -> Self {
        let noted = &testified.noted;
        let fact = testified.fact();
        let attested = fact.and_then(Fact::logged_at);
        Self {
            evidence: Some(noted.manifest),
            predicate_type: noted.fact.predicate_type.clone(),
            by: fact.map(|fact| fact.signer().to_owned()),
            roles: fact
                .map(|fact| fact.roles().iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
            key_id: fact.map(|fact| fact.key().to_string()).or_else(|| noted.fact.key_id.clone()),
            reason: testified.reason().map(str::to_owned),
            log_index: noted.log_index,
            retracted_at_index: noted.retracted_at_index,
            stated_at_unix_ms: noted.fact.stated_at,
            attested_at_unix_ms: attested.map(|at| Timestamp::from_unix_ms(at.as_millisecond())),
            observed_at_unix_ms: noted.observed_at,
        }
    }
}
