//! What is attached to an image: its referrers, and the images under cosign's `sha256-….sig` and `.att` tags.

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use plimsoll_oci::{Descriptor, Digest, ImageManifest, Manifest, Tag};

use crate::{BlobVerifier, RawManifest, Source, Target, TransportError};

/// Most attachments of one image that are looked at.
const ATTACHMENTS_MAX: usize = 10_000;
/// How many are read at the same time.
const PARALLEL_MAX: usize = 16;

/// Something that is attached to an image.
#[derive(Debug)]
pub struct Attachment {
    /// Its manifest.
    pub digest: Digest,
    /// How it is attached.
    pub link: Link,
    /// Its manifest's content, or why that cannot be had: the others are worth reading all the same.
    pub manifest: Result<ImageManifest, TransportError>,
}

/// How something is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// It names the image as its subject.
    Referrer,
    /// It stands under one of cosign's tags.
    Tag(Tag),
    /// It stands in the same index, for no platform: what `BuildKit` says of the images in it.
    Sibling,
}

/// Finds what is attached to `subject`, in the order in which the source lists it. What a list says of its entries is
/// not believed: each manifest is read.
pub async fn attachments(source: &dyn Source, subject: &Digest) -> Result<Vec<Attachment>, TransportError> {
    let referrers = source.referrers(subject).await?;
    if referrers.len() > ATTACHMENTS_MAX {
        let what = format!("the number of referrers of `{subject}`");
        return Err(TransportError::limit(what, ATTACHMENTS_MAX.to_string()));
    }
    let read = |referrer: Descriptor| async move {
        let raw = source.manifest(&referrer.digest).await;
        refers_to(referrer.digest, raw, subject)
    };
    let found = stream::iter(referrers).map(read).buffered(PARALLEL_MAX);
    let mut attachments: Vec<Attachment> = found.filter_map(|one| async { one }).collect().await;
    for suffix in [".sig", ".att"] {
        attachments.extend(under_tag(source, subject, suffix).await?);
    }
    Ok(attachments)
}

/// A list can name anything: what does not refer to the subject is not attached to it.
fn refers_to(
    digest: Digest,
    raw: Result<RawManifest, TransportError>,
    subject: &Digest,
) -> Option<Attachment> {
    let manifest = match raw.and_then(|raw| raw.parse()) {
        Ok(manifest) if manifest.subject().is_none_or(|named| named.digest != *subject) => return None,
        Ok(Manifest::Image(image)) => Ok(image),
        Ok(Manifest::Index(_)) => return None,
        Err(error) => Err(error),
    };
    Some(Attachment { digest, link: Link::Referrer, manifest })
}

async fn under_tag(
    source: &dyn Source,
    subject: &Digest,
    suffix: &str,
) -> Result<Option<Attachment>, TransportError> {
    let text = format!("{}{suffix}", Tag::referrers_fallback(subject));
    let Ok(tag) = text.parse::<Tag>() else { return Ok(None) };
    let descriptor = match source.resolve(&Target::Tag(tag.clone())).await {
        Ok(descriptor) => descriptor,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let manifest = match source.manifest(&descriptor.digest).await?.parse()? {
        Manifest::Image(image) => Ok(image),
        Manifest::Index(_) => {
            Err(TransportError::damaged(format!("tag `{tag}`"), "an index stands where evidence should be"))
        }
    };
    Ok(Some(Attachment { digest: descriptor.digest, link: Link::Tag(tag), manifest }))
}

/// The statements that `BuildKit` puts into an index beside its images, about the image `subject`.
pub async fn sibling_attachments(
    source: &dyn Source,
    index: &[Descriptor],
    subject: &Digest,
) -> Result<Vec<Attachment>, TransportError> {
    let says = |entry: &&Descriptor, key: &str, value: &str| {
        entry.annotations.get(key).is_some_and(|found| found == value)
    };
    let subject = subject.to_string();
    let about_subject = index.iter().filter(|entry| {
        says(entry, "vnd.docker.reference.type", "attestation-manifest")
            && says(entry, "vnd.docker.reference.digest", &subject)
    });
    let mut found = Vec::new();
    for entry in about_subject {
        if let Manifest::Image(image) = source.manifest(&entry.digest).await?.parse()? {
            found.push(Attachment { digest: entry.digest, link: Link::Sibling, manifest: Ok(image) });
        }
    }
    Ok(found)
}

/// Reads a blob of at most `bytes_max` bytes into memory.
pub async fn read_blob(
    source: &dyn Source,
    blob: &Descriptor,
    bytes_max: u64,
) -> Result<Bytes, TransportError> {
    if blob.size > bytes_max {
        let what = format!("the size of blob `{}`, {} bytes,", blob.digest, blob.size);
        return Err(TransportError::limit(what, format!("{bytes_max} bytes")));
    }
    let stream = source.blob(BlobVerifier::start(blob)).await?;
    let append = |mut whole: BytesMut, part: Bytes| async move {
        whole.extend_from_slice(&part);
        Ok(whole)
    };
    Ok(stream.try_fold(BytesMut::new(), append).await?.freeze())
}
