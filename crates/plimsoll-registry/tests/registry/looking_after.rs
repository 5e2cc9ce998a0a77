//! Garbage collection, checking, rebuilding.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use plimsoll_oci::{Algorithm, Digest, MediaType, TagOrDigest};
use plimsoll_registry::{Damage, Registry, RegistryConfig};
use plimsoll_store::Timestamp;
use plimsoll_store::objects::KeyKind;
use plimsoll_testkit::{
    CatalogueConfig, Image, ObjectsConfig, RegistryClient, S3Service, Storage, StorageConfig, TestBlob,
    TestServer, TestServerConfig, artifact, noise, now,
};
use reqwest::Method;

const NAME: &str = "team/app";

/// The operations over a server's storage, with nothing held or graced.
pub(crate) fn registry(storage: &Storage) -> Registry {
    registry_at(storage, now)
}

/// The same by a clock of the test's own.
fn registry_at(storage: &Storage, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Registry {
    let config = RegistryConfig {
        grace: Duration::ZERO,
        hold: Duration::ZERO,
        upload_ttl: Duration::ZERO,
        immutable_tags: Vec::new(),
        redirect: false,
    };
    Registry::new(storage.catalogue().clone(), storage.objects().clone(), Arc::new(clock), config)
}

fn data_dir(storage: &StorageConfig) -> std::path::PathBuf {
    match &storage.objects {
        ObjectsConfig::Local { data_dir, .. } => data_dir.clone(),
        ObjectsConfig::S3(_) => panic!("the objects are not local"),
    }
}

/// A server that graces and holds nothing.
async fn impatient() -> TestServer {
    let mut config = TestServerConfig::default();
    config.registry.grace = Duration::ZERO;
    config.registry.hold = Duration::ZERO;
    TestServer::start_with(config).await
}

#[tokio::test]
async fn a_deleted_image_gives_its_bytes_back_and_others_keep_theirs() {
    let server = impatient().await;
    let (one, two) = (Image::small(1, 2, 1000), Image::small(2, 1, 1000));
    let shared = TestBlob { ..one.layers[0].clone() };
    server.push_image(NAME, "one", &one).await;
    server.push_image("team/other", "one", &one).await;
    server.push_image(NAME, "two", &two).await;
    let path = format!("/v2/{NAME}/manifests/{}", one.manifest.digest());
    assert_eq!(server.request(Method::DELETE, &path).send().await.unwrap().status(), 202);
    let storage = server.storage().await;
    let swept = registry(&storage).collect_garbage().await.unwrap();
    assert_eq!((swept.unlinked, swept.blobs), (3, 0), "the other repository still holds the contents");
    server.pull_image("team/other", "one", &one).await;
    server.pull_image(NAME, "two", &two).await;
    let gone = server.get(&format!("/v2/{NAME}/blobs/{}", shared.digest())).await;
    assert_eq!(gone.status(), 404, "a repository shows what it holds");
    let path = format!("/v2/team/other/manifests/{}", one.manifest.digest());
    server.request(Method::DELETE, &path).send().await.unwrap();
    let swept = registry(&storage).collect_garbage().await.unwrap();
    assert_eq!(swept.blobs, 3);
    assert!(swept.bytes > 2000);
    let files = std::fs::read_dir(data_dir(server.storage_config()).join("objects/blobs")).unwrap();
    let left: usize = files.map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap().count()).sum();
    assert_eq!(left, 2, "only the second image's config and layer are on the disk");
    server.push_image("team/other", "one", &one).await;
    server.pull_image("team/other", "one", &one).await;
}

