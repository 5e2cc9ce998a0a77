use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use plimsoll_oci::{Descriptor, Digest, Manifest, MediaType, Reference, Tag};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::sync::Mutex;

use crate::file_stream::{blocking, write_stream};
use crate::layout::blob_path;
use crate::replace_file::{commit, partial_beside};
use crate::{
    BlobContent, BlobVerifier, Keeps, Placement, PortFuture, Presence, RawManifest, Sink, TransportError,
};

/// The mode of the archive, before the umask.
const FILE_MODE: u32 = 0o666;

/// Size of a tar's block.
const BLOCK_BYTES: usize = 512;

/// A tar ends with two empty blocks.
const END_BYTES: usize = 2 * BLOCK_BYTES;

/// A docker archive to write one image to, in both of Docker's forms at once.
///
/// The file gets its name in [`Sink::finish`]; before that there is only a partial file beside it.
pub struct DockerArchiveSink {
    file: PathBuf,
    name: Option<Reference>,
    state: Mutex<State>,
}

struct State {
    partial: Option<NamedTempFile>,
    /// Where the next member goes.
    end: u64,
    blobs: Vec<Digest>,
    manifest: Option<RawManifest>,
}

impl DockerArchiveSink {
    /// Starts an archive that will stand at `file`; `name` is what `docker load` calls the image.
    pub async fn create(file: &Path, name: Option<Reference>) -> Result<Self, TransportError> {
        let path = file.to_owned();
        let partial = blocking(move || partial_beside(&path, FILE_MODE)).await?;
        let state = State { partial: Some(partial), end: 0, blobs: Vec::new(), manifest: None };
        Ok(Self { file: file.to_owned(), name, state: Mutex::new(state) })
    }

    /// Appends the blob as a member. A stream that breaks leaves nothing behind: the next member overwrites it.
    async fn append_blob(&self, blob: &Descriptor, content: &dyn BlobContent) -> Result<(), TransportError> {
        let stream = content.open(BlobVerifier::start(blob)).await?;
        let mut state = self.state.lock().await;
        if state.blobs.contains(&blob.digest) {
            return Ok(());
        }
        let header = member_header(&blob_path(&blob.digest), blob.size, &self.file)?;
        let start = state.end;
        let file = self.at(&state, start, header.clone()).await?;
        let file = write_stream(stream, file, &self.file).await?;
        let padding = vec![0; padding_after(blob.size)];
        self.write_at(file, start + header.len() as u64 + blob.size, padding).await?;
        state.end = start + header.len() as u64 + blob.size.next_multiple_of(BLOCK_BYTES as u64);
        state.blobs.push(blob.digest);
        Ok(())
    }

    /// Appends a small member.
    async fn append_document(
        &self,
        state: &mut State,
        path: &str,
        bytes: &[u8],
    ) -> Result<(), TransportError> {
        let mut member = member_header(path, bytes.len() as u64, &self.file)?;
        member.extend_from_slice(bytes);
        member.resize(member.len().next_multiple_of(BLOCK_BYTES), 0);
        let end = state.end + member.len() as u64;
        self.at(state, state.end, member).await?;
        state.end = end;
        Ok(())
    }

    async fn at(&self, state: &State, position: u64, bytes: Vec<u8>) -> Result<File, TransportError> {
        let partial = state.partial.as_ref().ok_or_else(|| self.already_finished())?;
        let file = partial.as_file().try_clone().map_err(TransportError::io("write", &self.file))?;
        self.write_at(file, position, bytes).await
    }

    async fn write_at(&self, mut file: File, position: u64, bytes: Vec<u8>) -> Result<File, TransportError> {
        let path = self.file.clone();
        blocking(move || {
            let written = file.seek(SeekFrom::Start(position)).and_then(|_| file.write_all(&bytes));
            written.map_err(TransportError::io("write", &path))?;
            Ok(file)
        })
        .await
    }

    async fn keep_manifest(&self, manifest: &RawManifest) -> Result<(), TransportError> {
        let mut state = self.state.lock().await;
        let is_image = matches!(manifest.parse()?, Manifest::Image(_));
        let is_another = state.manifest.as_ref().is_some_and(|kept| kept.digest != manifest.digest);
        if !is_image || is_another {
            return Err(TransportError::Unsupported {
                what: format!("{} can hold one image of one platform only", self.place()),
                help: "choose one with --platform, or copy to oci:DIR".to_owned(),
            });
        }
        state.manifest = Some(manifest.clone());
        Ok(())
    }

