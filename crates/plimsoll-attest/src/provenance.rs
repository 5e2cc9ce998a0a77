//! How an image was built: SLSA's build provenance, read and written.

mod read;
mod record;
mod repository;
mod run;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::read::Provenance;
pub use self::record::{BuildRecord, Contradiction, People, RecordError, SourceTree, Witness};
pub use self::repository::{is_same_repository, source_uri};
pub(crate) use self::run::full_commit;
pub use self::run::{Actor, BuildRun, CiKind, RunError};

/// The type of the builds that Plimsoll tells of. Its parameters are described in `docs/provenance.md`.
pub const BUILD_TYPE: &str = "urn:plimsoll:build:container-image:v1";

/// The files in which package managers write down which versions they chose.
pub const LOCK_FILES: [&str; 26] = [
    ".terraform.lock.hcl",
    "Cargo.lock",
    "Chart.lock",
    "Gemfile.lock",
    "MODULE.bazel.lock",
    "Package.resolved",
    "Pipfile.lock",
    "Podfile.lock",
    "bun.lock",
    "composer.lock",
    "conan.lock",
    "deno.lock",
    "flake.lock",
    "go.sum",
    "gradle.lockfile",
    "mix.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "packages.lock.json",
    "pdm.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pubspec.lock",
    "requirements.txt",
    "uv.lock",
    "yarn.lock",
];

/// A commit in a source repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRevision {
    /// The source repository, such as `git+https://example.org/app@refs/heads/main`.
    pub uri: String,
    /// The commit.
    pub commit: String,
}

/// Something that a build took or made: an in-toto resource descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Material {
    /// What it is called, such as a path in the source repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Algorithms and hashes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: BTreeMap<String, String>,
}

/// How well something in a statement is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Somebody only says so, who could say anything: the build itself, or nobody who signed.
    Claimed,
    /// Who signed the statement vouches for it.
    Signed,
}

impl Grade {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Signed => "signed",
        }
    }
}

/// What of a build's provenance is graded by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Aspect {
    /// Who built.
    Builder,
    /// Which run it was.
    Invocation,
    /// The commit.
    Source,
    /// Who started it, and what.
    Trigger,
    /// Who wrote it.
    People,
    /// Everything else: the Dockerfile, what it builds on, the state of the working tree.
    Inputs,
}
