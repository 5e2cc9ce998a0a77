use std::collections::HashMap;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use plimsoll_oci::{Algorithm, Descriptor, DiffId, Digest, Hasher, ImageConfig, MediaType, Reference, Tag};
use serde::Deserialize;
use serde_json::json;

use super::members::Members;
use crate::file_stream::Region;
use crate::layout::{LayoutFiles as _, same_reference};
use crate::{
    BlobVerifier, PortFuture, RawManifest, Source, Target, TopLevel, TransportError, VerifiedStream,
};

/// Largest `manifest.json` or image config that is read.
const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How much of a layer is hashed at once.
const PIECE_BYTES: usize = 1024 * 1024;

/// The form with `manifest.json`: it has no manifests of its own, so each image gets one here.
pub(crate) struct LegacySource {
    place: String,
    images: Vec<Image>,
    blobs: HashMap<Digest, Region>,
}

struct Image {
    names: Vec<String>,
    manifest: RawManifest,
}

/// One entry of `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SavedImage {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

impl LegacySource {
    /// Reads `manifest.json` and the configs it names. It blocks.
    pub(crate) fn read(members: &Members) -> Result<Self, TransportError> {
        let place = members.place();
        let document = members.open("manifest.json")?.read_all(DOCUMENT_BYTES_MAX)?;
        let saved: Vec<SavedImage> = serde_json::from_slice(&document)
            .map_err(|error| TransportError::damaged(format!("{place}/manifest.json"), error.to_string()))?;
        let mut source = Self { place, images: Vec::new(), blobs: HashMap::new() };
        for image in saved {
            source.add(image, members)?;
        }
        Ok(source)
    }

    fn add(&mut self, saved: SavedImage, members: &Members) -> Result<(), TransportError> {
        let region = members.open(&saved.config)?;
        let config_bytes = region.read_all(DOCUMENT_BYTES_MAX)?;
        let config = ImageConfig::parse(&config_bytes)
            .map_err(|source| TransportError::Config { place: self.place.clone(), source })?;
        let config_descriptor = Descriptor::of(MediaType::IMAGE_CONFIG, &config_bytes);
        self.blobs.insert(config_descriptor.digest, region);
        let layer_paths = saved.layers.unwrap_or_default();
        if layer_paths.len() != config.rootfs.diff_ids.len() {
            let problem = "its manifest and its config name different numbers of layers";
            return Err(TransportError::damaged(&self.place, problem));
        }
        let mut layers = Vec::with_capacity(layer_paths.len());
        for (path, diff_id) in layer_paths.iter().zip(&config.rootfs.diff_ids) {
            let region = members.open(path)?;
            let layer = describe_layer(&region, *diff_id)?;
            self.blobs.insert(layer.digest, region);
            layers.push(layer);
        }
        let manifest = make_manifest(&config_descriptor, &layers);
        self.images.push(Image { names: saved.repo_tags.unwrap_or_default(), manifest });
        Ok(())
    }

    fn find(&self, target: &Target) -> Result<Descriptor, TransportError> {
        let mut matching: Vec<&Image> = self.images.iter().filter(|image| image.is(target)).collect();
        matching.dedup_by_key(|image| image.manifest.digest);
        match matching.as_slice() {
            [only] => Ok(only.manifest.descriptor()),
            [] => Err(TransportError::not_found(target.to_string(), &self.place)),
            several => {
                let names =
                    several.iter().flat_map(|image| image.names.iter().map(|name| format!("`{name}`")));
                let names: Vec<_> = names.collect();
                Err(TransportError::Ambiguous { place: self.place.clone(), names: names.join(", ") })
            }
        }
    }
}

impl Image {
    fn is(&self, target: &Target) -> bool {
        match target {
            Target::Sole => true,
            Target::Digest(digest) => self.manifest.digest == *digest,
            Target::Tag(tag) => self.tags().any(|own| own == *tag),
            Target::Reference(reference) => self.names.iter().any(|name| same_reference(name, reference)),
        }
    }

