//! The bytes of evidence, on their way into a layout: statements with the images that they are about, without layers.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use plimsoll_attest::{BUNDLE_BYTES_MAX, EvidenceLayer};
use plimsoll_oci::{Descriptor, Digest, ImageManifest, Manifest, Tag};
use plimsoll_transport::{
    ErrorKind, Placement, RawManifest, Repository, Sink, Source as _, TransportError, attach, put_bytes,
    read_blob,
};

use super::rows::FactRow;
use crate::failure::Failure;

/// Largest image config that is taken.
const CONFIG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Collects them from a repository.
pub(super) struct Bundles<'a> {
    repository: &'a Repository,
    sink: &'a dyn Sink,
    /// The tags that images have.
    tags: BTreeMap<Digest, Vec<Tag>>,
    images: BTreeMap<Digest, Descriptor>,
    taken: BTreeSet<Digest>,
    missing: BTreeSet<Digest>,
}

impl<'a> Bundles<'a> {
    pub(super) fn new(
        repository: &'a Repository,
        sink: &'a dyn Sink,
        tags: BTreeMap<Digest, Vec<Tag>>,
    ) -> Self {
        let (images, taken, missing) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { repository, sink, tags, images, taken, missing }
    }

    /// Takes the manifest of a fact with its blobs, and the image that it is about. What the registry does not have any
    /// more is remembered, and no failure: that it was there is what an auditor wants to know. What nobody has signed is
    /// a hint, and stands in the tables only.
    pub(super) async fn take(&mut self, fact: &FactRow) -> Result<(), Failure> {
        if !self.taken.insert(fact.manifest) {
            return Ok(());
        }
        if let Some(subject) = fact.subject {
            self.take_image(subject).await?;
        }
        let Some(raw) = self.find(fact.manifest).await? else { return Ok(()) };
        let Manifest::Image(image) = raw.parse()? else { return Ok(()) };
        let is_signed = |layer: &Descriptor| EvidenceLayer::is_signed_type(layer.media_type.as_str());
        if !image.layers.iter().any(is_signed) {
            return Ok(());
        }
        let mut blobs: Vec<(Descriptor, Bytes)> = Vec::new();
        for blob in std::iter::once(&image.config).chain(&image.layers) {
            let Some(bytes) = self.read(blob, BUNDLE_BYTES_MAX).await? else { return Ok(()) };
            blobs.push((blob.clone(), bytes));
        }
        attach(self.sink, &blobs, &raw).await?;
        if let (None, Some(subject)) = (&image.subject, fact.subject) {
            let placement = Placement::Tagged(older_tag(&subject, &image)?);
            self.sink.put_manifest(&raw, &placement).await?;
        }
        Ok(())
    }

    async fn take_image(&mut self, digest: Digest) -> Result<(), Failure> {
        if self.images.contains_key(&digest) || self.missing.contains(&digest) {
            return Ok(());
        }
        let Some(raw) = self.find(digest).await? else { return Ok(()) };
        if let Manifest::Image(image) = raw.parse()? {
            self.take_config(&image.config).await?;
        }
        let tags = self.tags.remove(&digest).unwrap_or_default();
        if tags.is_empty() {
            self.sink.put_manifest(&raw, &Placement::TopLevel).await?;
        }
        for tag in tags {
            self.sink.put_manifest(&raw, &Placement::Tagged(tag)).await?;
        }
        self.images.insert(digest, raw.descriptor());
        Ok(())
    }

    /// The config tells platform, labels and history.
    async fn take_config(&mut self, config: &Descriptor) -> Result<(), Failure> {
        if let Some(bytes) = self.read(config, CONFIG_BYTES_MAX).await? {
            put_bytes(self.sink, config, bytes).await?;
        }
        Ok(())
    }

    /// A blob, unless it is gone, damaged or larger than anybody reads.
    async fn read(&mut self, blob: &Descriptor, bytes_max: u64) -> Result<Option<Bytes>, TransportError> {
        match read_blob(self.repository, blob, bytes_max).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt | ErrorKind::Limit) =>
            {
                self.missing.insert(blob.digest);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn find(&mut self, digest: Digest) -> Result<Option<RawManifest>, TransportError> {
        match self.repository.manifest(&digest).await {
            Ok(raw) => Ok(Some(raw)),
            Err(error) if error.is_not_found() => {
                self.missing.insert(digest);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The images that are there, and what is not.
    pub(super) fn finish(self) -> (BTreeMap<Digest, Descriptor>, Vec<Digest>) {
        (self.images, self.missing.into_iter().collect())
    }
}

/// The tag under which cosign 2 kept signatures or attestations.
fn older_tag(subject: &Digest, image: &ImageManifest) -> Result<Tag, Failure> {
    let is_signature = |layer: &Descriptor| layer.media_type.as_str().contains("simplesigning");
    let suffix = if image.layers.iter().any(is_signature) { "sig" } else { "att" };
    let tag = format!("{}.{suffix}", Tag::referrers_fallback(subject));
    tag.parse().map_err(|error| Failure::not_evaluated(format!("`{tag}` is no tag")).because(&error))
}
