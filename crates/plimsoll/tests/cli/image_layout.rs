use std::fs;
use std::path::Path;

use plimsoll_oci::{Descriptor, DiffId, Digest, MediaType};
use serde_json::{Value, json};

/// Files and whiteouts of one layer, with the instruction that is said to have made it.
pub(crate) struct Layer<'a> {
    pub(crate) instruction: &'a str,
    pub(crate) files: &'a [(&'a str, &'a [u8])],
}

/// Writes an image layout with one image tagged `1`. `change` may make its config wrong.
pub(crate) fn write(directory: &Path, layers: &[Layer<'_>], change: impl FnOnce(&mut Value)) {
    let image = put_image(directory, layers, change);
    write_index(directory, image);
}

/// Writes an image layout with an index tagged `1`, of one image for each architecture.
pub(crate) fn write_multi_platform(directory: &Path, layers: &[Layer<'_>], architectures: &[&str]) {
    let child = |architecture: &&str| {
        let image = put_image(directory, layers, |config| config["architecture"] = json!(architecture));
        let mut child = serde_json::to_value(image).unwrap();
        child["platform"] = json!({ "os": "linux", "architecture": architecture });
        child
    };
    let index = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::IMAGE_INDEX,
        "manifests": architectures.iter().map(child).collect::<Vec<_>>(),
    });
    write_index(directory, put(directory, MediaType::IMAGE_INDEX, index.to_string().as_bytes()));
}

fn put_image(directory: &Path, layers: &[Layer<'_>], change: impl FnOnce(&mut Value)) -> Descriptor {
    let archives: Vec<Vec<u8>> = layers.iter().map(|layer| archive(layer.files)).collect();
    let diff_ids: Vec<DiffId> = archives.iter().map(|tar| DiffId(Digest::sha256_of(tar))).collect();
    let history: Vec<Value> = layers.iter().map(|layer| json!({ "created_by": layer.instruction })).collect();
    let mut config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Cmd": ["sh", "-c", "echo hello"], "Env": ["MODE=test\u{1b}[2J"], "ExposedPorts": { "80/tcp": {} } },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": history,
    });
    change(&mut config);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::IMAGE_MANIFEST,
        "config": put(directory, MediaType::IMAGE_CONFIG, config.to_string().as_bytes()),
        "layers": archives.iter().map(|tar| put(directory, MediaType::LAYER, tar)).collect::<Vec<_>>(),
    });
    put(directory, MediaType::IMAGE_MANIFEST, manifest.to_string().as_bytes())
}

fn write_index(directory: &Path, mut descriptor: Descriptor) {
    descriptor.annotations.insert("org.opencontainers.image.ref.name".to_owned(), "1".to_owned());
    let index = json!({ "schemaVersion": 2, "manifests": [descriptor] });
    fs::write(directory.join("index.json"), index.to_string()).unwrap();
    fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn put(directory: &Path, media_type: MediaType, bytes: &[u8]) -> Descriptor {
    let descriptor = Descriptor::of(media_type, bytes);
    let blobs = directory.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(descriptor.digest.encoded()), bytes).unwrap();
    descriptor
}

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(if path.contains("bin/") { 0o755 } else { 0o644 });
        builder.append_data(&mut header, path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}
