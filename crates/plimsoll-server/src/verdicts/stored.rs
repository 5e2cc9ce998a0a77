//! A repository of this server's own storage as a place to read from, without HTTP between.

use std::io;

use futures_util::TryStreamExt as _;
use plimsoll_oci::{Descriptor, Digest, RepositoryName, Tag, TagOrDigest};
use plimsoll_registry::Registry;
use plimsoll_registry::access::{CanPull, Denied, Identity};
use plimsoll_transport::{
    BlobVerifier, PortFuture, RawManifest, Source, Target, TopLevel, TransportError, VerifiedStream,
};

/// Tags that are looked at together.
const TAGS_PAGE: usize = 10_000;

/// A repository that is read from.
pub(crate) struct StoredRepository {
    registry: Registry,
    can_pull: CanPull,
}

impl StoredRepository {
    pub(crate) fn new(
        registry: Registry,
        identity: &Identity,
        repository: &RepositoryName,
    ) -> Result<Self, Box<Denied>> {
        Ok(Self { registry, can_pull: identity.can_pull(repository)? })
    }

    async fn find(&self, reference: TagOrDigest) -> Result<RawManifest, TransportError> {
        let found = self.registry.pull_manifest(&self.can_pull, &reference).await;
        let found = found.map_err(|error| self.failed("look up a manifest in", error))?;
        let stored = found.ok_or_else(|| self.missing(format!("manifest `{reference}`")))?;
        Ok(RawManifest { bytes: stored.bytes, media_type: stored.media_type, digest: stored.digest })
    }

    async fn open(&self, from: BlobVerifier) -> Result<VerifiedStream, TransportError> {
        let (digest, start) = (from.digest(), from.offset());
        let found = self.registry.find_blob(&self.can_pull, None, digest).await;
        let found = found.map_err(|error| self.failed("look up a blob in", error))?;
        let blob = found.ok_or_else(|| self.missing(format!("blob `{digest}`")))?;
        let bytes = self.registry.read_blob(&blob, start..blob.size).await;
        let bytes = bytes.map_err(|error| self.failed("read a blob of", error))?;
        let bytes = bytes.ok_or_else(|| self.missing(format!("object of the blob `{digest}`")))?;
        let place = self.place();
        let bytes = bytes.map_err(move |error| failed_in(&place, "read a blob of", error));
        Ok(VerifiedStream::new(Box::pin(bytes), from))
    }

    async fn list_referrers(&self, subject: Digest) -> Result<Vec<Descriptor>, TransportError> {
        let (mut all, mut last) = (Vec::new(), None);
        loop {
            let page = self.registry.list_referrers(&self.can_pull, subject, None, last).await;
            let page = page.map_err(|error| self.failed("list referrers in", error))?;
            all.extend(page.descriptors);
            match page.next {
                Some(next) => last = Some(next),
                None => return Ok(all),
            }
        }
    }

    async fn list_tags(&self) -> Result<Vec<Tag>, TransportError> {
        let (mut all, mut last) = (Vec::new(), None);
        loop {
            let page = self.registry.list_tags(&self.can_pull, last, TAGS_PAGE).await;
            let (tags, has_more) =
                page.map_err(|error| self.failed("list the tags of", error))?.unwrap_or_default();
            all.extend(tags);
            if !has_more {
                return Ok(all);
            }
            last = all.last().map(ToString::to_string);
        }
    }

    fn missing(&self, what: String) -> TransportError {
        TransportError::NotFound { what, place: self.place() }
    }

    fn failed(
        &self,
        operation: &'static str,
        error: impl std::error::Error + Send + Sync + 'static,
    ) -> TransportError {
        failed_in(&self.place(), operation, error)
    }
}

fn failed_in(
    place: &str,
    operation: &'static str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> TransportError {
    TransportError::Io { operation, path: place.into(), source: io::Error::other(error) }
}

impl Source for StoredRepository {
    fn place(&self) -> String {
        format!("repository `{}` of this server", self.can_pull.repository())
    }

    fn resolve<'a>(&'a self, target: &'a Target) -> PortFuture<'a, Descriptor> {
        Box::pin(async move {
            let reference = match target {
                Target::Tag(tag) => TagOrDigest::Tag(tag.clone()),
                Target::Digest(digest) => TagOrDigest::Digest(*digest),
                Target::Reference(reference) => reference.target(),
                Target::Sole => return Err(self.missing("sole image".to_owned())),
            };
            Ok(self.find(reference).await?.descriptor())
        })
    }

    fn top_level(&self) -> PortFuture<'_, Vec<TopLevel>> {
        Box::pin(async move {
            let tags = self.list_tags().await?;
            Ok(tags.iter().map(|tag| TopLevel { name: Some(tag.to_string()), descriptor: None }).collect())
        })
    }

    fn manifest<'a>(&'a self, digest: &'a Digest) -> PortFuture<'a, RawManifest> {
        Box::pin(self.find(TagOrDigest::Digest(*digest)))
    }

    fn blob(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream> {
        Box::pin(self.open(from))
    }

    fn referrers<'a>(&'a self, subject: &'a Digest) -> PortFuture<'a, Vec<Descriptor>> {
        Box::pin(self.list_referrers(*subject))
    }

    fn tags(&self) -> PortFuture<'_, Vec<Tag>> {
        Box::pin(self.list_tags())
    }
}
