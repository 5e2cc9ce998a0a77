use std::time::Duration;

use plimsoll_oci::{Digest, MediaType, Tag};
use plimsoll_transport::ImageName;
use serde::Serialize;

use super::Transfer;
use crate::terminal::{Page, Report, bytes, seconds};

/// What a copy did.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Copied {
    api_version: &'static str,
    kind: &'static str,
    source: String,
    destination: String,
    digest: Digest,
    media_type: MediaType,
    tags: Vec<Tag>,
    bytes_moved: u64,
    bytes_present: u64,
    blobs_moved: usize,
    blobs_mounted: usize,
    blobs_present: usize,
    manifests_moved: usize,
    manifests_present: usize,
    evidence_manifests: usize,
    /// Nothing, where it could not be found out.
    evidence_left_behind: Option<usize>,
    foreign_layers: usize,
    seconds: f64,
}

impl Copied {
    pub(super) fn new(from: &ImageName, to: &ImageName, transfer: &Transfer, took: Duration) -> Self {
        let report = &transfer.report;
        Self {
            api_version: "plimsoll/v1",
            kind: "Copy",
            source: from.to_string(),
            destination: to.to_string(),
            digest: report.root.digest,
            media_type: report.root.media_type.clone(),
            tags: report.tags.clone(),
            bytes_moved: report.bytes_copied,
            bytes_present: report.bytes_present,
            blobs_moved: report.blobs_copied,
            blobs_mounted: report.blobs_mounted,
            blobs_present: report.blobs_present,
            manifests_moved: report.manifests_copied,
            manifests_present: report.manifests_present,
            evidence_manifests: report.evidence_manifests,
            evidence_left_behind: transfer.left_behind.as_ref().ok().copied(),
            foreign_layers: report.foreign_layers,
            seconds: took.as_secs_f64(),
        }
    }

    /// The amounts, without those that are nothing.
    fn amounts(&self) -> String {
        let mut amounts = vec![format!("{} moved", bytes(self.bytes_moved))];
        if self.bytes_present > 0 {
            amounts.push(format!("{} were there", bytes(self.bytes_present)));
        }
        if self.evidence_manifests > 0 {
            let plural = if self.evidence_manifests == 1 { "" } else { "s" };
            amounts.push(format!("{} manifest{plural} of evidence", self.evidence_manifests));
        }
        if self.foreign_layers > 0 {
            amounts.push(format!("{} foreign layers left out", self.foreign_layers));
        }
        amounts.push(seconds(Duration::from_secs_f64(self.seconds)));
        amounts.join(", ")
    }
}

impl Report for Copied {
    fn draw(&self, page: &mut Page) {
        let digest = if page.is_wide() { self.digest.to_string() } else { self.digest.short() };
        page.line(&format!("{} is {digest}", self.destination));
        page.line(&self.amounts());
    }
}
