//! Blobs that clients fetch from the object storage itself.

use plimsoll_testkit::{
    CatalogueConfig, Image, ObjectsConfig, S3Service, StorageConfig, TestServer, TestServerConfig, body_of,
    client,
};
use reqwest::Method;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_sent_to_the_storage_and_finds_the_blob_there() {
    let service = S3Service::start().await;
    let directory = tempfile::tempdir().unwrap();
    let storage = StorageConfig {
        catalogue: CatalogueConfig::Sqlite { data_dir: directory.path().to_owned() },
        objects: ObjectsConfig::S3(service.config()),
    };
    let mut config = TestServerConfig { storage: Some(storage), ..Default::default() };
    config.registry.redirect = true;
    let server = TestServer::start_with(config).await;
    let image = Image::small(1, 1, 100_000);
    server.push_image("team/app", "v1", &image).await;
    let layer = &image.layers[0];
    let path = format!("/v2/team/app/blobs/{}", layer.digest());
    let sent = server.get(&path).await;
    assert_eq!(sent.status(), 307);
    let location = sent.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(&service.endpoint()) && location.contains("X-Amz-Signature"));
    let fetched = client().get(location).header("range", "bytes=10-19").send().await.unwrap();
    assert_eq!(fetched.status(), 206);
    assert_eq!(body_of(fetched).await.unwrap(), layer.bytes[10..20]);
    let head = server.request(Method::HEAD, &path).send().await.unwrap();
    assert_eq!(head.status(), 200, "a question is answered here");
}
