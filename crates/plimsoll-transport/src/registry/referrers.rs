use plimsoll_oci::{Descriptor, Digest, ImageIndex, Tag, TagOrDigest};
use reqwest::header::HeaderName;

use super::listing::Pages;
use super::repository::Repository;
use crate::fallback_list::FallbackList;
use crate::{RawManifest, TransportError};

/// The header with which a registry says that it keeps referrers itself.
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

impl Repository {
    /// Who refers to `subject`: from the referrers API, or from the fallback tag where there is none
    /// (distribution-spec, "Listing Referrers").
    pub(crate) async fn list_referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, TransportError> {
        match self.referrers_from_api(subject).await {
            Err(error) if error.is_not_found() => self.referrers_from_tag(subject).await,
            listed => listed,
        }
    }

    async fn referrers_from_api(&self, subject: &Digest) -> Result<Vec<Descriptor>, TransportError> {
        let operation = format!("list the referrers of {}@{subject}", self.full_name());
        let mut pages = Pages::new(operation, self.url(&format!("referrers/{subject}"))?);
        let mut referrers = Vec::new();
        while let Some((body, _)) = pages.next(self.connection()).await? {
            let page: ImageIndex = pages.parse(&body)?;
            referrers.extend(page.manifests);
            pages.check_entries(referrers.len())?;
        }
        Ok(referrers)
    }

    async fn referrers_from_tag(&self, subject: &Digest) -> Result<Vec<Descriptor>, TransportError> {
        let target = TagOrDigest::Tag(Tag::referrers_fallback(subject));
        let found = match self.find_manifest(&target).await {
            Err(TransportError::Manifest { .. }) => None,
            found => found?.map(|(list, _)| list),
        };
        let list = FallbackList::read(found.as_ref())?;
        if list.is_poisoned {
            self.warn_of_poisoned_list(subject);
        }
        let read = |entry: &serde_json::Value| serde_json::from_value(entry.clone()).ok();
        Ok(list.entries().filter_map(read).collect())
    }

    pub(crate) fn warn_of_poisoned_list(&self, subject: &Digest) {
        let tag = Tag::referrers_fallback(subject);
        let text =
            format!("an image stands under `{}:{tag}`, where the list of referrers should be", self.name());
        self.connection().warn(&text);
    }

    /// Stores a manifest, and enters it in the fallback list of its subject if the registry does not keep referrers
    /// (distribution-spec, "Pushing Manifests with Subject").
    pub(crate) async fn store_manifest(
        &self,
        manifest: &RawManifest,
        target: &TagOrDigest,
    ) -> Result<(), TransportError> {
        let response = self.send_manifest(manifest, target, None).await?;
        let parsed = manifest.parse()?;
        match parsed.subject() {
            Some(subject) if !response.headers().contains_key(OCI_SUBJECT) => {
                let size = manifest.bytes.len() as u64;
                let entry = parsed.as_referrer(manifest.media_type.clone(), manifest.digest, size);
                self.enter_in_fallback(&subject.digest, &entry).await
            }
            _ => Ok(()),
        }
    }
}
