use plimsoll_oci::{Algorithm, Digest, MediaType};
use plimsoll_testkit::{Image, TestBlob, TestServer, artifact, body_of, index};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{error_code, header, send};

const NAME: &str = "some/repository";

fn path(reference: impl std::fmt::Display) -> String {
    format!("/v2/{NAME}/manifests/{reference}")
}

async fn document(answer: Response) -> Value {
    serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap()
}

/// The manifest is served as it was pushed, by tag and by digest.
async fn is_served(server: &TestServer, reference: &str, manifest: &TestBlob) {
    for reference in [reference.to_owned(), manifest.digest().to_string()] {
        for method in [Method::HEAD, Method::GET] {
            let answer = send(server, method.clone(), &path(&reference)).await;
            assert_eq!(answer.status(), 200);
            assert_eq!(header(&answer, "docker-content-digest"), manifest.digest().to_string());
            assert_eq!(header(&answer, "content-type"), manifest.descriptor.media_type.to_string());
            assert_eq!(header(&answer, "content-length"), manifest.bytes.len().to_string());
            if method == Method::GET {
                assert_eq!(body_of(answer).await.unwrap(), manifest.bytes);
            }
        }
    }
}

/// Deleting the tag leaves the manifest; deleting the manifest takes it.
async fn can_be_deleted(server: &TestServer, tag: &str, digest: Digest) {
    assert_eq!(send(server, Method::DELETE, &path(tag)).await.status(), 202);
    let untagged = send(server, Method::GET, &path(tag)).await;
    assert_eq!(untagged.status(), 404);
    assert_eq!(error_code(untagged).await, "MANIFEST_UNKNOWN");
    assert_eq!(send(server, Method::GET, &path(digest)).await.status(), 200);
    assert_eq!(send(server, Method::DELETE, &path(digest)).await.status(), 202);
    assert_eq!(send(server, Method::GET, &path(digest)).await.status(), 404);
    assert_eq!(send(server, Method::DELETE, &path(digest)).await.status(), 404);
}

#[tokio::test]
async fn image() {
    let server = TestServer::start().await;
    let image = Image::small(1, 2, 1000);
    server.push_image(NAME, "v1", &image).await;
    is_served(&server, "v1", &image.manifest).await;
    let tags = document(server.get(&format!("/v2/{NAME}/tags/list")).await).await;
    assert_eq!(tags, json!({ "name": NAME, "tags": ["v1"] }));
    can_be_deleted(&server, "v1", image.manifest.digest()).await;
}

#[tokio::test]
async fn deleting_a_manifest_takes_its_tags() {
    let server = TestServer::start().await;
    let image = Image::small(1, 1, 10);
    server.push_image(NAME, "v1", &image).await;
    assert_eq!(send(&server, Method::DELETE, &path(image.manifest.digest())).await.status(), 202);
    assert_eq!(server.get(&path("v1")).await.status(), 404);
    let tags = document(server.get(&format!("/v2/{NAME}/tags/list")).await).await;
    assert_eq!(tags["tags"], json!([]));
}

#[tokio::test]
async fn large_manifest() {
    let server = TestServer::start().await;
    let image = Image::small(2, 1, 10);
    for blob in image.blobs() {
        server.push_blob(NAME, blob).await;
    }
    let mut manifest: Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
    for number in 0..390 {
        manifest["annotations"][format!("org.example.{number}")] = "x".repeat(10_000).into();
    }
    let manifest = TestBlob::new(MediaType::IMAGE_MANIFEST, manifest.to_string());
    assert!(manifest.bytes.len() > 3_900_000);
    assert_eq!(server.put_manifest(NAME, "large", &manifest).await.status(), 201);
    is_served(&server, "large", &manifest).await;
}

#[tokio::test]
async fn index_and_nested_index() {
    let server = TestServer::start().await;
    let (one, two) = (Image::small(3, 1, 10), Image::small(4, 1, 10));
    server.push_image(NAME, "one", &one).await;
    server.push_image(NAME, "two", &two).await;
    let inner = index(&[&one.manifest, &two.manifest]);
    assert_eq!(server.put_manifest(NAME, "inner", &inner).await.status(), 201);
    let outer = index(&[&inner]);
    assert_eq!(server.put_manifest(NAME, "outer", &outer).await.status(), 201);
    is_served(&server, "outer", &outer).await;
    is_served(&server, "inner", &inner).await;
    let empty = index(&[]);
    assert_eq!(server.put_manifest(NAME, "empty", &empty).await.status(), 201);
    can_be_deleted(&server, "outer", outer.digest()).await;
}

