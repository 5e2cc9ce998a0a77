use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Write};
use std::path::Path;

use plimsoll_oci::{Algorithm, Descriptor, Digest, Hasher, MediaType};
use serde_json::{Value, json};

/// One layer of an image to be: the instruction that made it, and its archive.
pub(super) struct Layer<'a> {
    pub(super) instruction: &'a str,
    pub(super) archive: &'a Path,
}

/// Writes an OCI layout of one image tagged `1`, whose layers are compressed by Zstandard: it takes a tenth of the time
/// that gzip takes.
pub(super) fn write(directory: &Path, layers: &[Layer<'_>]) {
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory.join("blobs/sha256")).unwrap();
    let packed: Vec<(Value, Digest)> = layers.iter().map(|layer| pack(directory, layer.archive)).collect();
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Cmd": ["/bin/bash"] },
        "rootfs": {
            "type": "layers",
            "diff_ids": packed.iter().map(|(_, diff_id)| diff_id).collect::<Vec<_>>(),
        },
        "history": layers.iter().map(|layer| json!({ "created_by": layer.instruction })).collect::<Vec<_>>(),
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::IMAGE_MANIFEST,
        "config": put(directory, MediaType::IMAGE_CONFIG, &config),
        "layers": packed.iter().map(|(descriptor, _)| descriptor).collect::<Vec<_>>(),
    });
    let mut image = put(directory, MediaType::IMAGE_MANIFEST, &manifest);
    image["annotations"] = json!({ "org.opencontainers.image.ref.name": "1" });
    let index = json!({ "schemaVersion": 2, "mediaType": MediaType::IMAGE_INDEX, "manifests": [image] });
    fs::write(directory.join("index.json"), index.to_string()).unwrap();
    fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn put(directory: &Path, media_type: MediaType, content: &Value) -> Value {
    let bytes = content.to_string().into_bytes();
    let descriptor = Descriptor::of(media_type, &bytes);
    fs::write(directory.join("blobs/sha256").join(descriptor.digest.encoded()), bytes).unwrap();
    serde_json::to_value(descriptor).unwrap()
}

/// Compresses an archive into a blob, and returns its descriptor and the digest of the archive.
fn pack(directory: &Path, archive: &Path) -> (Value, Digest) {
    let unnamed = directory.join("blobs/layer");
    let mut blob =
        Hashed { hasher: Hasher::new(Algorithm::Sha256), bytes: 0, to: File::create(&unnamed).unwrap() };
    let mut diff_id = Hasher::new(Algorithm::Sha256);
    let mut encoder = zstd::Encoder::new(&mut blob, 1).unwrap();
    let mut archive = BufReader::new(File::open(archive).unwrap());
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = archive.read(&mut buffer).unwrap();
        if length == 0 {
            break;
        }
        diff_id.update(&buffer[..length]);
        encoder.write_all(&buffer[..length]).unwrap();
    }
    encoder.finish().unwrap();
    let digest = blob.hasher.finish();
    fs::rename(unnamed, directory.join("blobs/sha256").join(digest.encoded())).unwrap();
    let media_type = "application/vnd.oci.image.layer.v1.tar+zstd";
    (json!({ "mediaType": media_type, "digest": digest, "size": blob.bytes }), diff_id.finish())
}

/// A file whose bytes are hashed on their way.
struct Hashed {
    hasher: Hasher,
    bytes: u64,
    to: File,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
