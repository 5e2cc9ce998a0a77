//! Evidence under the referrers tag schema and in the referrers list.

use plimsoll_oci::Tag;
use plimsoll_testkit::{Image, TestServer, artifact, body_of, index};
use serde_json::Value;

const NAME: &str = "team/app";

#[tokio::test]
async fn what_a_fallback_tag_lists_is_in_the_referrers_list_once() {
    let server = TestServer::start().await;
    let image = Image::small(1, 1, 10);
    server.push_image(NAME, "v1", &image).await;
    let (signature, config) =
        artifact(&image.manifest.descriptor, "application/vnd.example.signature", "old");
    server.push_blob(NAME, &config).await;
    server.put_manifest(NAME, &signature.digest().to_string(), &signature).await;
    let fallback = Tag::referrers_fallback(&image.manifest.digest());
    let list = index(&[&signature]);
    assert_eq!(server.put_manifest(NAME, fallback.as_str(), &list).await.status(), 201);
    let answer = server.get(&format!("/v2/{NAME}/referrers/{}", image.manifest.digest())).await;
    let referrers: Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
    let listed: Vec<_> =
        referrers["manifests"].as_array().unwrap().iter().map(|one| &one["digest"]).collect();
    assert_eq!(listed, [&serde_json::json!(signature.digest())]);
}

#[tokio::test]
async fn a_superseded_evidence_tag_keeps_its_old_manifest() {
    let server = TestServer::start().await;
    let (old, new) = (Image::small(2, 1, 10), Image::small(3, 1, 10));
    let tag = format!("sha256-{}.att", "b".repeat(64));
    server.push_image(NAME, &tag, &old).await;
    server.push_image(NAME, &tag, &new).await;
    let registry = server.storage().await.registry(plimsoll_registry::RegistryConfig {
        grace: std::time::Duration::ZERO,
        hold: std::time::Duration::ZERO,
        upload_ttl: std::time::Duration::ZERO,
        immutable_tags: Vec::new(),
        redirect: false,
    });
    registry.collect_garbage().await.unwrap();
    server.pull_image(NAME, &old.manifest.digest().to_string(), &old).await;
    server.pull_image(NAME, &tag, &new).await;
}
