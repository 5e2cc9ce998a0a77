//! Reads a whole image out of a source, for the commands that explain it.

mod blob;
mod contents;
mod spooled;
mod whole;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use plimsoll_image::{LayerAlgorithms, LayerListing, Limits, read_layer};
use plimsoll_oci::{Descriptor, ImageConfig, ImageIndex, ImageManifest, Manifest, Platform};
use plimsoll_runtime::RootFs;
use plimsoll_transport::{BlobVerifier, OpenSource, RawManifest, Source};

use crate::failure::Failure;
use crate::terminal::Step;
pub(crate) use blob::BlockingBlob;
pub(crate) use contents::read_contents;
pub(crate) use spooled::Spooled;
pub(crate) use whole::{ImageReader, WholeImage};

/// Layers that are unpacked at the same time: it is the processor that they wait for.
const PARALLEL_MAX: usize = 4;

/// An image manifest with its config, as found in a source.
pub(crate) struct FoundImage {
    pub(crate) raw: RawManifest,
    pub(crate) manifest: ImageManifest,
    pub(crate) config: ImageConfig,
}

/// Finds the image that was named. Of an index it takes the one for `wanted`, or else for this machine; an image that
/// stands alone must be the wanted one.
pub(crate) async fn find_image(open: &OpenSource, wanted: Option<&Platform>) -> Result<FoundImage, Failure> {
    let source = open.source.as_ref();
    let descriptor = source.resolve(&open.target).await?;
    let mut raw = source.manifest(&descriptor.digest).await?;
    let manifest = match raw.parse()? {
        Manifest::Image(manifest) => manifest,
        Manifest::Index(index) => {
            let child = choose(&index, wanted).map_err(|failure| failure.at(source.place()))?;
            raw = source.manifest(&child.digest).await?;
            image_of(raw.parse()?, source)?
        }
    };
    if !manifest.config.media_type.is_image_config() {
        let what = format!("`{}` is an artifact, and not a container image", raw.digest);
        return Err(Failure::not_evaluated(what).at(source.place()));
    }
    let config = read_config(source, &manifest.config).await?;
    if let Some(wanted) = wanted {
        check_platform(&config.platform, wanted).map_err(|failure| failure.at(source.place()))?;
    }
    Ok(FoundImage { raw, manifest, config })
}

/// Reads all layers of an image, several at a time.
///
/// A layer that a registry need not have (a foreign layer) and does not have is `None`.
pub(crate) async fn read_layers(
    source: &dyn Source,
    image: &FoundImage,
    step: &Step,
) -> Result<Vec<Option<LayerListing>>, Failure> {
    let one = |(index, descriptor): (usize, &Descriptor)| {
        let descriptor = descriptor.clone();
        let algorithms = algorithms(image, index);
        async move { read_one(source, &descriptor, algorithms, step).await }
    };
    let parallel = std::thread::available_parallelism().map_or(1, usize::from).min(PARALLEL_MAX);
    stream::iter(image.manifest.layers.iter().enumerate().map(one)).buffered(parallel).try_collect().await
}

async fn read_one(
    source: &dyn Source,
    descriptor: &Descriptor,
    algorithms: LayerAlgorithms,
    step: &Step,
) -> Result<Option<LayerListing>, Failure> {
    let bytes = match source.blob(BlobVerifier::start(descriptor)).await {
        Err(error) if error.is_not_found() && descriptor.media_type.is_nondistributable() => return Ok(None),
        opened => opened?,
    };
    let mut blob = BlockingBlob::new(bytes, step.clone());
    let reading = tokio::task::spawn_blocking(move || {
        let listing = read_layer(&mut blob, algorithms, &Limits::default());
        if listing.is_err() {
            // Only at the end is known whether these are the promised bytes, which is the better reason.
            let _ = std::io::copy(&mut blob, &mut std::io::sink());
        }
        (listing, blob.into_error())
    });
    let (listing, transport_error) = reading
        .await
        .map_err(|error| Failure::not_evaluated("reading a layer ended early").because(&error))?;
    if let Some(error) = transport_error {
        return Err(Failure::from(error).at(source.place()));
    }
    let unreadable = |error| {
        Failure::not_evaluated(format!("cannot read layer {}", descriptor.digest.short()))
            .at(source.place())
            .because(&error)
    };
    listing.map(Some).map_err(unreadable)
}

