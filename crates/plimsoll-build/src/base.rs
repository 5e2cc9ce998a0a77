//! Images from elsewhere: fetched into the store, and opened there.

use std::path::Path;
use std::sync::Arc;

use plimsoll_image::{LayerAlgorithms, Limits, read_layer};
use plimsoll_oci::{Descriptor, Manifest, MediaType, Platform};
use plimsoll_transport::{
    CopyOptions, Evidence, ImageName, LayoutSink, LayoutSource, Places, Platforms, Silent, Source as _, copy,
};

use crate::BuildError;
use crate::config::Config;
use crate::layer::Layer;
use crate::stage::{StageImage, StageLayer};
use crate::store::Store;

/// Blobs that are fetched at once.
const PARALLEL_BLOBS: usize = 4;
/// Largest config of a base.
const CONFIG_BYTES_MAX: usize = 16 << 20;

/// Fetches an image into the layout in `store`, and tells its manifest.
pub(crate) async fn fetch(
    name: &ImageName,
    platform: &Platform,
    places: &Places,
    store: &Path,
) -> Result<Descriptor, BuildError> {
    let failed =
        |source| BuildError::Image { operation: "fetch", image: name.to_string(), source: Box::new(source) };
    let open = places.open_source(name).await.map_err(failed)?;
    let sink = LayoutSink::open(store).await.map_err(failed)?;
    let options = CopyOptions {
        target: open.target,
        tag: None,
        platforms: Platforms::One(platform.clone()),
        evidence: Evidence::None,
        parallel_blobs: PARALLEL_BLOBS,
        progress: Arc::new(Silent),
    };
    let report = copy(open.source.as_ref(), &sink, &options).await.map_err(failed)?;
    Ok(report.root)
}

/// Opens an image that is in the store.
pub(crate) async fn open(manifest: &Descriptor, store: &Store) -> Result<StageImage, BuildError> {
    let failed = |source| BuildError::Image {
        operation: "open",
        image: manifest.digest.to_string(),
        source: Box::new(source),
    };
    let source = LayoutSource::open(store.directory()).await.map_err(failed)?;
    let raw = source.manifest(&manifest.digest).await.map_err(failed)?;
    let Manifest::Image(image) = raw.parse().map_err(failed)? else {
        return Err(BuildError::wrong(format!("`{}` is an index, and not an image", manifest.digest)));
    };
    let config = Config::parse(&store.read_blob(&image.config, CONFIG_BYTES_MAX)?)?;
    let diff_ids = config.diff_ids();
    if diff_ids.len() != image.layers.len() {
        let what = format!(
            "`{}` has {} layers, and its config speaks of {}",
            manifest.digest,
            image.layers.len(),
            diff_ids.len()
        );
        return Err(BuildError::wrong(what));
    }
    let layers = image.layers.into_iter().zip(diff_ids);
    let layers = layers.map(|(descriptor, diff_id)| {
        let layer = Layer { descriptor: in_oci_words(descriptor), diff_id };
        StageLayer { layer, listing: None }
    });
    Ok(StageImage { config, layers: layers.collect() })
}

/// A layer is the same thing under either name; a manifest should not mix them.
fn in_oci_words(mut descriptor: Descriptor) -> Descriptor {
    if descriptor.media_type == MediaType::DOCKER_LAYER_GZIP {
        descriptor.media_type = MediaType::LAYER_GZIP;
    }
    Descriptor::new(descriptor.media_type, descriptor.digest, descriptor.size)
}

/// Reads what a layer holds, and checks that it is what the manifest and the config promise.
pub(crate) fn list(layer: &Layer, store: &Store) -> Result<plimsoll_image::LayerListing, BuildError> {
    let digest = layer.descriptor.digest;
    let algorithms = LayerAlgorithms { stored: digest.algorithm(), unpacked: layer.diff_id.0.algorithm() };
    let listing = read_layer(store.open_blob(&digest)?, algorithms, &Limits::default())
        .map_err(|source| BuildError::Layer { digest, source: Box::new(source) })?;
    if listing.measures.digest != digest || listing.measures.diff_id != layer.diff_id {
        return Err(BuildError::wrong(format!("layer `{digest}` does not hold what its image says")));
    }
    Ok(listing)
}
