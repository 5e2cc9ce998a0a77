//! Images that were made to harm: each is judged in full, or could not be evaluated, in bounded memory and time.

mod archives;
mod bounded;
mod databases;
mod layers;

use std::fs;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll_oci::{Descriptor, Digest, MediaType};
use serde_json::{Value, json};

use super::{ground, scan};

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

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

/// An archive of these files, each with its content.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        add(&mut builder, path, content);
    }
    builder.into_inner().unwrap()
}

fn add(builder: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) {
    let mut header = header(path, tar::EntryType::Regular);
    header.set_size(content.len() as u64);
    header.set_cksum();
    builder.append(&header, content).unwrap();
}

/// A header with a path as it is, however harmful.
fn header(path: &str, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(0);
    header.set_cksum();
    header
}

/// Says with and without a gate that the image could not be evaluated, and why.
fn assert_not_evaluated(ground: &Path, image: &str, why: &str) {
    let name = format!("oci:{image}:1");
    for gate in [&[][..], &["--fail-on", "kev"]] {
        let Some(scanned) = bounded::scan(ground, &[&[name.as_str()][..], gate].concat()) else { return };
        assert_eq!(scanned.code, 3, "{image}: {}", scanned.stdout);
        let last = scanned.last_line();
        assert!(last.starts_with("plimsoll: could not evaluate (exit code 3): "), "{image}: {last}");
        assert_eq!(last.matches("could not evaluate").count(), 1, "{last}");
        assert!(scanned.stderr.contains(why), "{image}: {}", scanned.stderr);
        assert!(!scanned.stdout.contains("nothing is known against it"), "{image}: {}", scanned.stdout);
    }
}

/// The image's findings are those of its old requests, and it was read in full.
fn assert_evaluated(ground: &Path, image: &str) {
    let name = format!("oci:{image}:1");
    let Some(scanned) = bounded::scan(ground, &[&name, "--fail-on", "critical", "-o", "json"]) else {
        return;
    };
    assert_eq!(scanned.code, 1, "{image}: {}", scanned.stderr);
    assert_eq!(super::ids(&scanned), ["CVE-2018-18074"], "{image}");
}

#[test]
fn a_layer_that_is_cut_short_could_not_be_evaluated() {
    let ground = ground();
    let layer = archive(&[(super::REQUESTS_PATH, super::REQUESTS)]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut gzip, &layer).unwrap();
    let whole = gzip.finish().unwrap();
    put_image(&ground.path().join("cut"), GZIP, &whole[..whole.len() / 2]);
    assert_not_evaluated(ground.path(), "cut", "cannot be analysed");
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
