use bytes::Bytes;
use plimsoll_oci::{Descriptor, Digest, MediaType};
use serde_json::{Value, json};

/// Some bytes with their descriptor.
#[derive(Clone, Debug)]
pub struct TestBlob {
    /// Points at the bytes.
    pub descriptor: Descriptor,
    /// The bytes.
    pub bytes: Bytes,
}

impl TestBlob {
    /// Bytes of a media type.
    pub fn new(media_type: MediaType, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { descriptor: Descriptor::of(media_type, &bytes), bytes }
    }

    /// Their digest.
    pub fn digest(&self) -> Digest {
        self.descriptor.digest
    }
}

/// An image, ready to be pushed.
#[derive(Clone, Debug)]
pub struct Image {
    /// The config.
    pub config: TestBlob,
    /// The layers.
    pub layers: Vec<TestBlob>,
    /// The manifest.
    pub manifest: TestBlob,
}

impl Image {
    /// A small image whose content follows from `seed`, with `layers` layers of `layer_bytes` bytes each.
    pub fn small(seed: u64, layers: usize, layer_bytes: usize) -> Self {
        let layers: Vec<TestBlob> = (0..layers as u64)
            .map(|number| {
                TestBlob::new(MediaType::LAYER, noise(seed.wrapping_mul(1000) + number, layer_bytes))
            })
            .collect();
        Self::of_layers(seed, layers)
    }

    /// An image of these layers; `seed` tells its config from others.
    pub fn of_layers(seed: u64, layers: Vec<TestBlob>) -> Self {
        let diff_ids: Vec<Digest> = layers.iter().map(TestBlob::digest).collect();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": { "Labels": { "seed": seed.to_string() } },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = TestBlob::new(MediaType::IMAGE_CONFIG, config.to_string());
        let manifest = manifest(&config, &layers, &json!({}));
        Self { config, layers, manifest }
    }

    /// An image of these layers, each made by an instruction, so that images with more instructions go on from it.
    pub fn of_steps(seed: u64, steps: Vec<(&str, TestBlob)>) -> Self {
        let history: Vec<Value> =
            steps.iter().map(|(instruction, _)| json!({ "created_by": instruction })).collect();
        let image = Self::of_layers(seed, steps.into_iter().map(|(_, layer)| layer).collect());
        let mut config: Value = serde_json::from_slice(&image.config.bytes).unwrap_or_default();
        config["history"] = history.into();
        let config = TestBlob::new(MediaType::IMAGE_CONFIG, config.to_string());
        let manifest = manifest(&config, &image.layers, &json!({}));
        Self { config, manifest, ..image }
    }

    /// Every blob, the config first.
    pub fn blobs(&self) -> impl Iterator<Item = &TestBlob> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

fn manifest(config: &TestBlob, layers: &[TestBlob], more: &Value) -> TestBlob {
    let layers: Vec<&Descriptor> = layers.iter().map(|layer| &layer.descriptor).collect();
    let mut document = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::IMAGE_MANIFEST,
        "config": config.descriptor,
        "layers": layers,
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        document[key] = value.clone();
    }
    TestBlob::new(MediaType::IMAGE_MANIFEST, document.to_string())
}

/// An artifact without layers that refers to `subject`, and its empty config.
pub fn artifact(subject: &Descriptor, artifact_type: &str, note: &str) -> (TestBlob, TestBlob) {
    let config = TestBlob::new(MediaType::EMPTY_JSON, "{}");
    let more = json!({ "subject": subject, "artifactType": artifact_type, "annotations": { "note": note } });
    let manifest = manifest(&config, &[], &more);
    (manifest, config)
}

/// An index of some manifests.
pub fn index(children: &[&TestBlob]) -> TestBlob {
    let children: Vec<&Descriptor> = children.iter().map(|child| &child.descriptor).collect();
    let document = json!({ "schemaVersion": 2, "mediaType": MediaType::IMAGE_INDEX, "manifests": children });
    TestBlob::new(MediaType::IMAGE_INDEX, document.to_string())
}

/// Bytes that look random and follow from `seed` (xorshift, from G. Marsaglia, "Xorshift RNGs", 2003).
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
