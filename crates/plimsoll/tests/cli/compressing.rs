//! Layers that are compressed anew while an image is copied.

use tempfile::TempDir;

use crate::image_layout::{self, Layer};
use crate::{Outcome, run_in};

const LAYERS: &[Layer<'_>] = &[
    Layer { instruction: "ADD a", files: &[("usr/bin/app", &[7; 40_000])] },
    Layer { instruction: "RUN rm", files: &[("usr/bin/.wh.app", b""), ("etc/motd", b"hi")] },
];

fn ground() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    image_layout::write(&directory.path().join("image"), LAYERS, |_| {});
    directory
}

fn plimsoll(ground: &TempDir, arguments: &[&str]) -> Outcome {
    run_in(ground.path(), &[], arguments)
}

fn inspected(ground: &TempDir, image: &str) -> serde_json::Value {
    plimsoll(ground, &["inspect", image, "-q", "-o", "json"]).json()
}

#[test]
fn the_layers_become_zstandard_and_unpack_to_the_same() {
    let ground = ground();
    let copied = plimsoll(&ground, &["cp", "--compression", "zstd", "oci:image:1", "oci:small:1"]);
    assert_eq!(copied.code, 0, "{}", copied.stderr);
    assert!(copied.stderr.contains("signatures of the other do not vouch for it"), "{}", copied.stderr);
    let (before, after) = (inspected(&ground, "oci:image:1"), inspected(&ground, "oci:small:1"));
    assert_ne!(before["digest"], after["digest"]);
    assert_eq!(before["imageId"], after["imageId"], "the config is the same");
    assert_eq!(after["findings"], serde_json::json!([]));
    for (one, other) in before["layers"].as_array().unwrap().iter().zip(after["layers"].as_array().unwrap()) {
        assert_eq!(one["diffId"], other["diffId"]);
        assert_eq!(other["mediaType"], "application/vnd.oci.image.layer.v1.tar+zstd");
        assert_eq!(other["contents"]["compression"], "zstd");
        assert!(other["compressedBytes"].as_u64() < one["compressedBytes"].as_u64());
    }
}

#[test]
fn the_same_image_becomes_the_same_digest_and_what_is_zstandard_stays() {
    let ground = ground();
    let copy = |from: &str, to: &str| {
        let copied = plimsoll(&ground, &["cp", "-q", "--compression", "zstd", from, to]);
        assert_eq!(copied.code, 0, "{}", copied.stderr);
    };
    copy("oci:image:1", "oci:one:1");
    copy("oci:image:1", "oci:two:1");
    copy("oci:one:1", "oci:three:1");
    let digest = |image: &str| inspected(&ground, image)["digest"].clone();
    assert_eq!(digest("oci:one:1"), digest("oci:two:1"));
    assert_eq!(digest("oci:one:1"), digest("oci:three:1"));
}

#[test]
fn an_image_whose_config_lies_is_not_packed_anew() {
    let directory = tempfile::tempdir().unwrap();
    image_layout::write(&directory.path().join("image"), LAYERS, |config| {
        config["rootfs"]["diff_ids"][0] = config["rootfs"]["diff_ids"][1].clone();
    });
    let refused = plimsoll(&directory, &["cp", "--compression", "zstd", "oci:image:1", "oci:small:1"]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("it unpacks to sha256:"), "{}", refused.stderr);
}

#[test]
fn of_an_index_one_image_has_to_be_named() {
    let directory = tempfile::tempdir().unwrap();
    image_layout::write_multi_platform(&directory.path().join("image"), LAYERS, &["s390x", "riscv64"]);
    let copy = ["cp", "--compression", "zstd", "oci:image:1", "oci:small:1"];
    let refused = plimsoll(&directory, &copy);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("--platform linux/amd64"), "{}", refused.stderr);
    let copied = plimsoll(&directory, &[&copy[..], &["--platform", "linux/s390x"]].concat());
    assert_eq!(copied.code, 0, "{}", copied.stderr);
}
