//! The image on disk: its layers unpacked, and its config as it was written.

use std::path::Path;

use plimsoll_image::LayerListing;
use plimsoll_oci::{Digest, ImageConfig, Platform};
use plimsoll_runtime::{Isolation, RootFs};
use plimsoll_transport::{ImageName, Places};
use serde_json::Value;

use crate::failure::Failure;
use crate::reading::{find_image, read_config_bytes, unpack_layers};
use crate::terminal::Step;

/// An image on disk.
pub(super) struct Unpacked {
    pub(super) name: String,
    pub(super) digest: Digest,
    pub(super) config: ImageConfig,
    pub(super) raw_config: Value,
    pub(super) listings: Vec<LayerListing>,
    pub(super) rootfs: RootFs,
}

pub(super) async fn unpack(
    places: &Places,
    name: &ImageName,
    platform: Option<&Platform>,
    workshop: &Path,
    step: &Step,
) -> Result<Unpacked, Failure> {
    let open = places.open_source(name).await?;
    let image = find_image(&open, platform).await?;
    let host = Platform::host();
    let made_for = &image.config.platform;
    if (&made_for.os, &made_for.architecture) != (&host.os, &host.architecture) {
        let what = format!("the image is made for `{made_for}`, and its tests cannot run on `{host}`");
        return Err(Failure::usage(what).help(format!("--platform {host}")));
    }
    let raw = read_config_bytes(open.source.as_ref(), &image.manifest.config).await?;
    let raw_config = serde_json::from_slice(&raw)
        .map_err(|error| Failure::not_evaluated("cannot read the image config").because(&error))?;
    let sizes = image.manifest.layers.iter().map(|layer| layer.size);
    step.expect(sizes.fold(0, u64::saturating_add));
    let rootfs = RootFs::create(&workshop.join("image"), Isolation::of_process())
        .map_err(|error| Failure::not_evaluated("cannot unpack the image").because(&error))?;
    let (rootfs, listings) = unpack_layers(open.source.as_ref(), &image, rootfs, step).await?;
    Ok(Unpacked {
        name: name.to_string(),
        digest: image.raw.digest,
        config: image.config,
        raw_config,
        listings,
        rootfs,
    })
}
