use std::path::{Path, PathBuf};

use plimsoll_oci::{Descriptor, Digest, Tag};

use super::files::{Directory, LayoutFiles as _, blob_path, read_manifest};
use super::index::{add_entry, entry_matches, initialise, read_entries};
use crate::file_stream::{blocking, write_stream};
use crate::replace_file::{commit, partial_beside, replace_file};
use crate::{
    BlobContent, BlobVerifier, Keeps, Placement, PortFuture, Presence, RawManifest, Sink, Target,
    TransportError,
};

/// The mode of a blob's file, before the umask.
const BLOB_MODE: u32 = 0o666;

/// An OCI image layout to write to.
///
/// Every file appears whole or not at all, and is on the disk before it is pointed at.
pub struct LayoutSink {
    directory: PathBuf,
}

impl LayoutSink {
    /// Opens the layout in `directory`, and begins one if there is none.
    pub async fn open(directory: &Path) -> Result<Self, TransportError> {
        let directory = directory.to_owned();
        let made = directory.clone();
        blocking(move || initialise(&made)).await?;
        Ok(Self { directory })
    }

    fn blob_file(&self, digest: &Digest) -> PathBuf {
        self.directory.join(blob_path(digest))
    }

    async fn has_file(&self, digest: &Digest, size: Option<u64>) -> Result<bool, TransportError> {
        let path = self.blob_file(digest);
        blocking(move || match std::fs::metadata(&path) {
            Ok(metadata) => Ok(metadata.is_file() && size.is_none_or(|size| size == metadata.len())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(TransportError::io("look at", &path)(error)),
        })
        .await
    }

    async fn write_blob(&self, blob: &Descriptor, content: &dyn BlobContent) -> Result<(), TransportError> {
        let path = self.blob_file(&blob.digest);
        let stream = content.open(BlobVerifier::start(blob)).await?;
        let partial = blocking({
            let path = path.clone();
            move || partial_beside(&path, BLOB_MODE)
        })
        .await?;
        let file = partial.as_file().try_clone().map_err(TransportError::io("write", &path))?;
        write_stream(stream, file, &path).await?;
        blocking(move || commit(partial, &path)).await
    }

    async fn write_manifest(
        &self,
        manifest: &RawManifest,
        placement: &Placement,
    ) -> Result<(), TransportError> {
        let parsed = manifest.parse()?;
        let is_referrer = parsed.subject().is_some();
        let path = self.blob_file(&manifest.digest);
        let bytes = manifest.bytes.clone();
        let directory = self.directory.clone();
        let descriptor = Descriptor {
            artifact_type: is_referrer.then(|| parsed.artifact_type().map(str::to_owned)).flatten(),
            ..manifest.descriptor()
        };
        let placement = placement.clone();
        blocking(move || {
            replace_file(&path, &bytes, BLOB_MODE)?;
            match placement {
                Placement::Tagged(tag) => add_entry(&directory, &descriptor, Some(&tag)),
                Placement::TopLevel => add_entry(&directory, &descriptor, None),
                // Nothing lists a referrer but `index.json`: it would never be found again.
                Placement::Part if is_referrer => add_entry(&directory, &descriptor, None),
                Placement::Part => Ok(()),
            }
        })
        .await
    }

    async fn read_tagged(&self, tag: &Tag) -> Result<Option<RawManifest>, TransportError> {
        let files = Directory(self.directory.clone());
        let target = Target::Tag(tag.clone());
        blocking(move || {
            let entries = read_entries(&files)?;
            let Some(entry) = entries.iter().find(|entry| entry_matches(entry, &target)) else {
                return Ok(None);
            };
            match read_manifest(&files, &entry.digest) {
                Ok(raw) => Ok(Some(raw)),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }
}

impl Sink for LayoutSink {
    fn place(&self) -> String {
        Directory(self.directory.clone()).place()
    }

    fn keeps(&self) -> Keeps {
        Keeps::Everything
    }

    fn obtain_blob<'a>(&'a self, blob: &'a Descriptor) -> PortFuture<'a, Presence> {
        Box::pin(async move {
            let is_there = self.has_file(&blob.digest, Some(blob.size)).await?;
            Ok(if is_there { Presence::Present } else { Presence::Absent })
        })
    }

    fn put_blob<'a>(&'a self, blob: &'a Descriptor, content: &'a dyn BlobContent) -> PortFuture<'a, ()> {
        Box::pin(self.write_blob(blob, content))
    }

    fn has_manifest<'a>(&'a self, digest: &'a Digest) -> PortFuture<'a, bool> {
        Box::pin(self.has_file(digest, None))
    }

    fn put_manifest<'a>(&'a self, manifest: &'a RawManifest, placement: &'a Placement) -> PortFuture<'a, ()> {
        Box::pin(self.write_manifest(manifest, placement))
    }

    fn tagged<'a>(&'a self, tag: &'a Tag) -> PortFuture<'a, Option<RawManifest>> {
        Box::pin(self.read_tagged(tag))
    }

    fn finish(&self) -> PortFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
