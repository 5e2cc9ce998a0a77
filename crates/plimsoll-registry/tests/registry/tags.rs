//! Tags: conditions, immutability, history.

use plimsoll_testkit::{Image, TestServer, TestServerConfig, body_of};
use reqwest::Method;
use serde_json::Value;

const NAME: &str = "team/app";

async fn push_blobs(server: &TestServer, image: &Image) {
    for blob in image.blobs() {
        server.push_blob(NAME, blob).await;
    }
}

async fn put_if(server: &TestServer, tag: &str, image: &Image, header: &str, value: String) -> u16 {
    let request = server.request(Method::PUT, &format!("/v2/{NAME}/manifests/{tag}")).header(header, value);
    let request = request.header("content-type", image.manifest.descriptor.media_type.as_str());
    request.body(image.manifest.bytes.clone()).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_tag_moves_only_if_the_condition_holds() {
    let server = TestServer::start().await;
    let (one, two) = (Image::small(1, 1, 10), Image::small(2, 1, 10));
    push_blobs(&server, &one).await;
    push_blobs(&server, &two).await;
    let entity = |image: &Image| format!("\"{}\"", image.manifest.digest());
    assert_eq!(put_if(&server, "v", &one, "if-match", entity(&two)).await, 412);
    assert_eq!(put_if(&server, "v", &one, "if-none-match", "*".into()).await, 201);
    assert_eq!(put_if(&server, "v", &two, "if-none-match", "*".into()).await, 412);
    assert_eq!(put_if(&server, "v", &two, "if-match", entity(&two)).await, 412);
    server.pull_image(NAME, "v", &one).await;
    assert_eq!(put_if(&server, "v", &two, "if-match", entity(&one)).await, 201);
    server.pull_image(NAME, "v", &two).await;
    assert_eq!(put_if(&server, "v", &two, "if-match", "\"nonsense\"".into()).await, 400);
}

#[tokio::test]
async fn a_manifest_that_is_known_is_not_sent_again() {
    let server = TestServer::start().await;
    let image = Image::small(3, 1, 10);
    server.push_image(NAME, "v", &image).await;
    let path = format!("/v2/{NAME}/manifests/v");
    let tag = server.get(&path).await.headers()["etag"].clone();
    let again = server.request(Method::GET, &path).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(again.status(), 304);
}

#[tokio::test]
async fn an_immutable_tag_stays_where_it_first_pointed() {
    let server = TestServer::start_with(TestServerConfig::default().immutable("team/*", "v*")).await;
    let (one, two) = (Image::small(4, 1, 10), Image::small(5, 1, 10));
    server.push_image(NAME, "v1", &one).await;
    push_blobs(&server, &two).await;
    assert_eq!(server.put_manifest(NAME, "v1", &two.manifest).await.status(), 409);
    assert_eq!(
        server.put_manifest(NAME, "v1", &one.manifest).await.status(),
        201,
        "the same again is no move"
    );
    assert_eq!(server.put_manifest(NAME, "latest", &one.manifest).await.status(), 201);
    assert_eq!(server.put_manifest(NAME, "latest", &two.manifest).await.status(), 201);
    for reference in ["v1".to_owned(), one.manifest.digest().to_string()] {
        let path = format!("/v2/{NAME}/manifests/{reference}");
        let refused = server.request(Method::DELETE, &path).send().await.unwrap();
        assert_eq!(refused.status(), 409);
    }
    server.pull_image(NAME, "v1", &one).await;
    let evidence = format!("sha256-{}.sig", "a".repeat(64));
    assert_eq!(server.put_manifest(NAME, &evidence, &one.manifest).await.status(), 201);
    assert_eq!(server.put_manifest(NAME, &evidence, &two.manifest).await.status(), 201);
    server.pull_image(NAME, &one.manifest.digest().to_string(), &one).await;
}

#[tokio::test]
async fn the_history_tells_who_moved_what_when() {
    let server = TestServer::start().await;
    let (one, two) = (Image::small(6, 1, 10), Image::small(7, 1, 10));
    server.push_image(NAME, "v", &one).await;
    server.push_image(NAME, "v", &two).await;
    server.request(Method::DELETE, &format!("/v2/{NAME}/manifests/v")).send().await.unwrap();
    let answer = server.get(&format!("/v2/{NAME}/_plimsoll/tags/history?tag=v")).await;
    let history: Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
    let moves: Vec<_> =
        history["moves"].as_array().unwrap().iter().map(|one| (&one["previous"], &one["digest"])).collect();
    let (first, second) =
        (serde_json::json!(one.manifest.digest()), serde_json::json!(two.manifest.digest()));
    assert_eq!(moves, [(&second, &Value::Null), (&first, &second), (&Value::Null, &first)]);
    assert_eq!(history["moves"][0]["movedBy"], "anonymous");
    assert!(history["moves"][0]["movedAtUnixMs"].as_i64().unwrap() > 1_700_000_000_000);
}
