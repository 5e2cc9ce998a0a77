use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll_oci::{Descriptor, Digest, MediaType};
use serde_json::{Value, json};

use super::{ground, scan};

/// Puts an image layout of one layer, which is whatever it is.
fn put_image(directory: &Path, media_type: &str, layer: &[u8]) {
    let blobs = directory.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |media_type: MediaType, bytes: &[u8]| {
        let descriptor = Descriptor::of(media_type, bytes);
        fs::write(blobs.join(descriptor.digest.encoded()), bytes).unwrap();
        serde_json::to_value(descriptor).unwrap()
    };
    let diff_ids = [Digest::sha256_of(layer)];
    let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::IMAGE_MANIFEST,
        "config": put(MediaType::IMAGE_CONFIG, config.to_string().as_bytes()),
        "layers": [put(media_type.parse().unwrap(), layer)],
    });
    let mut image: Value = put(MediaType::IMAGE_MANIFEST, manifest.to_string().as_bytes());
    image["annotations"] = json!({ "org.opencontainers.image.ref.name": "1" });
    fs::write(directory.join("index.json"), json!({ "schemaVersion": 2, "manifests": [image] }).to_string())
        .unwrap();
    fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn assert_not_evaluated(ground: &Path, image: &str) {
    let scanned = scan(ground, &[&format!("oci:{image}:1"), "--fail-on", "kev"]);
    assert_eq!(scanned.code, 3, "{image}: {}", scanned.stdout);
    assert!(scanned.last_line().contains("could not evaluate: "), "{image}: {}", scanned.stderr);
    assert!(scanned.stdout.is_empty(), "{image}: {}", scanned.stdout);
}

#[test]
fn a_layer_that_unpacks_to_a_thousandfold_could_not_be_evaluated() {
    const MEBIBYTES: u64 = 1200;
    let ground = ground();
    let mut archive = tar::Header::new_ustar();
    archive.set_path("zeroes").unwrap();
    // Past the gibibyte that may come out at any ratio.
    archive.set_size(MEBIBYTES << 20);
    archive.set_mode(0o644);
    archive.set_cksum();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(archive.as_bytes()).unwrap();
    let zeroes = vec![0; 1 << 20];
    for _ in 0..MEBIBYTES {
        gzip.write_all(&zeroes).unwrap();
    }
    let bomb = gzip.finish().unwrap();
    put_image(&ground.path().join("bomb"), "application/vnd.oci.image.layer.v1.tar+gzip", &bomb);
    assert_not_evaluated(ground.path(), "bomb");
}

#[test]
fn a_layer_that_is_cut_short_could_not_be_evaluated() {
    let ground = ground();
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(super::REQUESTS.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, super::REQUESTS_PATH, super::REQUESTS).unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&builder.into_inner().unwrap()).unwrap();
    let whole = gzip.finish().unwrap();
    let cut = &whole[..whole.len() / 2];
    put_image(&ground.path().join("cut"), "application/vnd.oci.image.layer.v1.tar+gzip", cut);
    assert_not_evaluated(ground.path(), "cut");
}

#[test]
fn a_damaged_index_judges_nothing() {
    let ground = ground();
    let shards = ground.path().join("db/sha256");
    for shard in fs::read_dir(&shards).unwrap() {
        let path = shard.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    }
    let scanned = scan(ground.path(), &["oci:app:1"]);
    assert_eq!(scanned.code, 3, "{}", scanned.stdout);
    assert!(scanned.stderr.contains("plimsoll db verify"), "{}", scanned.stderr);
}