/// Layers are measured with the algorithms that the manifest and the config name them with.
fn algorithms(image: &FoundImage, layer: usize) -> LayerAlgorithms {
    let default = LayerAlgorithms::default();
    LayerAlgorithms {
        stored: image.manifest.layers[layer].digest.algorithm(),
        unpacked: image.config.rootfs.diff_ids.get(layer).map_or(default.unpacked, |id| id.0.algorithm()),
    }
}

/// Unpacks all layers of an image, one upon the other, and tells what each holds.
pub(crate) async fn unpack_layers(
    source: &dyn Source,
    image: &FoundImage,
    rootfs: RootFs,
    step: &Step,
) -> Result<(RootFs, Vec<LayerListing>), Failure> {
    let (mut rootfs, mut listings) = (rootfs, Vec::new());
    for (index, descriptor) in image.manifest.layers.iter().enumerate() {
        let algorithms = algorithms(image, index);
        let bytes = source.blob(BlobVerifier::start(descriptor)).await?;
        let mut blob = BlockingBlob::new(bytes, step.clone());
        let unpacking = tokio::task::spawn_blocking(move || {
            let listing = rootfs.apply(&mut blob, algorithms, &Limits::default());
            if listing.is_err() {
                let _ = std::io::copy(&mut blob, &mut std::io::sink());
            }
            (rootfs, listing, blob.into_error())
        });
        let (unpacked, listing, transport_error) = unpacking
            .await
            .map_err(|error| Failure::not_evaluated("unpacking a layer ended early").because(&error))?;
        if let Some(error) = transport_error {
            return Err(Failure::from(error).at(source.place()));
        }
        listings.push(listing.map_err(|error| {
            Failure::not_evaluated(format!("cannot unpack layer {}", descriptor.digest.short()))
                .at(source.place())
                .because(&error)
        })?);
        rootfs = unpacked;
    }
    rootfs.finish().map_err(|error| Failure::not_evaluated("cannot unpack the image").because(&error))?;
    Ok((rootfs, listings))
}

fn choose<'a>(index: &'a ImageIndex, wanted: Option<&Platform>) -> Result<&'a Descriptor, Failure> {
    let host = Platform::host();
    let platform = wanted.unwrap_or(&host);
    let images = || {
        let is_image = |child: &&Descriptor| !child.platform.as_ref().is_some_and(Platform::is_unknown);
        index.manifests.iter().filter(is_image)
    };
    let fits = |child: &&Descriptor| child.platform.as_ref().is_some_and(|of| of.satisfies(platform));
    let only = || images().next().filter(|_| wanted.is_none() && images().count() == 1);
    images().find(fits).or_else(only).ok_or_else(|| {
        let there: Vec<String> = images()
            .map(|child| child.platform.as_ref().map_or("unknown".to_owned(), Platform::to_string))
            .collect();
        let failure =
            Failure::usage(format!("there is no image for `{platform}`; there is {}", there.join(", ")));
        match there.first() {
            Some(first) => failure.help(format!("--platform {first}")),
            None => failure,
        }
    })
}

/// What an index says of an image, and what the image says of itself, may differ.
fn check_platform(made_for: &Platform, wanted: &Platform) -> Result<(), Failure> {
    if (&made_for.os, &made_for.architecture) == (&wanted.os, &wanted.architecture) {
        return Ok(());
    }
    let what = format!("the image is made for `{made_for}`, and not for `{wanted}`");
    Err(Failure::usage(what).help(format!("--platform {made_for}")))
}

fn image_of(manifest: Manifest, source: &dyn Source) -> Result<ImageManifest, Failure> {
    match manifest {
        Manifest::Image(image) => Ok(image),
        Manifest::Index(_) => Err(Failure::not_evaluated("an index lies within an index").at(source.place())),
    }
}

/// Reads the config of an image as it was written.
pub(crate) async fn read_config_bytes(
    source: &dyn Source,
    descriptor: &Descriptor,
) -> Result<Vec<u8>, Failure> {
    blob::read_whole(source, descriptor).await
}

/// Reads the config of an image.
pub(crate) async fn read_config(
    source: &dyn Source,
    descriptor: &Descriptor,
) -> Result<ImageConfig, Failure> {
    let bytes = read_config_bytes(source, descriptor).await?;
    let invalid = |error| {
        Failure::not_evaluated(format!("cannot read image config {}", descriptor.digest.short()))
            .at(source.place())
            .because(&error)
    };
    ImageConfig::parse(&bytes).map_err(invalid)
}
