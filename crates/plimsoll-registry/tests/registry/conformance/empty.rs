use plimsoll_oci::Digest;
use plimsoll_testkit::{TestServer, body_of};
use reqwest::Method;

use super::{error_code, header, send};

#[tokio::test]
async fn ping() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/v2/").await.status(), 200);
}

#[tokio::test]
async fn tag_list() {
    let server = TestServer::start().await;
    let answer = server.get("/v2/some/repository/tags/list").await;
    assert_eq!(answer.status(), 404);
    assert_eq!(error_code(answer).await, "NAME_UNKNOWN");
}

#[tokio::test]
async fn referrers() {
    let server = TestServer::start().await;
    let path = format!("/v2/some/repository/referrers/{}", Digest::sha256_of(b"missing"));
    let answer = send(&server, Method::GET, &path).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "content-type"), "application/vnd.oci.image.index.v1+json");
    let index: serde_json::Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
    assert_eq!(index["schemaVersion"], 2);
    assert_eq!(index["manifests"], serde_json::json!([]));
    let invalid = send(&server, Method::GET, "/v2/some/repository/referrers/latest").await;
    assert_eq!(invalid.status(), 400);
}
