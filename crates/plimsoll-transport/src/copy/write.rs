use plimsoll_oci::{Digest, Tag};

use super::closure::Member;
use super::evidence_tags::is_fallback_list;
use super::{Closure, CopyReport};
use crate::fallback_list::FallbackList;
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
/// evidence that the source does not have. An image in the place of the source's list is nothing to take along.
async fn write_evidence_tag(
    sink: &dyn Sink,
    tag: &Tag,
    manifest: &RawManifest,
) -> Result<(), TransportError> {
    if !is_fallback_list(tag) {
        return set_tag(sink, tag, manifest).await;
    }
    let added = FallbackList::read(Some(manifest))?;
    match sink.tagged(tag).await? {
        _ if added.is_poisoned => Ok(()),
        Some(current) if current.digest != manifest.digest => {
            match FallbackList::read(Some(&current))?.with(added.entries()) {
                Some(merged) => sink.put_manifest(&merged, &Placement::Tagged(tag.clone())).await,
                None => Ok(()),
            }
        }
        Some(_) => Ok(()),
        None => sink.put_manifest(manifest, &Placement::Tagged(tag.clone())).await,
    }
}