#[tokio::test]
async fn sparse_index_is_taken_with_a_warning() {
    let server = TestServer::start().await;
    let sparse = index(&[&Image::small(5, 1, 10).manifest]);
    let answer = server.put_manifest(NAME, "sparse", &sparse).await;
    assert_eq!(answer.status(), 201);
    assert!(header(&answer, "warning").starts_with("299 - \"the index lists 1 manifests"));
}

#[tokio::test]
async fn docker_types_are_served_as_they_came() {
    let server = TestServer::start().await;
    let image = Image::small(6, 1, 10);
    for blob in image.blobs() {
        server.push_blob(NAME, blob).await;
    }
    let oci = String::from_utf8(image.manifest.bytes.to_vec()).unwrap();
    let docker = oci
        .replace(MediaType::IMAGE_MANIFEST.as_str(), MediaType::DOCKER_MANIFEST.as_str())
        .replace(MediaType::IMAGE_CONFIG.as_str(), MediaType::DOCKER_CONFIG.as_str());
    let manifest = TestBlob::new(MediaType::DOCKER_MANIFEST, docker);
    assert_eq!(server.put_manifest(NAME, "docker", &manifest).await.status(), 201);
    is_served(&server, "docker", &manifest).await;
    let list = String::from_utf8(index(&[&manifest]).bytes.to_vec()).unwrap();
    let list = list.replace(MediaType::IMAGE_INDEX.as_str(), MediaType::DOCKER_MANIFEST_LIST.as_str());
    let list = TestBlob::new(MediaType::DOCKER_MANIFEST_LIST, list);
    assert_eq!(server.put_manifest(NAME, "list", &list).await.status(), 201);
    is_served(&server, "list", &list).await;
}

#[tokio::test]
async fn artifacts_with_subject() {
    let server = TestServer::start().await;
    let image = Image::small(7, 1, 10);
    server.push_image(NAME, "v1", &image).await;
    let subject = &image.manifest.descriptor;
    let mut pushed = Vec::new();
    for kind in ["application/vnd.example.sbom", "application/vnd.example.signature"] {
        let (manifest, config) = artifact(subject, kind, kind);
        server.push_blob(NAME, &config).await;
        let answer = server.put_manifest(NAME, &manifest.digest().to_string(), &manifest).await;
        assert_eq!(answer.status(), 201);
        assert_eq!(header(&answer, "oci-subject"), subject.digest.to_string());
        pushed.push(manifest);
    }
    let list = format!("/v2/{NAME}/referrers/{}", subject.digest);
    let all = document(server.get(&list).await).await;
    assert_eq!(all["manifests"].as_array().unwrap().len(), 2);
    let filtered = server.get(&format!("{list}?artifactType=application/vnd.example.sbom")).await;
    assert_eq!(header(&filtered, "oci-filters-applied"), "artifactType");
    let filtered = document(filtered).await;
    assert_eq!(
        filtered["manifests"],
        json!([{
            "mediaType": MediaType::IMAGE_MANIFEST,
            "digest": pushed[0].digest(),
            "size": pushed[0].bytes.len(),
            "artifactType": "application/vnd.example.sbom",
            "annotations": { "note": "application/vnd.example.sbom" },
        }])
    );
    send(&server, Method::DELETE, &path(pushed[0].digest())).await;
    let rest = document(server.get(&list).await).await;
    assert_eq!(rest["manifests"].as_array().unwrap().len(), 1, "a deleted referrer is not listed");
}

#[tokio::test]
async fn missing_subject() {
    let server = TestServer::start().await;
    let image = Image::small(8, 1, 10);
    let (manifest, config) = artifact(&image.manifest.descriptor, "application/vnd.example", "early");
    server.push_blob(NAME, &config).await;
    assert_eq!(server.put_manifest(NAME, "early", &manifest).await.status(), 201);
    server.push_image(NAME, "late", &image).await;
    let list = document(server.get(&format!("/v2/{NAME}/referrers/{}", image.manifest.digest())).await).await;
    assert_eq!(list["manifests"][0]["digest"], manifest.digest().to_string());
}

