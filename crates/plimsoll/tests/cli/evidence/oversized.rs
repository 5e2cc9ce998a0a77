//! Evidence that is larger than anybody reads, with all its bytes really there.

use std::fs;

use plimsoll_attest::Bundle;
use plimsoll_testkit::{Image, RegistryClient, ServerCommand, TestBlob};
use serde_json::Value;

use super::crafted::Crafted;
use super::{done, verified, workshop};
use crate::signed_image::SignedImage;

/// One MiB more than an attestation may have.
const BYTES: usize = 129 << 20;

/// What a server may have in memory at most while it takes, reads and tells of such a thing: less than one of them.
const MEMORY_MAX: u64 = 128 << 20;

#[test]
fn an_attestation_of_129_mib_is_kept_refused_with_the_reason_and_never_read_into_memory() {
    let home = workshop();
    let home = home.path();
    let server = ServerCommand::new(env!("CARGO_BIN_EXE_plimsoll"), &home.join("data")).start();
    let image = super::push(server.host(), &Image::small(17, 1, 100));
    let subject = Image::small(17, 1, 100).manifest.descriptor;
    done(home, &["sign", &image, "--key", "ci.key"]);
    let large = Crafted::typed(&subject, vec![b' '; BYTES], Bundle::MEDIA_TYPE, Bundle::MEDIA_TYPE);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = RegistryClient::new([server.url()]);
        client.push_blob_in_chunks("team/app", &large.layer, 8 << 20).await.unwrap();
        client.push_blob("team/app", &large.config).await.unwrap();
        let digest = large.manifest.digest().to_string();
        client.put_manifest("team/app", &digest, &large.manifest).await.unwrap();
    });

    let (code, report) = verified(home, &image, &[]);
    assert_eq!(code, 0, "the signature beside it counts: {report}");
    let reason = report["refused"][0]["reason"].as_str().unwrap_or_else(|| panic!("{report}"));
    assert!(reason.ends_with("is over the limit of 134217728 bytes"), "{reason}");
    let told = done(home, &["trace", &image, "-o", "json"]).json();
    assert_eq!(told["unread"], 0, "{told:#}");
    let repository = format!("{}/team/app", server.host());
    done(home, &["audit", "export", &format!("{repository}:1"), "--out", "handed"]);
    let rows: Vec<Value> =
        serde_json::from_slice(&fs::read(home.join("handed/tables/statements.json")).unwrap()).unwrap();
    let row = rows.iter().find(|row| row["manifest"] == large.manifest.digest().to_string().as_str());
    let problem = row.unwrap_or_else(|| panic!("{rows:#?}"))["problem"].as_str().unwrap().to_owned();
    assert_eq!(problem, format!("it has {BYTES} bytes; at most 134217728 are read"));
    let peak = server.peak_memory_bytes();
    assert!(peak < MEMORY_MAX, "the server had {} MiB in memory", peak >> 20);
}

#[test]
fn a_body_that_is_longer_than_its_descriptor_says_is_refused() {
    let home = workshop();
    let layout = home.path().join("image");
    let image = SignedImage::new(18, 1, 100);
    image.write(&layout);
    let mut liar = TestBlob::new(Bundle::MEDIA_TYPE.parse().unwrap(), vec![b' '; BYTES]);
    liar.descriptor.size = 700;
    let digest = liar.digest();
    Crafted::described(&image.image.manifest.descriptor, liar, Bundle::MEDIA_TYPE).write(&layout);
    let (code, report) = verified(home.path(), "oci:image:1", &[]);
    assert_eq!(code, 1);
    let reason = report["refused"][0]["reason"].as_str().unwrap_or_else(|| panic!("{report}"));
    assert!(reason.contains(&digest.to_string()), "{reason}");
}
