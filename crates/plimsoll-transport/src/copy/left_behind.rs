use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use plimsoll_oci::Digest;

use super::evidence_tags::EvidenceTags;
use crate::{Source, TransportError};

/// How many manifests are asked about at the same time.
const PARALLEL_MAX: usize = 8;

/// How much evidence there is about some manifests: what refers to them, and the `sha256-…` tags about them. What
/// refers to that in turn is not counted.
pub async fn count_evidence(source: &dyn Source, subjects: &[Digest]) -> Result<usize, TransportError> {
    let tags = EvidenceTags::list(source).await?;
    let by_tag: usize = subjects.iter().map(|subject| tags.count_about(subject)).sum();
    let one =
        |subject: Digest| async move { Ok::<_, TransportError>(source.referrers(&subject).await?.len()) };
    let counts = stream::iter(subjects.to_vec()).map(one).buffer_unordered(PARALLEL_MAX);
    let referring: usize = counts.try_fold(0, |sum, count| async move { Ok(sum + count) }).await?;
    Ok(referring + by_tag)
}