#[tokio::test]
async fn index_with_subject() {
    let server = TestServer::start().await;
    let image = Image::small(9, 1, 10);
    server.push_image(NAME, "v1", &image).await;
    let mut index: Value = serde_json::from_slice(&index(&[&image.manifest]).bytes).unwrap();
    index["subject"] = serde_json::to_value(&image.manifest.descriptor).unwrap();
    index["annotations"] = json!({ "k": "v" });
    let index = TestBlob::new(MediaType::IMAGE_INDEX, index.to_string());
    assert_eq!(server.put_manifest(NAME, "i", &index).await.status(), 201);
    let list = document(server.get(&format!("/v2/{NAME}/referrers/{}", image.manifest.digest())).await).await;
    let listed = &list["manifests"][0];
    assert_eq!(listed["mediaType"], MediaType::IMAGE_INDEX.to_string());
    assert!(listed.get("artifactType").is_none(), "an index without a type has none in the list");
}

#[tokio::test]
async fn non_distributable_layers() {
    let server = TestServer::start().await;
    let image = Image::small(10, 0, 0);
    server.push_blob(NAME, &image.config).await;
    let mut manifest: Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
    manifest["layers"] = json!([{
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "digest": Digest::sha256_of(b"somewhere else"),
        "size": 14,
        "urls": ["https://example.org/layer"],
    }]);
    let manifest = TestBlob::new(MediaType::IMAGE_MANIFEST, manifest.to_string());
    assert_eq!(server.put_manifest(NAME, "foreign", &manifest).await.status(), 201);
}

#[tokio::test]
async fn sha512() {
    let server = TestServer::start().await;
    let image = Image::small(11, 1, 10);
    for blob in image.blobs() {
        server.push_blob(NAME, blob).await;
    }
    let digest = Digest::of(Algorithm::Sha512, &image.manifest.bytes);
    let answer = server.put_manifest(NAME, &digest.to_string(), &image.manifest).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(header(&answer, "docker-content-digest"), digest.to_string());
    let got = server.get(&path(digest)).await;
    assert_eq!(header(&got, "docker-content-digest"), digest.to_string());
}

#[tokio::test]
async fn tag_param() {
    let server = TestServer::start().await;
    let image = Image::small(12, 1, 10);
    for blob in image.blobs() {
        server.push_blob(NAME, blob).await;
    }
    let reference = format!("{}?tag=1.2.3&tag=1.2&tag=1&tag=latest", image.manifest.digest());
    let answer = server.put_manifest(NAME, &reference, &image.manifest).await;
    assert_eq!(answer.status(), 201);
    let tags: Vec<_> = answer.headers().get_all("oci-tag").iter().map(|tag| tag.to_str().unwrap()).collect();
    assert_eq!(tags, ["1.2.3", "1.2", "1", "latest"]);
    for tag in tags {
        is_served(&server, tag, &image.manifest).await;
    }
}

#[tokio::test]
async fn tag_pages_are_in_order() {
    let server = TestServer::start().await;
    let image = Image::small(13, 1, 10);
    server.push_image(NAME, "a", &image).await;
    for tag in ["B", "c", "_d", "1"] {
        server.put_manifest(NAME, tag, &image.manifest).await;
    }
    let list = format!("/v2/{NAME}/tags/list");
    let first = server.get(&format!("{list}?n=2")).await;
    assert_eq!(header(&first, "link"), format!("<{list}?n=2&last=B>; rel=\"next\""));
    assert_eq!(document(first).await["tags"], json!(["1", "B"]));
    let last = server.get(&format!("{list}?n=3&last=B")).await;
    assert_eq!(header(&last, "link"), "");
    assert_eq!(document(last).await["tags"], json!(["_d", "a", "c"]));
    let none = server.get(&format!("{list}?n=0")).await;
    assert_eq!(header(&none, "link"), "");
    assert_eq!(document(none).await["tags"], json!([]));
    let catalogue = document(server.get("/v2/_catalog?n=5").await).await;
    assert_eq!(catalogue, json!({ "repositories": [NAME] }));
}

#[tokio::test]
async fn a_blob_that_a_manifest_needs_stays() {
    let server = TestServer::start().await;
    let image = Image::small(14, 1, 10);
    server.push_image(NAME, "v1", &image).await;
    let blob = format!("/v2/{NAME}/blobs/{}", image.layers[0].digest());
    let refused = send(&server, Method::DELETE, &blob).await;
    assert_eq!(refused.status(), 409);
    assert_eq!(error_code(refused).await, "DENIED");
    server.pull_image(NAME, "v1", &image).await;
}
