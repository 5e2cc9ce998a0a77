use std::collections::HashMap;

use plimsoll_oci::{Digest, Tag};

use crate::{Source, Target, TransportError};

/// The `sha256-…` tags of a source: the fallback lists of referrers, and cosign's `.sig`, `.att` and `.sbom`.
#[derive(Default)]
pub(crate) struct EvidenceTags {
    /// By the tag without its suffix.
    by_stem: HashMap<String, Vec<Tag>>,
}

impl EvidenceTags {
    /// Finds them among the tags of the source.
    pub(crate) async fn list(source: &dyn Source) -> Result<Self, TransportError> {
        let tags = match source.tags().await {
            Ok(tags) => tags,
            // A repository with untagged manifests only has no list of tags.
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut by_stem: HashMap<String, Vec<Tag>> = HashMap::new();
        for tag in tags.into_iter().filter(Tag::is_evidence) {
            by_stem.entry(stem(&tag).to_owned()).or_default().push(tag);
        }
        Ok(Self { by_stem })
    }

    /// How many tags are evidence about `subject` by themselves, as signatures are. A fallback list of referrers is
    /// none: what it lists are the referrers.
    pub(crate) fn count_about(&self, subject: &Digest) -> usize {
        let fallback = Tag::referrers_fallback(subject);
        let tags = self.by_stem.get(fallback.as_str()).into_iter().flatten();
        tags.filter(|tag| !is_fallback_list(tag)).count()
    }

    /// The tags about `subject`, with what they point at.
    pub(crate) async fn of(
        &self,
        source: &dyn Source,
        subject: &Digest,
    ) -> Result<Vec<(Tag, Digest)>, TransportError> {
        let fallback = Tag::referrers_fallback(subject);
        let mut found = Vec::new();
        for tag in self.by_stem.get(fallback.as_str()).into_iter().flatten() {
            let pointed_at = source.resolve(&Target::Tag(tag.clone())).await?;
            found.push((tag.clone(), pointed_at.digest));
        }
        Ok(found)
    }
}

fn stem(tag: &Tag) -> &str {
    tag.as_str().split('.').next().unwrap_or_default()
}

/// Whether the tag is a fallback list of referrers, and no signature or attestation by itself.
pub(crate) fn is_fallback_list(tag: &Tag) -> bool {
    tag.is_evidence() && !tag.as_str().contains('.')
}
