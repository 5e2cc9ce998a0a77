//! When something came into an image line, left it and came back, and why.
//!
//! A *line* is the images of one repository for one platform, in the order in which they were built. What is asked for
//! is held by some of them, not by others, and of some nobody knows. [`intervals`] finds the runs of builds that hold
//! it; [`entry`] and [`exit`] tell from the two builds at an edge what made the difference.
//!
//! An image that could not be evaluated is never taken for a free one: it makes an edge a range.

mod base_change;
mod cause;
mod clocks;
mod interval;
mod lock_file;
mod question;
mod report;

pub use base_change::Ground;
pub use cause::{Cause, Change, Moved, Step, entry, exit};
pub use clocks::{Clock, Clocks, Exposure, Source};
pub use interval::{Confidence, Holding, Interval, intervals};
pub use lock_file::is_lock_file;
pub use question::{Answer, Question, QuestionError};
pub use report::{LineReport, LogPosition, ReportedBuild, ReportedEdge, ReportedInterval, SourceRange};

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_oci::{DiffId, Digest};
use plimsoll_sbom::PackageType;
use serde::{Deserialize, Serialize};

/// A build, as far as it tells why it differs from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// Its layers, from the base up.
    pub layers: Vec<DiffId>,
    /// The instruction of each layer, as far as the image's history says.
    pub instructions: Vec<Option<String>>,
    /// What it was built on, where that is known.
    pub base: Option<Base>,
    /// What it was built from, where somebody says.
    pub origin: Option<Origin>,
    /// Where it holds what is asked for.
    pub held: Vec<Occurrence>,
    /// What it has under the same names without holding it: other versions.
    pub others: Vec<Occurrence>,
}

/// The image that another was built on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Base {
    /// How many layers it brings.
    pub layers: usize,
    /// Its manifest's digest, where it may be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The name that the build says it was built on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<String>,
    /// The tags that pointed at it before the build was pushed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
}

/// What an image was built from, as its provenance says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The source repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The digest of the Dockerfile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
    /// The digests of lock files, by their paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lock_files: BTreeMap<String, String>,
}

/// A component in one place of a build.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Occurrence {
    /// The component's type.
    #[serde(rename = "type")]
    pub package_type: PackageType,
    /// Its namespace and name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The file that names it.
    pub path: String,
    /// The layer that brought the file, counted from 0 at the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// Whether the file is a lock file.
    #[serde(default)]
    pub is_locked: bool,
}

impl Build {
    /// Whether the base brought this layer.
    fn is_of_base(&self, layer: usize) -> bool {
        self.base.as_ref().is_some_and(|base| layer < base.layers)
    }

    fn instruction(&self, layer: usize) -> Option<&str> {
        self.instructions.get(layer)?.as_deref()
    }

    fn has_instruction(&self, text: &str) -> bool {
        self.instructions.iter().flatten().any(|instruction| instruction == text)
    }
}

impl Occurrence {
    /// Whether both are versions of one component; in the same file, if there are several.
    fn is_version_of(&self, other: &Self) -> bool {
        (self.package_type, &self.name) == (other.package_type, &other.name)
    }
}

#[cfg(test)]
mod tests;
