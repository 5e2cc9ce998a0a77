use std::collections::HashSet;

use futures_util::StreamExt as _;
use plimsoll_oci::{Descriptor, Digest};
use plimsoll_transport::{BlobVerifier, Source, TransportError};

use crate::terminal::Step;

/// Most manifests of one image that are followed.
const MANIFESTS_MAX: usize = 10_000;

/// Reads an image, or an index with all its images, to the last byte; the bytes must be those of their digests. The
/// value is how many there were.
pub(super) async fn read_every_byte(
    source: &dyn Source,
    image: &Digest,
    step: &Step,
) -> Result<u64, TransportError> {
    let mut waiting = vec![*image];
    let mut seen = HashSet::from([*image]);
    let mut total = 0;
    while let Some(digest) = waiting.pop() {
        let raw = source.manifest(&digest).await?;
        total += raw.bytes.len() as u64;
        let manifest = raw.parse()?;
        for blob in manifest.blobs().filter(|blob| !blob.media_type.is_nondistributable()) {
            if seen.insert(blob.digest) {
                total += read_blob(source, blob, step).await?;
            }
        }
        let children = manifest.children().iter().map(|child| child.digest);
        waiting.extend(children.filter(|child| seen.len() < MANIFESTS_MAX && seen.insert(*child)));
    }
    Ok(total)
}

async fn read_blob(source: &dyn Source, blob: &Descriptor, step: &Step) -> Result<u64, TransportError> {
    let mut stream = source.blob(BlobVerifier::start(blob)).await?;
    while let Some(part) = stream.next().await {
        step.advance(part?.len() as u64);
    }
    Ok(blob.size)
}
