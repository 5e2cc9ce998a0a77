//! The server's answer, and what to do about each step that is missing.

use plimsoll_oci::{Digest, RegistryHost};
use serde::{Deserialize, Serialize};

/// The way of one image back to where it comes from.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trace {
    pub(super) api_version: String,
    pub(super) kind: String,
    /// The image as it was named.
    #[serde(default)]
    pub(super) image: String,
    pub(super) repository: String,
    pub(super) digest: Digest,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) components: Vec<Holding>,
    pub(super) hops: Vec<Hop>,
    #[serde(default)]
    pub(super) is_cut: bool,
    #[serde(default)]
    pub(super) unread: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) checkpoint: Option<Checkpoint>,
}

/// Several of them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Traces {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) of: String,
    pub(super) images: usize,
    pub(super) traces: Vec<Trace>,
    #[serde(default)]
    pub(super) unread: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) checkpoint: Option<Checkpoint>,
}

/// The state of the log that an answer was given at.
#[derive(Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub(super) origin: String,
    pub(super) size: u64,
    pub(super) root: String,
}

/// A component by which an image was found.
#[derive(Serialize, Deserialize)]
pub(super) struct Holding {
    pub(super) purl: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) layer: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) instruction: Option<String>,
}

/// One step of the way.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hop {
    pub(super) depth: u32,
    pub(super) image: Digest,
    pub(super) grade: Grade,
    #[serde(flatten)]
    pub(super) step: Step,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) said: Option<Said>,
    /// The command that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

/// How well a step is founded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Grade {
    Signed,
    Measured,
    Claimed,
    InheritedIgnored,
    Missing,
}

/// What a step leads to.
#[derive(Serialize, Deserialize)]
#[serde(tag = "hop", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(super) enum Step {
    Image {
        repository: String,
        tags: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        platform: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pushed_at_unix_ms: Option<i64>,
    },
    Deleted {},
    Signature {},
    Approval {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gate: Option<String>,
        tickets: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valid_until_unix_ms: Option<i64>,
    },
    Build {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        builder: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invocation: Option<String>,
    },
    Source {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        repository: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
    },
    Dockerfile {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        instructions: Vec<String>,
    },
    Base {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<Base>,
        names: Vec<String>,
        known_by: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        layers: Option<usize>,
    },
    Run {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        begun_at_unix_ms: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended_at_unix_ms: Option<i64>,
    },
}

/// An image beneath another.
#[derive(Serialize, Deserialize)]
pub(super) struct Base {
    pub(super) name: String,
    pub(super) digest: Digest,
}

/// Who says something, where it is written, and when it was said.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Said {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) predicate_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log_index: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retracted_at_index: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stated_at_unix_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) attested_at_unix_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) observed_at_unix_ms: Option<i64>,
}

impl Trace {
    /// Says under which name the image was asked for, and what to do about what is missing.
    pub(super) fn named(mut self, image: &str) -> Self {
        // A base is in a repository of its own, and somebody else's to mend.
        for hop in self.hops.iter_mut().filter(|hop| hop.image == self.digest) {
            hop.next = hop.next_command(image);
        }
        Self { image: image.to_owned(), ..self }
    }
}

impl Traces {
    pub(super) fn named(self, registry: &RegistryHost) -> Self {
        let traces = self.traces.into_iter().map(|trace| {
            let name = format!("{registry}/{}@{}", trace.repository, trace.digest);
            trace.named(&name)
        });
        Self { traces: traces.collect(), ..self }
    }
}

impl Hop {
    /// The command that makes a step as good as it can be.
    fn next_command(&self, image: &str) -> Option<String> {
        if self.is_by_unknown_key() {
            // Saying it again would not help: the server has to be told whose keys count.
            let server = image.split('/').next().unwrap_or(image);
            return Some(format!("plimsoll project set NAME {server}"));
        }
        let is_wanting = matches!(self.grade, Grade::Missing | Grade::InheritedIgnored | Grade::Claimed);
        match self.step {
            Step::Signature {} if is_wanting => Some(format!("plimsoll sign {image} --key FILE")),
            Step::Build { .. } | Step::Source { .. } if is_wanting => {
                // What a build says of itself stays its own claim, whoever signs it, until its CI system vouches for it.
                let is_signed = self.said.as_ref().is_some_and(|said| said.by.is_some());
                let by_whom = if is_signed { "--ci-token TOKEN" } else { "--key FILE" };
                Some(format!("plimsoll attest provenance {image} {by_whom}"))
            }
            Step::Run { .. } if self.grade == Grade::Missing => {
                Some(format!("plimsoll observe {image} --where CLUSTER/NAMESPACE/WORKLOAD"))
            }
            _ => None,
        }
    }

    /// Whether somebody signed what the step is known from, and nobody said whether his word counts.
    fn is_by_unknown_key(&self) -> bool {
        let is_signed = self.said.as_ref().is_some_and(|said| said.key_id.is_some() && said.by.is_none());
        is_signed && self.grade == Grade::Claimed
    }
}
