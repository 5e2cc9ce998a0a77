//! What must be refused, in the specification's words, with nothing stored.

use plimsoll_oci::{Digest, MANIFEST_BYTES_MAX, MediaType};
use plimsoll_testkit::{Image, TestBlob, TestServer, body_of};
use reqwest::{Method, Response};
use serde_json::Value;

const NAME: &str = "team/app";

/// The status and the code of a refusal.
async fn refusal(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
    (status, body["errors"][0]["code"].as_str().unwrap().to_owned())
}

async fn put(
    server: &TestServer,
    reference: &str,
    media_type: &str,
    body: impl Into<reqwest::Body>,
) -> Response {
    let request = server.request(Method::PUT, &format!("/v2/{NAME}/manifests/{reference}"));
    request.header("content-type", media_type).body(body).send().await.unwrap()
}

async fn nothing_is_stored(server: &TestServer) {
    let storage = server.storage().await;
    assert!(storage.catalogue().stored_manifests(None, 1).await.unwrap().is_empty());
    assert_eq!(server.get(&format!("/v2/{NAME}/manifests/latest")).await.status(), 404);
}

#[tokio::test]
async fn a_wrong_manifest_digest() {
    let server = TestServer::start().await;
    let image = Image::small(1, 0, 0);
    server.push_blob(NAME, &image.config).await;
    let wrong = Digest::sha256_of(b"another").to_string();
    let answer = put(&server, &wrong, MediaType::IMAGE_MANIFEST.as_str(), image.manifest.bytes.clone()).await;
    assert_eq!(refusal(answer).await, (400, "DIGEST_INVALID".into()));
    nothing_is_stored(&server).await;
}

#[tokio::test]
async fn an_oversize_manifest() {
    let server = TestServer::start().await;
    for body in [reqwest::Body::from(vec![b' '; MANIFEST_BYTES_MAX + 1]), endless()] {
        let answer = put(&server, "latest", MediaType::IMAGE_MANIFEST.as_str(), body).await;
        assert_eq!(refusal(answer).await, (413, "SIZE_INVALID".into()));
    }
    nothing_is_stored(&server).await;
}

/// A body that does not say how long it is.
fn endless() -> reqwest::Body {
    let pieces = futures_util::stream::iter((0..200).map(|_| Ok::<_, std::io::Error>(vec![b' '; 50_000])));
    reqwest::Body::wrap_stream(pieces)
}

#[tokio::test]
async fn unknown_and_contradicting_media_types() {
    let server = TestServer::start().await;
    let image = Image::small(2, 0, 0);
    server.push_blob(NAME, &image.config).await;
    for media_type in
        ["text/plain", "application/vnd.docker.distribution.manifest.v1+prettyjws", "nonsense", ""]
    {
        let answer = put(&server, "latest", media_type, image.manifest.bytes.clone()).await;
        assert_eq!(refusal(answer).await, (400, "MANIFEST_INVALID".into()), "{media_type}");
    }
    let answer = put(&server, "latest", MediaType::IMAGE_INDEX.as_str(), image.manifest.bytes.clone()).await;
    assert_eq!(refusal(answer).await, (400, "MANIFEST_INVALID".into()));
    nothing_is_stored(&server).await;
}

#[tokio::test]
async fn documents_that_are_no_manifests() {
    let server = TestServer::start().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let both = r#"{"schemaVersion":2,"config":{},"manifests":[]}"#.to_owned();
    let digest =
        r#"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:../..","size":1},"layers":[]}"#;
    for body in ["", "null", "[]", "{}", "{\"schemaVersion\":1}", "\u{0}", &deep, &both, digest] {
        let answer = put(&server, "latest", MediaType::IMAGE_MANIFEST.as_str(), body.to_owned()).await;
        let (status, code) = refusal(answer).await;
        assert_eq!((status, code.as_str()), (400, "MANIFEST_INVALID"), "{}", &body[..body.len().min(80)]);
    }
    nothing_is_stored(&server).await;
}

#[tokio::test]
async fn a_manifest_whose_blobs_are_elsewhere() {
    let server = TestServer::start().await;
    let image = Image::small(3, 1, 10);
    for blob in image.blobs() {
        server.push_blob("another/repository", blob).await;
    }
    let answer = server.put_manifest(NAME, "latest", &image.manifest).await;
    assert_eq!(refusal(answer).await, (400, "MANIFEST_BLOB_UNKNOWN".into()));
    nothing_is_stored(&server).await;
}

#[tokio::test]
async fn path_tricks_in_names_tags_and_digests() {
    let server = TestServer::start().await;
    let manifest = TestBlob::new(MediaType::IMAGE_MANIFEST, "{}");
    for path in ["/v2/a%2f..%2fb/manifests/x", "/v2/A/manifests/x", "/v2/a%00b/manifests/x"] {
        let answer = server.request(Method::PUT, path).body(manifest.bytes.clone()).send().await.unwrap();
        assert_eq!(refusal(answer).await, (400, "NAME_INVALID".into()), "{path}");
    }
    for reference in
        [".hidden", "-x", "a%2fb", "%2e%2e%2fx", "sha256:xyz", "md5:d41d8cd98f00b204e9800998ecf8427e"]
    {
        let answer = server.get(&format!("/v2/{NAME}/manifests/{reference}")).await;
        let (status, _) = refusal(answer).await;
        assert!(status == 400 || status == 404, "{reference}: {status}");
    }
    for path in ["/v2/team/app/blobs/..%2f..%2fcatalogue.sqlite", "/v2/team/app/blobs/uploads/..%2f..%2fx"] {
        assert!(server.get(path).await.status().is_client_error(), "{path}");
    }
    nothing_is_stored(&server).await;
}

#[tokio::test]
async fn methods_and_paths_that_are_not_there() {
    let server = TestServer::start().await;
    for (method, path, status) in [
        (Method::POST, "/v2/", 405),
        (Method::DELETE, "/v2/_catalog", 405),
        (Method::PATCH, "/v2/team/app/manifests/x", 405),
        (Method::GET, "/v2/team/app/blobs/uploads/", 405),
        (Method::GET, "/v2/team/app", 404),
        (Method::GET, "/v2x", 404),
    ] {
        let answer = server.request(method.clone(), path).send().await.unwrap();
        assert_eq!(answer.status(), status, "{method} {path}");
    }
    let answer = server.get("/v2/team/app/tags/list?n=many").await;
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn a_warning_never_breaks_its_header() {
    let server = TestServer::start().await;
    let image = Image::small(4, 0, 0);
    server.push_blob(NAME, &image.config).await;
    let answer = server.put_manifest(NAME, "latest", &image.manifest).await;
    let warnings: Vec<_> =
        answer.headers().get_all("warning").iter().map(|one| one.to_str().unwrap()).collect();
    assert_eq!(warnings.len(), 1, "a registry without users says so");
    assert!(warnings[0].starts_with("299 - \"") && warnings[0].ends_with('"'));
}
