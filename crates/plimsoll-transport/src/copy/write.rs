use std::collections::HashSet;

use bytes::Bytes;
use plimsoll_oci::{Digest, Manifest, Tag};
use serde_json::Value;

use super::closure::Member;
use super::evidence_tags::is_fallback_list;
use super::{Closure, CopyReport};
use crate::{Placement, RawManifest, Sink, TransportError};

/// Writes all manifests, then the `sha256-…` tags, then the tag of the image.
pub(crate) async fn write_manifests(
    sink: &dyn Sink,
    closure: &Closure,
    tag: Option<&Tag>,
    report: &mut CopyReport,
) -> Result<(), TransportError> {
    for member in &closure.manifests {
        if write_part(sink, member).await? {
            report.manifests_copied += 1;
        } else {
            report.manifests_present += 1;
        }
    }
    for (tag, digest) in &closure.evidence_tags {
        if let Some(member) = find(closure, digest) {
            write_evidence_tag(sink, tag, &member.raw).await?;
            report.tags.push(tag.clone());
        }
    }
    write_root(sink, closure, tag, report).await
}

fn find<'a>(closure: &'a Closure, digest: &Digest) -> Option<&'a Member> {
    closure.manifests.iter().find(|member| member.raw.digest == *digest)
}

/// Writes one manifest; the value tells whether it was missing.
///
/// One that refers to another is written even when it is there: only so is it sure to be listed as a referrer, should
/// an earlier copy have ended between the two.
async fn write_part(sink: &dyn Sink, member: &Member) -> Result<bool, TransportError> {
    let is_there = sink.has_manifest(&member.raw.digest).await?;
    if !is_there || member.parsed.subject().is_some() {
        sink.put_manifest(&member.raw, &Placement::Part).await?;
    }
    Ok(!is_there)
}

async fn write_root(
    sink: &dyn Sink,
    closure: &Closure,
    tag: Option<&Tag>,
    report: &mut CopyReport,
) -> Result<(), TransportError> {
    let Some(root) = find(closure, &report.root.digest) else { return Ok(()) };
    let Some(tag) = tag else { return sink.put_manifest(&root.raw, &Placement::TopLevel).await };
    set_tag(sink, tag, &root.raw).await?;
    report.tags.push(tag.clone());
    Ok(())
}

async fn set_tag(sink: &dyn Sink, tag: &Tag, manifest: &RawManifest) -> Result<(), TransportError> {
    let points_there = sink.tagged(tag).await?.is_some_and(|current| current.digest == manifest.digest);
    if points_there { Ok(()) } else { sink.put_manifest(manifest, &Placement::Tagged(tag.clone())).await }
}

/// Points a `sha256-…` tag at its manifest. A fallback list at the sink is added to and not replaced: it may name
/// evidence that the source does not have.
async fn write_evidence_tag(
    sink: &dyn Sink,
    tag: &Tag,
    manifest: &RawManifest,
) -> Result<(), TransportError> {
    let current = if is_fallback_list(tag) { sink.tagged(tag).await? } else { None };
    match current {
        Some(current) if current.digest != manifest.digest => match merge_lists(&current, manifest)? {
            Some(merged) => sink.put_manifest(&merged, &Placement::Tagged(tag.clone())).await,
            None => Ok(()),
        },
        _ => set_tag(sink, tag, manifest).await,
    }
}

/// The list at the sink with the entries it lacks; nothing when it lacks none.
fn merge_lists(current: &RawManifest, added: &RawManifest) -> Result<Option<RawManifest>, TransportError> {
    let (Manifest::Index(listed), Manifest::Index(_)) = (current.parse()?, added.parse()?) else {
        return Err(TransportError::damaged(
            format!("manifest `{}`", current.digest),
            "it stands where the list of referrers should be, but is not an image index",
        ));
    };
    let known: HashSet<String> = listed.manifests.iter().map(|entry| entry.digest.to_string()).collect();
    let mut document: Value = serde_json::from_slice(&current.bytes).expect("it was parsed before");
    let source: Value = serde_json::from_slice(&added.bytes).expect("it was parsed before");
    let is_missing = |entry: &&Value| entry["digest"].as_str().is_some_and(|digest| !known.contains(digest));
    let missing: Vec<Value> =
        source["manifests"].as_array().into_iter().flatten().filter(is_missing).cloned().collect();
    if missing.is_empty() {
        return Ok(None);
    }
    match &mut document["manifests"] {
        Value::Array(entries) => entries.extend(missing),
        none => *none = Value::Array(missing),
    }
    let bytes = Bytes::from(document.to_string());
    let digest = Digest::sha256_of(&bytes);
    Ok(Some(RawManifest { bytes, media_type: current.media_type.clone(), digest }))
}

#[cfg(test)]
mod tests {
    use plimsoll_oci::{Descriptor, MediaType};
    use serde_json::json;

    use super::*;

    fn list(contents: &[&[u8]]) -> RawManifest {
        let entries: Vec<_> =
            contents.iter().map(|content| Descriptor::of(MediaType::IMAGE_MANIFEST, content)).collect();
        let document =
            json!({ "schemaVersion": 2, "mediaType": MediaType::IMAGE_INDEX, "manifests": entries });
        let bytes = Bytes::from(document.to_string());
        RawManifest { digest: Digest::sha256_of(&bytes), media_type: MediaType::IMAGE_INDEX, bytes }
    }

    #[test]
    fn lists_of_referrers_are_merged_and_nothing_is_lost() {
        let merged = merge_lists(&list(&[b"a", b"b"]), &list(&[b"b", b"c"])).unwrap().unwrap();
        assert_eq!(merged.bytes, list(&[b"a", b"b", b"c"]).bytes);
        assert!(merge_lists(&list(&[b"a", b"b"]), &list(&[b"a"])).unwrap().is_none());
    }
}