    async fn close(&self) -> Result<(), TransportError> {
        let mut state = self.state.lock().await;
        let Some(manifest) = state.manifest.clone() else {
            return Err(TransportError::not_found("image to write", self.place()));
        };
        let documents = [
            (blob_path(&manifest.digest), manifest.bytes.to_vec()),
            ("manifest.json".to_owned(), self.saved_images(&manifest)?.to_string().into_bytes()),
            ("index.json".to_owned(), self.index(&manifest).to_string().into_bytes()),
            ("oci-layout".to_owned(), json!({ "imageLayoutVersion": "1.0.0" }).to_string().into_bytes()),
        ];
        for (path, bytes) in documents {
            self.append_document(&mut state, &path, &bytes).await?;
        }
        let end = state.end;
        self.at(&state, end, vec![0; END_BYTES]).await?;
        let partial = state.partial.take().ok_or_else(|| self.already_finished())?;
        let path = self.file.clone();
        blocking(move || {
            let length = end + END_BYTES as u64;
            partial.as_file().set_len(length).map_err(TransportError::io("write", &path))?;
            commit(partial, &path)
        })
        .await
    }

    /// Docker's `manifest.json`.
    fn saved_images(&self, manifest: &RawManifest) -> Result<Value, TransportError> {
        let Manifest::Image(image) = manifest.parse()? else { return Ok(json!([])) };
        let layers: Vec<_> = image.layers.iter().map(|layer| blob_path(&layer.digest)).collect();
        let names: Vec<_> = self.full_name().into_iter().collect();
        let config = blob_path(&image.config.digest);
        Ok(json!([{ "Config": config, "RepoTags": names, "Layers": layers }]))
    }

    /// The layout's `index.json`.
    fn index(&self, manifest: &RawManifest) -> Value {
        let mut entry = manifest.descriptor();
        if let (Some(name), Some(full_name)) = (&self.name, self.full_name()) {
            entry.annotations.insert("io.containerd.image.name".to_owned(), full_name);
            entry
                .annotations
                .insert("org.opencontainers.image.ref.name".to_owned(), name.target().to_string());
        }
        json!({ "schemaVersion": 2, "mediaType": MediaType::IMAGE_INDEX, "manifests": [entry] })
    }

    fn full_name(&self) -> Option<String> {
        let name = self.name.as_ref()?;
        Some(format!("{}/{}:{}", name.registry, name.repository, name.target()))
    }

    fn already_finished(&self) -> TransportError {
        TransportError::damaged(self.place(), "the archive is finished already")
    }
}

/// The header of a member, with what a long path needs before it.
fn member_header(path: &str, size: u64, archive: &Path) -> Result<Vec<u8>, TransportError> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, path, std::io::empty()).map_err(TransportError::io("write", archive))?;
    Ok(std::mem::take(builder.get_mut()))
}

fn padding_after(size: u64) -> usize {
    usize::try_from(size.next_multiple_of(BLOCK_BYTES as u64) - size).unwrap_or_default()
}

impl Sink for DockerArchiveSink {
    fn place(&self) -> String {
        format!("docker-archive:{}", self.file.display())
    }

    fn keeps(&self) -> Keeps {
        Keeps::OneImage
    }

    fn obtain_blob<'a>(&'a self, blob: &'a Descriptor) -> PortFuture<'a, Presence> {
        Box::pin(async move {
            let is_there = self.state.lock().await.blobs.contains(&blob.digest);
            Ok(if is_there { Presence::Present } else { Presence::Absent })
        })
    }

    fn put_blob<'a>(&'a self, blob: &'a Descriptor, content: &'a dyn BlobContent) -> PortFuture<'a, ()> {
        Box::pin(self.append_blob(blob, content))
    }

    fn has_manifest<'a>(&'a self, _digest: &'a Digest) -> PortFuture<'a, bool> {
        Box::pin(async { Ok(false) })
    }

    fn put_manifest<'a>(
        &'a self,
        manifest: &'a RawManifest,
        _placement: &'a Placement,
    ) -> PortFuture<'a, ()> {
        Box::pin(self.keep_manifest(manifest))
    }

    fn tagged<'a>(&'a self, _tag: &'a Tag) -> PortFuture<'a, Option<RawManifest>> {
        Box::pin(async { Ok(None) })
    }

    fn finish(&self) -> PortFuture<'_, ()> {
        Box::pin(self.close())
    }
}