    fn tags(&self) -> impl Iterator<Item = Tag> {
        self.names.iter().filter_map(|name| name.parse::<Reference>().ok()?.tag)
    }
}

/// A plain tar is its own proof: its digest is the config's `DiffId`. A compressed one must be hashed as it stands.
fn describe_layer(region: &Region, diff_id: DiffId) -> Result<Descriptor, TransportError> {
    if !region.read_at(0, 2)?.starts_with(&[0x1f, 0x8b]) {
        return Ok(Descriptor::new(MediaType::LAYER, diff_id.0, region.length));
    }
    let (stored, unpacked) = hash_gzip(region, diff_id.0.algorithm())?;
    if unpacked != diff_id.0 {
        return Err(TransportError::DigestMismatch { expected: diff_id.0, actual: Box::new(unpacked) });
    }
    Ok(Descriptor::new(MediaType::LAYER_GZIP, stored, region.length))
}

/// The digests of the region as it stands and of what it unpacks to.
fn hash_gzip(region: &Region, algorithm: Algorithm) -> Result<(Digest, Digest), TransportError> {
    let mut compressed = HashingReader { region, position: 0, hasher: Hasher::new(Algorithm::Sha256) };
    let mut unpacked = Hasher::new(algorithm);
    let mut decoder = MultiGzDecoder::new(&mut compressed);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = decoder.read(&mut piece).map_err(TransportError::io("unpack", &region.path))?;
        if read == 0 {
            break;
        }
        unpacked.update(&piece[..read]);
    }
    std::io::copy(&mut compressed, &mut std::io::sink()).map_err(TransportError::io("read", &region.path))?;
    Ok((compressed.hasher.finish(), unpacked.finish()))
}

struct HashingReader<'a> {
    region: &'a Region,
    position: u64,
    hasher: Hasher,
}

impl std::io::Read for HashingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.region.length - self.position).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = self.region.file.read_at(&mut buffer[..wanted], self.region.offset + self.position)?;
        self.hasher.update(&buffer[..read]);
        self.position += read as u64;
        Ok(read)
    }
}

/// The manifest of an image that came without one. Equal images get equal bytes.
pub(crate) fn make_manifest(config: &Descriptor, layers: &[Descriptor]) -> RawManifest {
    let document = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::IMAGE_MANIFEST,
        "config": config,
        "layers": layers,
    });
    let bytes = Bytes::from(document.to_string());
    let digest = Digest::sha256_of(&bytes);
    RawManifest { bytes, media_type: MediaType::IMAGE_MANIFEST, digest }
}

impl Source for LegacySource {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn resolve<'a>(&'a self, target: &'a Target) -> PortFuture<'a, Descriptor> {
        Box::pin(async move { self.find(target) })
    }

    fn top_level(&self) -> PortFuture<'_, Vec<TopLevel>> {
        let describe = |image: &Image| TopLevel {
            name: image.names.first().cloned(),
            descriptor: Some(image.manifest.descriptor()),
        };
        Box::pin(async move { Ok(self.images.iter().map(describe).collect()) })
    }

    fn manifest<'a>(&'a self, digest: &'a Digest) -> PortFuture<'a, RawManifest> {
        Box::pin(async move {
            let found = self.images.iter().find(|image| image.manifest.digest == *digest);
            let not_there = || TransportError::not_found(format!("manifest `{digest}`"), &self.place);
            found.map(|image| image.manifest.clone()).ok_or_else(not_there)
        })
    }

    fn blob(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream> {
        Box::pin(async move {
            let digest = from.digest();
            let not_there = || TransportError::not_found(format!("blob `{digest}`"), &self.place);
            Ok(self.blobs.get(&digest).ok_or_else(not_there)?.clone().stream(from))
        })
    }

    fn referrers<'a>(&'a self, _subject: &'a Digest) -> PortFuture<'a, Vec<Descriptor>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn tags(&self) -> PortFuture<'_, Vec<Tag>> {
        Box::pin(async move {
            let mut tags: Vec<Tag> = self.images.iter().flat_map(Image::tags).collect();
            tags.sort();
            tags.dedup();
            Ok(tags)
        })
    }
}