#[tokio::test]
async fn fsck_sets_damaged_bytes_aside_and_a_push_heals_them() {
    let server = TestServer::start().await;
    let image = Image::small(3, 1, 5000);
    server.push_image(NAME, "v1", &image).await;
    let storage = server.storage().await;
    assert!(registry(&storage).fsck(|_| ()).await.unwrap().damages.is_empty());
    let damaged = storage
        .catalogue()
        .find_blob(&NAME.parse().unwrap(), image.layers[0].digest())
        .await
        .unwrap()
        .unwrap();
    let file = data_dir(server.storage_config()).join("objects").join(damaged.object_key.to_string());
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[2500] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let report = registry(&storage).fsck(|_| ()).await.unwrap();
    let digest = image.layers[0].digest();
    assert!(
        report
            .damages
            .iter()
            .any(|damage| matches!(damage, Damage::BlobDamaged { digest: found, .. } if *found == digest))
    );
    assert!(report.damages.iter().any(|damage| matches!(damage, Damage::ManifestIncomplete { .. })));
    assert_eq!(server.get(&format!("/v2/{NAME}/blobs/{digest}")).await.status(), 404);
    server.push_blob(NAME, &image.layers[0]).await;
    server.pull_image(NAME, "v1", &image).await;
    assert!(registry(&storage).fsck(|_| ()).await.unwrap().damages.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upload_keeps_in_s3_between_two_requests_is_neither_lost_nor_garbage() {
    let (service, directory) = (S3Service::start().await, tempfile::tempdir().unwrap());
    let storage = StorageConfig {
        catalogue: CatalogueConfig::Sqlite { data_dir: directory.path().to_owned() },
        objects: ObjectsConfig::S3(service.config()),
    };
    let mut config = TestServerConfig { storage: Some(storage), ..Default::default() };
    config.registry.upload_ttl = Duration::from_secs(48 * 3600);
    let server = TestServer::start_with(config).await;
    let blob = TestBlob::new(MediaType::LAYER, noise(9, 20_000_000));
    let begun = server.request(Method::POST, &format!("/v2/{NAME}/blobs/uploads/")).send().await.unwrap();
    let location = begun.headers()["location"].to_str().unwrap();
    let first = server.request(Method::PATCH, location).body(blob.bytes.slice(..9_000_000));
    assert_eq!(first.send().await.unwrap().status(), 202);

    // Someone with other settings checks and collects a day later: nothing in the storage is young any more.
    let storage = server.storage().await;
    let kept: Vec<_> = storage.objects().list(KeyKind::Blob).try_collect().await.unwrap();
    assert_eq!(kept.len(), 1, "the bytes after the last whole part are an object");
    let later = registry_at(&storage, || now().plus(Duration::from_secs(24 * 3600)));
    let report = later.fsck(|_| ()).await.unwrap();
    assert_eq!((report.damages, report.unknown_objects), (vec![], 0));
    later.collect_garbage().await.unwrap();

    let close = server.request(Method::PUT, &format!("{location}?digest={}", blob.digest()));
    assert_eq!(close.body(blob.bytes.slice(9_000_000..)).send().await.unwrap().status(), 201);
    RegistryClient::new([server.url("")]).pull_blob(NAME, &blob.descriptor).await.unwrap();
    let report = registry(&storage).fsck(|_| ()).await.unwrap();
    assert_eq!((report.blobs, report.damages, report.unknown_objects), (1, vec![], 0));
}

#[tokio::test]
async fn a_blob_whose_file_is_gone_counts_as_missing_and_is_healed() {
    let server = TestServer::start().await;
    let image = Image::small(4, 1, 5000);
    server.push_image(NAME, "v1", &image).await;
    let storage = server.storage().await;
    let digest = image.layers[0].digest();
    let blob = storage.catalogue().find_blob(&NAME.parse().unwrap(), digest).await.unwrap().unwrap();
    std::fs::remove_file(data_dir(server.storage_config()).join("objects").join(blob.object_key.to_string()))
        .unwrap();
    assert_eq!(server.get(&format!("/v2/{NAME}/blobs/{digest}")).await.status(), 404);
    let head = server.request(Method::HEAD, &format!("/v2/{NAME}/blobs/{digest}")).send().await.unwrap();
    assert_eq!(head.status(), 404, "a pusher is not told that it is there");
    server.push_blob(NAME, &image.layers[0]).await;
    server.pull_image(NAME, "v1", &image).await;
}

#[tokio::test]
async fn a_lost_catalogue_is_rebuilt_from_the_objects() {
    let server = TestServer::start().await;
    let (one, two, gone) = (Image::small(5, 2, 1000), Image::small(6, 1, 1000), Image::small(7, 1, 1000));
    server.push_image(NAME, "v1", &one).await;
    server.push_image(NAME, "v1", &two).await;
    server.push_image(NAME, "latest", &two).await;
    server.put_manifest(NAME, "old", &one.manifest).await;
    server.push_image("team/gone", "v1", &gone).await;
    let path = format!("/v2/team/gone/manifests/{}", gone.manifest.digest());
    server.request(Method::DELETE, &path).send().await.unwrap();
    server.request(Method::DELETE, &format!("/v2/{NAME}/manifests/latest")).send().await.unwrap();
    let (signature, config) = artifact(&two.manifest.descriptor, "application/vnd.example.signature", "x");
    server.push_blob(NAME, &config).await;
    server.put_manifest(NAME, &signature.digest().to_string(), &signature).await;
    let long = Digest::of(Algorithm::Sha512, b"named by SHA-512");
    assert_eq!(server.try_push_blob(NAME, long, bytes::Bytes::from_static(b"named by SHA-512")).await, 201);
    let (storage_config, directory) = server.stop().await;

    let fresh = tempfile::tempdir().unwrap();
    let rebuilt_config = StorageConfig {
        catalogue: CatalogueConfig::Sqlite { data_dir: fresh.path().to_owned() },
        objects: storage_config.objects.clone(),
    };
    let storage = Storage::open(&rebuilt_config).await.unwrap();
    let report = registry(&storage).rebuild(|_| ()).await.unwrap();
    assert_eq!(report.skipped, []);
    let server =
        TestServer::start_with(TestServerConfig { storage: Some(rebuilt_config), ..Default::default() })
            .await;
    server.pull_image(NAME, "v1", &two).await;
    server.pull_image(NAME, "old", &one).await;
    server.pull_image(NAME, &one.manifest.digest().to_string(), &one).await;
    assert_eq!(server.get(&format!("/v2/{NAME}/manifests/latest")).await.status(), 404);
    assert_eq!(server.get("/v2/team/gone/manifests/v1").await.status(), 404);
    let history = storage
        .catalogue()
        .tag_history(&NAME.parse().unwrap(), Some(&"v1".parse().unwrap()), 10)
        .await
        .unwrap();
    assert_eq!(history.len(), 2, "the history of tags is played again");
    let referrers = storage
        .catalogue()
        .list_referrers(&NAME.parse().unwrap(), two.manifest.digest(), None, None, 10)
        .await;
    assert_eq!(referrers.unwrap().len(), 1);
    assert!(
        registry(&storage).rebuild(|_| ()).await.is_err(),
        "a catalogue that holds something is left alone"
    );
    drop(directory);
}

#[tokio::test]
async fn a_manifest_named_by_another_algorithm_is_rebuilt_too() {
    let server = TestServer::start().await;
    let image = Image::small(8, 1, 10);
    for blob in image.blobs() {
        server.push_blob(NAME, blob).await;
    }
    let digest = Digest::of(Algorithm::Sha512, &image.manifest.bytes);
    assert_eq!(server.put_manifest(NAME, &format!("{digest}?tag=v1"), &image.manifest).await.status(), 201);
    let (storage_config, _directory) = server.stop().await;
    let fresh = tempfile::tempdir().unwrap();
    let catalogue = CatalogueConfig::Sqlite { data_dir: fresh.path().to_owned() };
    let storage = Storage::open(&StorageConfig { catalogue, objects: storage_config.objects }).await.unwrap();
    registry(&storage).rebuild(|_| ()).await.unwrap();
    let tag = TagOrDigest::Tag("v1".parse().unwrap());
    let found = storage.catalogue().find_manifest(&NAME.parse().unwrap(), &tag).await.unwrap().unwrap();
    assert_eq!(found.digest, digest);
}
