//! The history of one thing in one image line, as servers tell it and people are shown it.

use jiff::Timestamp;
use plimsoll_oci::Digest;
use serde::{Deserialize, Serialize};

use super::{Change, Clock, Clocks, Confidence, Exposure, Holding, Origin};

/// When something entered an image line, left and returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LineReport {
    /// `plimsoll/v1`.
    pub api_version: String,
    /// `ImageLine`.
    pub kind: String,
    /// What was looked for: the id of a vulnerability or a package URL.
    pub asked: String,
    /// All ids of the vulnerability, as far as it was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// One line about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The repository.
    pub repository: String,
    /// The platform.
    pub platform: String,
    /// The image of the line that was asked about.
    pub image: Digest,
    /// The images of the line, the oldest first.
    pub builds: Vec<ReportedBuild>,
    /// Whether there are older ones, which were not looked at.
    #[serde(default)]
    pub is_truncated: bool,
    /// The runs of builds that hold it. Builds are named by their places in `builds`.
    pub intervals: Vec<ReportedInterval>,
    /// The advisories that it was judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisories: Option<Digest>,
    /// How far the transparency log had got: what was logged by then was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogPosition>,
    /// When it was judged.
    pub judged_at: Timestamp,
}

/// The state of a transparency log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPosition {
    /// The log's name.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root of its tree.
    pub root: String,
}

/// One image of the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedBuild {
    /// The image.
    pub digest: Digest,
    /// The tags that point at it, or did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// When it was built, as its provenance says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<Clock>,
    /// When it was first pushed.
    pub pushed: Timestamp,
    /// What it was built from, as its provenance says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Whether it holds what is looked for.
    pub holding: Holding,
    /// Why nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The components that hold it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
}

/// A run of builds that hold it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedInterval {
    /// The first build that is known to hold it.
    pub first: usize,
    /// The last one.
    pub last: usize,
    /// How it came.
    pub entry: ReportedEdge,
    /// How it left; nothing while no later build is known to be free of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<ReportedEdge>,
    /// Which commits may have brought it, as far as somebody looked into the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRange>,
    /// The clocks.
    pub clocks: Clocks,
    /// What follows from them.
    pub exposure: Exposure,
}

/// The commits between two builds that changed a file which can have brought something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRange {
    /// The commits, the earliest first.
    pub commits: Vec<String>,
    /// How to find out which of several it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The beginning or the end of an interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedEdge {
    /// The last build on the other side that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<usize>,
    /// The build with which it is known to be different.
    pub with: usize,
    /// How surely that is the build where it changed.
    pub confidence: Confidence,
    /// Why.
    pub changes: Vec<Change>,
}
