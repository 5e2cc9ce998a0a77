use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use plimsoll_oci::{Descriptor, Tag};
use plimsoll_testkit::{Image, TestBlob, artifact};
use serde_json::json;

/// An image with evidence of both kinds: a referrer, and a signature under a `sha256-….sig` tag.
pub(crate) struct SignedImage {
    pub(crate) image: Image,
    referrer: (TestBlob, TestBlob),
    signature: Image,
}

impl SignedImage {
    pub(crate) fn new(seed: u64, layers: usize, layer_bytes: usize) -> Self {
        let image = Image::small(seed, layers, layer_bytes);
        let referrer = artifact(&image.manifest.descriptor, "application/vnd.example.sbom", "sbom");
        Self { image, referrer, signature: Image::small(seed + 1, 1, 64) }
    }

    /// The tag of the signature.
    pub(crate) fn signature_tag(&self) -> String {
        format!("{}.sig", Tag::referrers_fallback(&self.image.manifest.digest()))
    }

    /// Writes it into a new layout under the tag `1`.
    pub(crate) fn write(&self, directory: &Path) {
        let image = self.image.blobs().chain(self.signature.blobs());
        let manifests = [&self.image.manifest, &self.signature.manifest, &self.referrer.0, &self.referrer.1];
        let blobs = directory.join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        for blob in image.chain(manifests) {
            fs::write(blobs.join(blob.digest().encoded()), &blob.bytes).unwrap();
        }
        let entries = [
            named(&self.image.manifest, "1"),
            self.referrer.0.descriptor.clone(),
            named(&self.signature.manifest, &self.signature_tag()),
        ];
        let index = json!({ "schemaVersion": 2, "manifests": entries });
        fs::write(directory.join("index.json"), index.to_string()).unwrap();
        fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    }
}

fn named(manifest: &TestBlob, name: &str) -> Descriptor {
    let mut descriptor = manifest.descriptor.clone();
    descriptor.annotations.insert("org.opencontainers.image.ref.name".to_owned(), name.to_owned());
    descriptor
}

/// Every blob of a layout, by its digest.
pub(crate) fn blobs_of(layout: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(layout.join("blobs/sha256")).unwrap();
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        })
        .collect()
}
