use std::path::PathBuf;

use plimsoll_oci::Digest;
use plimsoll_slim::lock::Lock;
use serde::Serialize;

use super::write::Written;
use crate::terminal::{Page, Report, bytes};

/// What became of an image.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    api_version: &'static str,
    kind: &'static str,
    image: String,
    image_digest: Digest,
    smaller: String,
    smaller_digest: Digest,
    bytes_before: u64,
    bytes_after: u64,
    times_smaller: f64,
    files_kept: usize,
    files_removed: usize,
    packages_before: usize,
    packages_after: usize,
    written: Vec<PathBuf>,
}

impl Outcome {
    pub(super) fn new(written: &Written<'_>, lock: &Lock, smaller: String, files: Vec<PathBuf>) -> Self {
        let of_system = written.ownership.packages().iter().filter(|package| !package.is_python);
        Self {
            api_version: "plimsoll/v1",
            kind: "SmallerImage",
            image: written.unpacked.name.clone(),
            image_digest: lock.image,
            smaller,
            smaller_digest: lock.smaller,
            bytes_before: lock.bytes_before,
            bytes_after: lock.bytes_after,
            times_smaller: times(lock.bytes_before, lock.bytes_after),
            files_kept: lock.kept.len(),
            files_removed: lock.removed.len(),
            packages_before: of_system.count(),
            packages_after: written.list.packages().len(),
            written: files,
        }
    }
}

/// How many times smaller, to two digits.
#[expect(clippy::cast_precision_loss, reason = "a figure for people, of two digits")]
fn times(before: u64, after: u64) -> f64 {
    (before as f64 / after.max(1) as f64 * 100.0).round() / 100.0
}

impl Report for Outcome {
    fn draw(&self, page: &mut Page) {
        page.heading(&self.image);
        let size = format!(
            "{} -> {}, {} times smaller",
            bytes(self.bytes_before),
            bytes(self.bytes_after),
            self.times_smaller
        );
        page.fact("size", &size);
        page.fact("files", &format!("{} kept, {} removed", self.files_kept, self.files_removed));
        page.fact("packages", &format!("{} -> {}", self.packages_before, self.packages_after));
        page.fact("tests", "pass on the smaller image");
        page.fact("image", &format!("{} ({})", self.smaller, self.smaller_digest));
        for path in &self.written {
            page.fact("written", &path.display().to_string());
        }
    }
}
