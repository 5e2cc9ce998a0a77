use std::collections::{HashMap, HashSet};

use plimsoll_oci::{Descriptor, Digest, Manifest};

use super::files::{LayoutFiles, read_manifest};
use super::index::tag_of;
use crate::{RawManifest, TransportError};

/// Most manifests of one layout that are read to find referrers.
const SCANNED_MANIFESTS_MAX: usize = 100_000;

/// Who refers to whom in a layout: for each subject, the manifests that name it.
pub(crate) type ReferrersBySubject = HashMap<Digest, Vec<Descriptor>>;

/// Reads the manifests that `index.json` lists, and those listed by its `sha256-…` entries, for their subjects.
/// It blocks.
pub(crate) fn scan_referrers(
    files: &dyn LayoutFiles,
    entries: &[Descriptor],
) -> Result<ReferrersBySubject, TransportError> {
    let mut by_subject = ReferrersBySubject::new();
    let mut seen = HashSet::new();
    let mut waiting: Vec<(Digest, bool)> =
        entries.iter().rev().map(|entry| (entry.digest, is_fallback(entry))).collect();
    while let Some((digest, lists_referrers)) = waiting.pop() {
        if !seen.insert(digest) {
            continue;
        }
        if seen.len() > SCANNED_MANIFESTS_MAX {
            let what = format!("the number of manifests in {}", files.place());
            return Err(TransportError::limit(what, SCANNED_MANIFESTS_MAX.to_string()));
        }
        let Some(raw) = read_if_present(files, &digest)? else { continue };
        let manifest = raw.parse()?;
        if lists_referrers {
            waiting.extend(manifest.children().iter().map(|child| (child.digest, false)));
        }
        note_subject(&mut by_subject, &raw, &manifest);
    }
    Ok(by_subject)
}

fn is_fallback(entry: &Descriptor) -> bool {
    tag_of(entry).is_some_and(|tag| tag.is_evidence())
}

fn note_subject(by_subject: &mut ReferrersBySubject, raw: &RawManifest, manifest: &Manifest) {
    if let Some(subject) = manifest.subject() {
        let size = raw.bytes.len() as u64;
        let referrer = manifest.as_referrer(raw.media_type.clone(), raw.digest, size);
        by_subject.entry(subject.digest).or_default().push(referrer);
    }
}

/// A layout may list manifests that it lacks: they are somebody else's to bring.
fn read_if_present(files: &dyn LayoutFiles, digest: &Digest) -> Result<Option<RawManifest>, TransportError> {
    match read_manifest(files, digest) {
        Ok(raw) => Ok(Some(raw)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
