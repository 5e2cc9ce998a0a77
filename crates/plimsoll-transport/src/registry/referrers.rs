use bytes::Bytes;
use plimsoll_oci::{Descriptor, Digest, ImageIndex, Manifest, MediaType, Tag, TagOrDigest};
use reqwest::StatusCode;
use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH};
use serde_json::{Value, json};

use super::listing::Pages;
use super::repository::Repository;
use crate::{RawManifest, TransportError};

/// The header with which a registry says that it keeps referrers itself.
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// How often the fallback list is written again because somebody else wrote it meanwhile.
const FALLBACK_ATTEMPTS_MAX: usize = 5;

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
        match self.find_manifest(&target).await {
            Ok(Some((list, _))) => Ok(list.parse()?.children().to_vec()),
            Ok(None) | Err(TransportError::Manifest { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
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

    async fn enter_in_fallback(&self, subject: &Digest, entry: &Descriptor) -> Result<(), TransportError> {
        // Two pushes of this process must not read the same list and each write their own.
        let _alone = self.fallback_lock().lock().await;
        let target = TagOrDigest::Tag(Tag::referrers_fallback(subject));
        for _ in 0..FALLBACK_ATTEMPTS_MAX {
            let current = self.find_manifest(&target).await?;
            let Some(list) = with_entry(current.as_ref().map(|(list, _)| list), entry)? else {
                return Ok(());
            };
            let condition = current.and_then(|(_, headers)| if_match(&headers));
            let response = self.send_manifest(&list, &target, condition).await?;
            if response.status() != StatusCode::PRECONDITION_FAILED {
                return Ok(());
            }
        }
        Err(TransportError::Protocol {
            operation: format!("enter a referrer of {}@{subject}", self.full_name()),
            problem: "others kept changing the list of referrers".to_owned(),
        })
    }
}

fn if_match(headers: &HeaderMap) -> Option<(HeaderName, HeaderValue)> {
    headers.get(ETAG).map(|tag| (IF_MATCH, tag.clone()))
}

/// The list with the entry at its end; nothing when it stands there already. What else the list holds stays.
fn with_entry(list: Option<&RawManifest>, entry: &Descriptor) -> Result<Option<RawManifest>, TransportError> {
    let mut document = match list {
        None => json!({ "schemaVersion": 2, "mediaType": MediaType::IMAGE_INDEX, "manifests": [] }),
        Some(list) => {
            let Manifest::Index(index) = list.parse()? else {
                return Err(TransportError::damaged(
                    format!("manifest `{}`", list.digest),
                    "it stands where the list of referrers should be, but is not an image index",
                ));
            };
            if index.manifests.iter().any(|listed| listed.digest == entry.digest) {
                return Ok(None);
            }
            serde_json::from_slice(&list.bytes).expect("it was parsed before")
        }
    };
    let added = serde_json::to_value(entry).expect("descriptors serialise");
    match &mut document["manifests"] {
        Value::Array(entries) => entries.push(added),
        missing => *missing = json!([added]),
    }
    let bytes = Bytes::from(document.to_string());
    let media_type = list.map_or(MediaType::IMAGE_INDEX, |list| list.media_type.clone());
    Ok(Some(RawManifest { digest: Digest::sha256_of(&bytes), media_type, bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(content: &[u8]) -> Descriptor {
        Descriptor::of(MediaType::IMAGE_MANIFEST, content)
    }

    #[test]
    fn an_entry_is_added_once_and_others_stay() {
        let first = with_entry(None, &entry(b"a")).unwrap().unwrap();
        let second = with_entry(Some(&first), &entry(b"b")).unwrap().unwrap();
        assert!(with_entry(Some(&second), &entry(b"a")).unwrap().is_none());
        let digests: Vec<_> = second.parse().unwrap().children().iter().map(|child| child.digest).collect();
        assert_eq!(digests, [Digest::sha256_of(b"a"), Digest::sha256_of(b"b")]);
    }
}
