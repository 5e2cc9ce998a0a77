//! The smaller image: one layer, the config of the image, and a manifest.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll_image::{LayerAlgorithms, Limits};
use plimsoll_oci::{Descriptor, DiffId, HashingWriter, MediaType};
use plimsoll_runtime::{Isolation, RootFs};
use plimsoll_slim::keep::{KeepList, write_layer};
use plimsoll_transport::RawManifest;
use serde_json::{Value, json};

use super::image::Unpacked;
use crate::failure::Failure;

/// Fields of a config that hold for the smaller image as well.
const CONFIG_FIELDS: [&str; 8] =
    ["architecture", "os", "os.version", "os.features", "variant", "created", "author", "config"];

/// An image that is written but for its place.
pub(super) struct Packed {
    pub(super) layer_file: PathBuf,
    pub(super) layer: Descriptor,
    pub(super) config: (Descriptor, Bytes),
    pub(super) manifest: RawManifest,
}

impl Packed {
    /// Writes the layer, and makes what points to it. Nothing of it depends on anything but the image and the list.
    pub(super) fn write(
        list: &KeepList<'_>,
        unpacked: &mut Unpacked,
        workshop: &Path,
    ) -> Result<Self, Failure> {
        let failed = |error: &dyn std::error::Error| {
            Failure::not_evaluated("cannot write the layer of the smaller image").because(error)
        };
        let layer_file = workshop.join("layer.tar.gz");
        let file = File::create(&layer_file).map_err(|error| failed(&error))?;
        let stored = HashingWriter::new(BufWriter::new(file));
        let mut tar = HashingWriter::new(GzEncoder::new(stored, Compression::default()));
        write_layer(list, &mut unpacked.rootfs, &mut tar).map_err(|error| failed(&error))?;
        let diff_id = DiffId(tar.hasher.finish());
        let mut stored = tar.inner.finish().map_err(|error| failed(&error))?;
        stored.flush().map_err(|error| failed(&error))?;
        let layer = Descriptor::new(MediaType::LAYER_GZIP, stored.hasher.finish(), stored.bytes);
        let config = Bytes::from(config(&unpacked.raw_config, &diff_id).to_string());
        let config_descriptor = Descriptor::of(MediaType::IMAGE_CONFIG, &config);
        let manifest = manifest(&config_descriptor, &layer);
        let digest = Descriptor::of(MediaType::IMAGE_MANIFEST, &manifest).digest;
        let manifest = RawManifest::verify(manifest, &digest, Some(&MediaType::IMAGE_MANIFEST))?;
        Ok(Self { layer_file, layer, config: (config_descriptor, config), manifest })
    }

    /// Unpacks it beside the image that it was made of.
    pub(super) fn unpack(&self, workshop: &Path, isolation: Isolation) -> Result<RootFs, Failure> {
        let unpack = || {
            let mut rootfs = RootFs::create(&workshop.join("smaller"), isolation)?;
            let file = File::open(&self.layer_file).map_err(plimsoll_image::ReadLayerError::from)?;
            rootfs.apply(file, LayerAlgorithms::default(), &Limits::default())?;
            rootfs.finish()?;
            Ok(rootfs)
        };
        unpack().map_err(|error: plimsoll_runtime::UnpackError| {
            Failure::not_evaluated("cannot unpack the smaller image").because(&error)
        })
    }
}

/// How containers start stays as it was; the layers and their history are new.
fn config(raw: &Value, diff_id: &DiffId) -> Value {
    let mut config = Value::Object(serde_json::Map::new());
    for field in CONFIG_FIELDS {
        if let Some(value) = raw.get(field) {
            config[field] = value.clone();
        }
    }
    config["rootfs"] = json!({ "type": "layers", "diff_ids": [diff_id] });
    let mut step = json!({ "created_by": "plimsoll slim" });
    if let Some(created) = raw.get("created") {
        step["created"] = created.clone();
    }
    config["history"] = json!([step]);
    config
}

fn manifest(config: &Descriptor, layer: &Descriptor) -> Bytes {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::IMAGE_MANIFEST,
        "config": config,
        "layers": [layer],
    });
    Bytes::from(manifest.to_string())
}
