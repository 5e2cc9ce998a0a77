use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::Found;
use super::kind::{Reason, WasteKind};
use crate::Census;

/// Files of one cause that are named; all are counted.
const FILES_MAX: usize = 20_000;

/// Files of one layer that could go for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    #[serde(skip)]
    pub(crate) kind: WasteKind,
    /// Why.
    pub reason: Reason,
    /// What they are, for people.
    pub what: String,
    /// The layer that brought them, counted from 1 at the base.
    pub layer: usize,
    /// Bytes of the files.
    pub bytes: u64,
    /// Bytes as stored and pulled, estimated.
    pub stored_bytes: u64,
    /// How many files.
    pub files: u64,
    /// The packages that own them, the most bytes first.
    pub packages: Vec<PackageShare>,
    /// What to do about it.
    pub remedy: &'static str,
    /// The files, the largest first.
    pub paths: Vec<WasteFile>,
}

/// What a package has of the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackageShare {
    /// The package's name.
    pub name: String,
    /// Bytes of its files.
    pub bytes: u64,
}

/// A file that could go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WasteFile {
    /// Where it is, with a slash in front; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// The package that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The file with the same content that stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<String>,
}

/// What is found, by layer and kind.
#[derive(Default)]
pub(super) struct Heaps {
    heaps: BTreeMap<(u32, WasteKind), Vec<WasteFile>>,
}

impl Heaps {
    pub(super) fn add(&mut self, kind: WasteKind, found: &Found<'_>) {
        self.push(kind, found, None);
    }

    /// Adds a file whose content stays at `original`.
    pub(super) fn add_copy(&mut self, found: &Found<'_>, original: &[u8]) {
        self.push(WasteKind::Copies, found, Some(shown(original)));
    }

    fn push(&mut self, kind: WasteKind, found: &Found<'_>, copy_of: Option<String>) {
        if found.bytes == 0 {
            return;
        }
        let package = found.package.map(str::to_owned);
        let file = WasteFile { path: shown(found.path), bytes: found.bytes, package, copy_of };
        self.heaps.entry((found.content.layer, kind)).or_default().push(file);
    }

    pub(super) fn into_causes(self, census: &Census<'_>) -> Vec<Cause> {
        let heaps = self.heaps.into_iter();
        let mut causes: Vec<Cause> =
            heaps.map(|((layer, kind), files)| cause(census, layer as usize, kind, files)).collect();
        causes.sort_by_key(|cause| (Reverse(cause.bytes), cause.layer, cause.reason));
        causes
    }
}

fn cause(census: &Census<'_>, layer: usize, kind: WasteKind, mut files: Vec<WasteFile>) -> Cause {
    let bytes = files.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
    let count = files.len() as u64;
    let packages = shares(&files);
    files.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
    files.truncate(FILES_MAX);
    Cause {
        kind,
        reason: kind.reason(),
        what: kind.what(),
        layer: layer.saturating_add(1),
        bytes,
        stored_bytes: stored(census, layer, bytes),
        files: count,
        packages,
        remedy: kind.remedy(),
        paths: files,
    }
}

/// Bytes as stored, if the files compress as their layer does.
fn stored(census: &Census<'_>, layer: usize, bytes: u64) -> u64 {
    let Some(layer) = census.layers().get(layer) else { return bytes };
    let measures = &layer.listing.measures;
    let scaled = u128::from(bytes) * u128::from(measures.stored_bytes);
    let share = scaled.checked_div(measures.unpacked_bytes.into()).unwrap_or(bytes.into());
    u64::try_from(share).unwrap_or(u64::MAX)
}

fn shares(files: &[WasteFile]) -> Vec<PackageShare> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for file in files {
        if let Some(package) = &file.package {
            let sum = sums.entry(package).or_default();
            *sum = sum.saturating_add(file.bytes);
        }
    }
    let mut shares: Vec<PackageShare> =
        sums.into_iter().map(|(name, bytes)| PackageShare { name: name.to_owned(), bytes }).collect();
    shares.sort_by_key(|share| Reverse(share.bytes));
    shares
}

fn shown(path: &[u8]) -> String {
    format!("/{}", String::from_utf8_lossy(path))
}
