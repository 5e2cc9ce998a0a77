use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use plimsoll_image::{Decoder, Limits};
use plimsoll_oci::{Algorithm, Descriptor, DiffId, Digest, Hasher, ImageConfig, Manifest, MediaType, Tag};
use serde_json::Value;

use crate::file_stream::{Region, blocking, write_stream};
use crate::{
    BlobVerifier, OpenSource, PortFuture, RawManifest, Source, Target, TopLevel, TransportError,
    VerifiedStream, read_blob,
};

/// The level that builders use unasked.
const ZSTD_LEVEL: i32 = 3;

/// Largest config that is read.
const CONFIG_BYTES_MAX: u64 = 16 << 20;

/// A source whose image is another's with its layers compressed by Zstandard. What the layers unpack to stays the same, so
/// the config does too; the manifest has a new digest, which nothing refers to yet.
pub struct Recompressed {
    source: Box<dyn Source>,
    manifest: RawManifest,
    layers: HashMap<Digest, Region>,
}

impl Recompressed {
    /// Compresses the layers of the one image that is opened. They rest in nameless files in `scratch_directory`.
    pub async fn of(opened: OpenSource, scratch_directory: &Path) -> Result<Self, TransportError> {
        let OpenSource { source, target } = opened;
        let descriptor = source.resolve(&target).await?;
        let raw = source.manifest(&descriptor.digest).await?;
        let Manifest::Image(manifest) = raw.parse()? else {
            return Err(TransportError::Unsupported {
                what: format!("{target} in {} is an index of several images", source.place()),
                help: "compress one of them: --platform linux/amd64".to_owned(),
            });
        };
        let config = config(source.as_ref(), &manifest.config).await?;
        let mut written = Vec::new();
        let mut layers = HashMap::new();
        for (number, layer) in manifest.layers.iter().enumerate() {
            if !is_to_compress(&layer.media_type) {
                written.push(layer.clone());
                continue;
            }
            let packed = compress(source.as_ref(), layer, scratch_directory).await?;
            check_unpacked(&packed, config.rootfs.diff_ids.get(number), layer)?;
            layers.insert(packed.descriptor.digest, packed.region);
            written.push(packed.descriptor);
        }
        let manifest = with_layers(&raw, &written);
        Ok(Self { source, manifest, layers })
    }

    /// The source with the compressed image as its image.
    pub fn open(self) -> OpenSource {
        let target = Target::Digest(self.manifest.digest);
        OpenSource { source: Box::new(self), target }
    }
}

/// Layers that are Zstandard already stay, and so do those that must not be passed on.
fn is_to_compress(media_type: &MediaType) -> bool {
    *media_type != MediaType::LAYER_ZSTD && !media_type.is_nondistributable()
}

async fn config(source: &dyn Source, descriptor: &Descriptor) -> Result<ImageConfig, TransportError> {
    let bytes = read_blob(source, descriptor, CONFIG_BYTES_MAX).await?;
    let place = || format!("image config {}", descriptor.digest);
    ImageConfig::parse(&bytes).map_err(|error| TransportError::damaged(place(), error.to_string()))
}

/// A layer that was compressed.
struct Packed {
    region: Region,
    descriptor: Descriptor,
    diff_id: DiffId,
}

async fn compress(
    source: &dyn Source,
    layer: &Descriptor,
    scratch_directory: &Path,
) -> Result<Packed, TransportError> {
    let scratch = scratch_directory.to_owned();
    let stored = scratch_file(&scratch)?;
    let stream = source.blob(BlobVerifier::start(layer)).await?;
    let stored = write_stream(stream, stored, &scratch).await?;
    let annotations = layer.annotations.clone();
    let mut packed = blocking(move || pack(stored, scratch)).await?;
    packed.descriptor.annotations = annotations;
    Ok(packed)
}

fn scratch_file(directory: &Path) -> Result<File, TransportError> {
    tempfile::tempfile_in(directory).map_err(TransportError::io("create a file in", directory))
}

