use std::collections::HashMap;
use std::sync::Mutex as StdMutex;
use std::sync::PoisonError;

use plimsoll_oci::{Descriptor, Digest, RepositoryName, Tag, TagOrDigest};
use reqwest::Url;
use tokio::sync::Mutex;

use super::connection::Connection;
use super::fallback::Entered;
use crate::{
    BlobContent, BlobVerifier, Keeps, Placement, PortFuture, Presence, RawManifest, Sink, Source, Target,
    TopLevel, TransportError, VerifiedStream,
};

/// One repository of a registry: a source, and a sink if it was opened for pushing.
pub struct Repository {
    connection: Connection,
    name: RepositoryName,
    mount_from: Option<RepositoryName>,
    /// Upload sessions that a registry began when it could not mount.
    sessions: StdMutex<HashMap<Digest, Url>>,
    /// The manifest that was resolved last: it is asked for next.
    resolved: StdMutex<Option<RawManifest>>,
    /// What was entered in lists of referrers. The lock is held while one is written.
    entered: Mutex<Entered>,
}

impl Repository {
    pub(crate) fn new(
        connection: Connection,
        name: RepositoryName,
        mount_from: Option<RepositoryName>,
    ) -> Self {
        Self {
            connection,
            name,
            mount_from,
            sessions: StdMutex::default(),
            resolved: StdMutex::default(),
            entered: Mutex::default(),
        }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn mount_from(&self) -> Option<&RepositoryName> {
        self.mount_from.as_ref()
    }

    pub(crate) fn name(&self) -> &RepositoryName {
        &self.name
    }

    pub(crate) fn entered(&self) -> &Mutex<Entered> {
        &self.entered
    }

    /// Registry and repository, for messages.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.connection.key().registry, self.name)
    }

    /// The address of a path inside this repository.
    pub(crate) fn url(&self, path: &str) -> Result<Url, TransportError> {
        self.connection.url(&format!("/v2/{}/{path}", self.name))
    }

    pub(crate) fn keep_session(&self, digest: Digest, session: Url) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, session);
    }

    pub(crate) fn take_session(&self, digest: &Digest) -> Option<Url> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(digest)
    }

    async fn resolve_target(&self, target: &Target) -> Result<Descriptor, TransportError> {
        let wanted = match target {
            Target::Sole => TagOrDigest::Tag("latest".parse().expect("`latest` is a tag")),
            Target::Tag(tag) => TagOrDigest::Tag(tag.clone()),
            Target::Reference(reference) => reference.target(),
            Target::Digest(digest) => TagOrDigest::Digest(*digest),
        };
        let Some((manifest, _)) = self.find_manifest(&wanted).await? else {
            let what = match &wanted {
                TagOrDigest::Tag(tag) => format!("tag `{tag}`"),
                TagOrDigest::Digest(digest) => format!("manifest `{digest}`"),
            };
            return Err(TransportError::not_found(what, self.full_name()));
        };
        let descriptor = manifest.descriptor();
        *self.resolved.lock().unwrap_or_else(PoisonError::into_inner) = Some(manifest);
        Ok(descriptor)
    }

    async fn read_manifest(&self, digest: &Digest) -> Result<RawManifest, TransportError> {
        let resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match resolved {
            Some(manifest) if manifest.digest == *digest => Ok(manifest),
            _ => Ok(self.get_manifest(&TagOrDigest::Digest(*digest)).await?.0),
        }
    }
}

impl Source for Repository {
    fn place(&self) -> String {
        self.full_name()
    }

    fn resolve<'a>(&'a self, target: &'a Target) -> PortFuture<'a, Descriptor> {
        Box::pin(self.resolve_target(target))
    }

    fn top_level(&self) -> PortFuture<'_, Vec<TopLevel>> {
        Box::pin(async move {
            let tags = self.connection.tags(&self.name).await?;
            Ok(tags
                .into_iter()
                .map(|tag| TopLevel { name: Some(tag.to_string()), descriptor: None })
                .collect())
        })
    }

    fn manifest<'a>(&'a self, digest: &'a Digest) -> PortFuture<'a, RawManifest> {
        Box::pin(self.read_manifest(digest))
    }

    fn blob(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream> {
        Box::pin(self.pull_blob(from))
    }

    fn referrers<'a>(&'a self, subject: &'a Digest) -> PortFuture<'a, Vec<Descriptor>> {
        Box::pin(self.list_referrers(subject))
    }

    fn tags(&self) -> PortFuture<'_, Vec<Tag>> {
        Box::pin(self.connection.tags(&self.name))
    }
}

impl Sink for Repository {
    fn place(&self) -> String {
        self.full_name()
    }

    fn keeps(&self) -> Keeps {
        Keeps::Everything
    }

    fn obtain_blob<'a>(&'a self, blob: &'a Descriptor) -> PortFuture<'a, Presence> {
        Box::pin(self.find_or_mount_blob(blob))
    }

    fn put_blob<'a>(&'a self, blob: &'a Descriptor, content: &'a dyn BlobContent) -> PortFuture<'a, ()> {
        Box::pin(self.push_blob(blob, content))
    }

    fn has_manifest<'a>(&'a self, digest: &'a Digest) -> PortFuture<'a, bool> {
        Box::pin(self.manifest_exists(digest))
    }

    fn put_manifest<'a>(&'a self, manifest: &'a RawManifest, placement: &'a Placement) -> PortFuture<'a, ()> {
        Box::pin(async move {
            let target = match placement {
                Placement::Part | Placement::TopLevel => TagOrDigest::Digest(manifest.digest),
                Placement::Tagged(tag) => TagOrDigest::Tag(tag.clone()),
            };
            self.store_manifest(manifest, &target).await
        })
    }

    fn tagged<'a>(&'a self, tag: &'a Tag) -> PortFuture<'a, Option<RawManifest>> {
        Box::pin(async move {
            let found = self.find_manifest(&TagOrDigest::Tag(tag.clone())).await?;
            Ok(found.map(|(manifest, _)| manifest))
        })
    }

    fn finish(&self) -> PortFuture<'_, ()> {
        Box::pin(self.settle_fallbacks())
    }
}
