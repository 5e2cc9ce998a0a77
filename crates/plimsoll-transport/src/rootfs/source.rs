use std::path::Path;

use bytes::Bytes;
use plimsoll_oci::{Descriptor, Digest, MediaType, Platform, Tag};
use serde_json::json;

use super::layer::{Layer, pack_layer};
use crate::docker_archive::make_manifest;
use crate::file_stream::{Region, blocking};
use crate::{
    BlobVerifier, PortFuture, RawManifest, Source, Target, TopLevel, TransportError, VerifiedStream,
};

/// Opens a directory tree as an image of one layer for `platform`.
///
/// The layer is packed first, to a nameless file in `scratch_directory`. The image carries no time of its own, so equal
/// trees give the same digest.
pub async fn open_root_fs(
    directory: &Path,
    platform: &Platform,
    scratch_directory: &Path,
) -> Result<Box<dyn Source>, TransportError> {
    let (root, scratch) = (directory.to_owned(), scratch_directory.to_owned());
    let layer = blocking(move || pack_layer(&root, &scratch)).await?;
    Ok(Box::new(RootFsSource::new(directory, platform, layer)?))
}

struct RootFsSource {
    place: String,
    manifest: RawManifest,
    config: Bytes,
    layer: Region,
    layer_digest: Digest,
}

impl RootFsSource {
    fn new(directory: &Path, platform: &Platform, layer: Layer) -> Result<Self, TransportError> {
        let mut config = serde_json::to_value(platform).expect("platforms serialise");
        config["rootfs"] = json!({ "type": "layers", "diff_ids": [layer.diff_id] });
        config["config"] = json!({});
        config["history"] = json!([{ "created_by": "plimsoll rootfs" }]);
        let config = Bytes::from(config.to_string());
        let config_descriptor = Descriptor::of(MediaType::IMAGE_CONFIG, &config);
        Ok(Self {
            place: format!("rootfs:{}", directory.display()),
            manifest: make_manifest(&config_descriptor, std::slice::from_ref(&layer.descriptor)),
            config,
            layer_digest: layer.descriptor.digest,
            layer: Region::whole(layer.file, directory)?,
        })
    }
}

impl Source for RootFsSource {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn resolve<'a>(&'a self, target: &'a Target) -> PortFuture<'a, Descriptor> {
        Box::pin(async move {
            let is_this = match target {
                Target::Sole => true,
                Target::Digest(digest) => *digest == self.manifest.digest,
                Target::Tag(_) | Target::Reference(_) => false,
            };
            let not_there = || TransportError::not_found(target.to_string(), &self.place);
            is_this.then(|| self.manifest.descriptor()).ok_or_else(not_there)
        })
    }

    fn top_level(&self) -> PortFuture<'_, Vec<TopLevel>> {
        let only = TopLevel { name: None, descriptor: Some(self.manifest.descriptor()) };
        Box::pin(async move { Ok(vec![only]) })
    }

    fn manifest<'a>(&'a self, digest: &'a Digest) -> PortFuture<'a, RawManifest> {
        Box::pin(async move {
            self.resolve(&Target::Digest(*digest)).await?;
            Ok(self.manifest.clone())
        })
    }

    fn blob(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream> {
        Box::pin(async move {
            if from.digest() == self.layer_digest {
                return Ok(self.layer.clone().stream(from));
            }
            if from.digest() != Digest::sha256_of(&self.config) {
                return Err(TransportError::not_found(format!("blob `{}`", from.digest()), &self.place));
            }
            let start = usize::try_from(from.offset()).unwrap_or(usize::MAX).min(self.config.len());
            let rest = self.config.slice(start..);
            Ok(VerifiedStream::new(Box::pin(futures_util::stream::iter([Ok(rest)])), from))
        })
    }

    fn referrers<'a>(&'a self, _subject: &'a Digest) -> PortFuture<'a, Vec<Descriptor>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn tags(&self) -> PortFuture<'_, Vec<Tag>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
