use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_oci::MediaType;
use plimsoll_testkit::{Image, Postgres, RegistryClient, ServerCommand, TestBlob, artifact, noise};
use reqwest::StatusCode;

use crate::PLIMSOLL;
use crate::small_disk::SmallDisk;

/// What the catalogue may take meanwhile: SQLite's write-ahead log grows to a thousand pages before it begins anew.
const CATALOGUE_BYTES: u64 = 6 * 1024 * 1024;

const DISK_BYTES: usize = 48 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_pushes_cleanly_and_goes_on_reading() {
    let Some(disk) = SmallDisk::mount(DISK_BYTES) else { return };
    let server = ServerCommand::new(PLIMSOLL, disk.path())
        .set("storage.reserve=4MiB")
        .set("gc.grace=0s")
        .set("gc.hold=1s")
        .set("gc.interval=1s")
        .start();
    let registry = RegistryClient::new([server.url()]);
    let kept = Image::small(1, 2, 8 * 1024 * 1024);
    registry.push_image("team/app", "kept", &kept).await.unwrap();
    let free = disk.free_bytes();

    let large = TestBlob::new(MediaType::LAYER, noise(9, DISK_BYTES));
    for _ in 0..3 {
        let session = registry.begin_upload("team/app").await.unwrap();
        let refused = registry.close(&session, large.digest(), large.bytes.clone()).await.unwrap_err();
        assert_refused_as_full(&refused.status, &refused.why);
        registry.pull_image("team/app", "kept", &kept).await.unwrap();
    }
    let session = registry.begin_upload("team/app").await.unwrap();
    let refused =
        registry.append(&session, 0, large.bytes.len() as u64, large.bytes.clone()).await.unwrap_err();
    assert_refused_as_full(&refused.status, &refused.why);
    assert!(!registry.has_blob("team/app", large.digest()).await.unwrap());
    wait_until("the room comes back", || disk.free_bytes() + CATALOGUE_BYTES > free).await;

    // What fits beside the image does not fit twice, until the first one is deleted and collected.
    let (first, second) = (Image::small(2, 1, 16 * 1024 * 1024), Image::small(3, 1, 16 * 1024 * 1024));
    registry.push_image("team/app", "first", &first).await.unwrap();
    let refused = registry.push_image("team/app", "second", &second).await.unwrap_err();
    assert_refused_as_full(&refused.status, &refused.why);
    registry.delete_manifest("team/app", first.manifest.digest()).await.unwrap();
    wait_until("garbage is collected", || disk.free_bytes() + CATALOGUE_BYTES > free).await;
    registry.push_image("team/app", "second", &second).await.unwrap();
    registry.pull_image("team/app", "second", &second).await.unwrap();
    registry.pull_image("team/app", "kept", &kept).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_postgres_refuses_manifests_cleanly_and_goes_on_reading() {
    let (Some(disk), Some(database)) = (SmallDisk::mount(DISK_BYTES), Postgres::start()) else { return };
    let directory = tempfile::tempdir().unwrap();
    let url = database.database_in("small", disk.path());
    let server = ServerCommand::new(PLIMSOLL, directory.path()).set(format!("database.url={url}")).start();
    let registry = RegistryClient::new([server.url()]);
    let kept = Image::small(4, 1, 1000);
    registry.push_image("team/app", "kept", &kept).await.unwrap();

    let mut taken = Vec::new();
    let refused = loop {
        assert!(taken.len() < 40, "the disk holds more than it has room for");
        let note = STANDARD.encode(noise(100 + taken.len() as u64, 3 * 1024 * 1024));
        let (large, config) = artifact(&kept.manifest.descriptor, "application/vnd.example.large", &note);
        let pushed = match registry.push_blob("team/app", &config).await {
            Ok(()) => registry.put_manifest("team/app", &large.digest().to_string(), &large).await,
            refused => refused,
        };
        match pushed {
            Ok(()) => taken.push(large),
            Err(refused) => break refused,
        }
    };
    assert_refused_as_full(&refused.status, &refused.why);
    assert!(!taken.is_empty());
    for large in &taken {
        registry.pull_manifest("team/app", &large.digest().to_string(), large).await.unwrap();
    }
    registry.pull_image("team/app", "kept", &kept).await.unwrap();
}

fn assert_refused_as_full(status: &Option<StatusCode>, why: &str) {
    assert_eq!(*status, Some(StatusCode::INSUFFICIENT_STORAGE), "{why}");
    let answer: serde_json::Value = serde_json::from_str(why).unwrap();
    assert_eq!(answer["errors"][0]["code"], "DENIED");
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("full"), "{why}");
}

async fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "waited for long: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