/// Unpacks a layer and compresses it again, hashing both forms as they pass. It blocks.
fn pack(mut stored: File, scratch: PathBuf) -> Result<Packed, TransportError> {
    let error = || TransportError::io("compress a layer in", &scratch);
    stored.rewind().map_err(error())?;
    let decoder =
        Decoder::new(BufReader::new(stored), Algorithm::Sha256, &Limits::default()).map_err(error())?;
    let mut unpacked = Hashing { inner: decoder, hasher: Hasher::new(Algorithm::Sha256), bytes: 0 };
    let file = BufWriter::new(scratch_file(&scratch)?);
    let packed = Hashing { inner: file, hasher: Hasher::new(Algorithm::Sha256), bytes: 0 };
    let mut encoder = zstd::Encoder::new(packed, ZSTD_LEVEL).map_err(error())?;
    encoder.include_checksum(true).map_err(error())?;
    io::copy(&mut unpacked, &mut encoder).map_err(error())?;
    let packed = encoder.finish().map_err(error())?;
    let descriptor = Descriptor::new(MediaType::LAYER_ZSTD, packed.hasher.finish(), packed.bytes);
    let file = packed.inner.into_inner().map_err(|failed| error()(failed.into_error()))?;
    let region = Region { file: Arc::new(file), path: scratch, offset: 0, length: packed.bytes };
    Ok(Packed { region, descriptor, diff_id: DiffId(unpacked.hasher.finish()) })
}

/// What runtimes would refuse to unpack is not packed anew.
fn check_unpacked(packed: &Packed, said: Option<&DiffId>, layer: &Descriptor) -> Result<(), TransportError> {
    match said {
        Some(said) if said.0.algorithm() == Algorithm::Sha256 && *said != packed.diff_id => {
            let what = format!("it unpacks to {}, and the config says {said}", packed.diff_id);
            Err(TransportError::damaged(format!("layer {}", layer.digest), what))
        }
        _ => Ok(()),
    }
}

/// The manifest with other layers, as OCI's types name it: Docker's have none for Zstandard.
fn with_layers(whole: &RawManifest, layers: &[Descriptor]) -> RawManifest {
    let mut document: Value = serde_json::from_slice(&whole.bytes).expect("it was parsed before");
    document["mediaType"] = MediaType::IMAGE_MANIFEST.to_string().into();
    document["config"]["mediaType"] = MediaType::IMAGE_CONFIG.to_string().into();
    document["layers"] = layers.iter().map(written).collect();
    let bytes = Bytes::from(document.to_string());
    let digest = Digest::of(whole.digest.algorithm(), &bytes);
    RawManifest { digest, media_type: MediaType::IMAGE_MANIFEST, bytes }
}

/// A layer's descriptor, with OCI's type where Docker's stood.
fn written(layer: &Descriptor) -> Value {
    let mut layer = layer.clone();
    if layer.media_type == MediaType::DOCKER_LAYER_GZIP {
        layer.media_type = MediaType::LAYER_GZIP;
    }
    serde_json::to_value(layer).expect("a descriptor is JSON")
}

/// Hashes and counts what passes.
struct Hashing<I> {
    inner: I,
    hasher: Hasher,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.hasher.update(out.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Source for Recompressed {
    fn place(&self) -> String {
        self.source.place()
    }

    fn resolve<'a>(&'a self, target: &'a Target) -> PortFuture<'a, Descriptor> {
        if *target == Target::Digest(self.manifest.digest) {
            return Box::pin(async { Ok(self.manifest.descriptor()) });
        }
        self.source.resolve(target)
    }

    fn top_level(&self) -> PortFuture<'_, Vec<TopLevel>> {
        let descriptor = Some(self.manifest.descriptor());
        Box::pin(async { Ok(vec![TopLevel { name: None, descriptor }]) })
    }

    fn manifest<'a>(&'a self, digest: &'a Digest) -> PortFuture<'a, RawManifest> {
        if *digest == self.manifest.digest {
            return Box::pin(async { Ok(self.manifest.clone()) });
        }
        self.source.manifest(digest)
    }

    fn blob(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream> {
        match self.layers.get(&from.digest()).cloned() {
            Some(region) => Box::pin(async { Ok(region.stream(from)) }),
            None => self.source.blob(from),
        }
    }

    fn referrers<'a>(&'a self, subject: &'a Digest) -> PortFuture<'a, Vec<Descriptor>> {
        if *subject == self.manifest.digest {
            return Box::pin(async { Ok(Vec::new()) });
        }
        self.source.referrers(subject)
    }

    fn tags(&self) -> PortFuture<'_, Vec<Tag>> {
        self.source.tags()
    }
}
