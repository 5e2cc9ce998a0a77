use std::path::Path;
use std::sync::Arc;

use plimsoll_oci::{Descriptor, Digest, Tag};
use tokio::sync::OnceCell;

use super::files::{Directory, LayoutFiles, blob_path, read_manifest};
use super::index::{display_name, entry_matches, read_entries, tag_of};
use super::referrers::{ReferrersBySubject, scan_referrers};
use crate::file_stream::blocking;
use crate::{
    BlobVerifier, PortFuture, RawManifest, Source, Target, TopLevel, TransportError, VerifiedStream,
};

/// An OCI image layout to read from.
///
/// `index.json` is read once, when the layout is opened.
pub struct LayoutSource {
    files: Arc<dyn LayoutFiles>,
    entries: Vec<Descriptor>,
    referrers: OnceCell<ReferrersBySubject>,
}

impl LayoutSource {
    /// Opens the layout in `directory`.
    pub async fn open(directory: &Path) -> Result<Self, TransportError> {
        let files: Arc<dyn LayoutFiles> = Arc::new(Directory(directory.to_owned()));
        blocking(move || Self::over(files)).await
    }

    /// Opens the layout that `files` hold. It blocks.
    pub(crate) fn over(files: Arc<dyn LayoutFiles>) -> Result<Self, TransportError> {
        let entries = read_entries(files.as_ref())?;
        Ok(Self { files, entries, referrers: OnceCell::new() })
    }

    async fn with_files<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn LayoutFiles) -> Result<T, TransportError> + Send + 'static,
    ) -> Result<T, TransportError> {
        let files = Arc::clone(&self.files);
        blocking(move || work(files.as_ref())).await
    }

    async fn read(&self, digest: Digest) -> Result<RawManifest, TransportError> {
        self.with_files(move |files| read_manifest(files, &digest)).await
    }

    async fn referrers_by_subject(&self) -> Result<&ReferrersBySubject, TransportError> {
        let scan = || async {
            let entries = self.entries.clone();
            self.with_files(move |files| scan_referrers(files, &entries)).await
        };
        self.referrers.get_or_try_init(scan).await
    }

    async fn resolve_target(&self, target: &Target) -> Result<Descriptor, TransportError> {
        let mut matching: Vec<&Descriptor> =
            self.entries.iter().filter(|entry| entry_matches(entry, target)).collect();
        if *target == Target::Sole {
            matching = self.without_evidence(matching).await?;
        }
        matching.dedup_by_key(|entry| entry.digest);
        match (matching.as_slice(), target) {
            ([only], _) => self.described(only).await,
            ([], Target::Digest(digest)) => Ok(self.read(*digest).await?.descriptor()),
            ([], _) => Err(TransportError::not_found(target.to_string(), self.files.place())),
            (several, _) => Err(self.ambiguous(several)),
        }
    }

    /// The entry as a bare descriptor: its annotations belong to this layout, and its platform is kept.
    async fn described(&self, entry: &Descriptor) -> Result<Descriptor, TransportError> {
        let manifest = self.read(entry.digest).await?;
        Ok(Descriptor { platform: entry.platform.clone(), ..manifest.descriptor() })
    }

    /// Signatures and other referrers stand in `index.json` too, but are not what a user means by "the image".
    async fn without_evidence<'a>(
        &self,
        entries: Vec<&'a Descriptor>,
    ) -> Result<Vec<&'a Descriptor>, TransportError> {
        if entries.len() < 2 {
            return Ok(entries);
        }
        let by_subject = self.referrers_by_subject().await?;
        let is_referrer = |entry: &Descriptor| {
            by_subject.values().flatten().any(|referrer| referrer.digest == entry.digest)
        };
        let is_evidence = |entry: &Descriptor| tag_of(entry).is_some_and(|tag| tag.is_evidence());
        Ok(entries.into_iter().filter(|entry| !is_referrer(entry) && !is_evidence(entry)).collect())
    }

    fn ambiguous(&self, entries: &[&Descriptor]) -> TransportError {
        let name = |entry: &&Descriptor| match display_name(entry) {
            Some(name) => format!("`{name}`"),
            None => format!("`@{}`", entry.digest),
        };
        let names: Vec<_> = entries.iter().map(name).collect();
        TransportError::Ambiguous { place: self.files.place(), names: names.join(", ") }
    }
}

impl Source for LayoutSource {
    fn place(&self) -> String {
        self.files.place()
    }

    fn resolve<'a>(&'a self, target: &'a Target) -> PortFuture<'a, Descriptor> {
        Box::pin(self.resolve_target(target))
    }

    fn top_level(&self) -> PortFuture<'_, Vec<TopLevel>> {
        let describe = |entry: &Descriptor| TopLevel {
            name: display_name(entry).map(str::to_owned),
            descriptor: Some(entry.clone()),
        };
        Box::pin(async move { Ok(self.entries.iter().map(describe).collect()) })
    }

    fn manifest<'a>(&'a self, digest: &'a Digest) -> PortFuture<'a, RawManifest> {
        Box::pin(self.read(*digest))
    }

    fn blob(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream> {
        Box::pin(async move {
            let path = blob_path(&from.digest());
            let region = self.with_files(move |files| files.open(&path)).await?;
            Ok(region.stream(from))
        })
    }

    fn referrers<'a>(&'a self, subject: &'a Digest) -> PortFuture<'a, Vec<Descriptor>> {
        Box::pin(
            async move { Ok(self.referrers_by_subject().await?.get(subject).cloned().unwrap_or_default()) },
        )
    }

    fn tags(&self) -> PortFuture<'_, Vec<Tag>> {
        Box::pin(async move {
            let mut tags: Vec<Tag> = self.entries.iter().filter_map(tag_of).collect();
            tags.sort();
            tags.dedup();
            Ok(tags)
        })
    }
}
