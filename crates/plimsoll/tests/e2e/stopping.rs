use std::time::Duration;

use futures_util::StreamExt as _;
use plimsoll_oci::{Hasher, MediaType};
use plimsoll_testkit::{RegistryClient, ServerCommand, TestBlob, body_of, client, noise};
use reqwest::{Body, StatusCode};

use crate::PLIMSOLL;

const BLOB_BYTES: usize = 50 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_stop_ends_what_it_has_begun() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = ServerCommand::new(PLIMSOLL, directory.path()).start();
    let registry = RegistryClient::new([server.url()]);
    let pulled = TestBlob::new(MediaType::LAYER, noise(1, BLOB_BYTES));
    let pushed = TestBlob::new(MediaType::LAYER, noise(2, BLOB_BYTES));
    registry.push_blob("team/app", &pulled).await.unwrap();

    let session = registry.begin_upload("team/app").await.unwrap();
    let push = tokio::spawn({
        let (registry, pushed) = (registry.clone(), pushed.clone());
        async move { registry.close(&session, pushed.digest(), slowly(&pushed)).await }
    });
    let url = format!("{}/v2/team/app/blobs/{}", server.url(), pulled.digest());
    let mut pull = client().get(url).send().await.unwrap();
    let mut hasher = Hasher::new(pulled.digest().algorithm());
    hasher.update(&pull.chunk().await.unwrap().unwrap());
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.ask_to_stop();
    tokio::time::sleep(Duration::from_millis(200)).await;

    assert!(!push.is_finished(), "the push was to be under way");
    assert!(!is_ready(&server.url()).await, "a server that stops is not ready");
    while let Some(piece) = pull.chunk().await.unwrap() {
        hasher.update(&piece);
    }
    assert_eq!(hasher.finish(), pulled.digest());
    push.await.unwrap().unwrap();
    assert!(server.wait(Duration::from_secs(10)).success());

    let server = ServerCommand::new(PLIMSOLL, directory.path()).start();
    let registry = RegistryClient::new([server.url()]);
    registry.pull_blob("team/app", &pushed.descriptor).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn load_balancers_see_a_server_that_will_stop_before_it_refuses_them() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = ServerCommand::new(PLIMSOLL, directory.path()).set("shutdown.delay=2s").start();
    let registry = RegistryClient::new([server.url()]);
    assert!(is_ready(&server.url()).await);
    server.ask_to_stop();
    tokio::time::sleep(Duration::from_millis(500)).await;

    let probed = client().get(format!("{}/readyz", server.url())).send().await.unwrap();
    assert_eq!(probed.status(), StatusCode::SERVICE_UNAVAILABLE);
    let said = String::from_utf8(body_of(probed).await.unwrap()).unwrap();
    assert!(said.contains("the server is stopping"), "{said}");
    let late = TestBlob::new(MediaType::LAYER, noise(3, 1_000));
    registry.push_blob("team/app", &late).await.unwrap();
    assert!(server.wait(Duration::from_secs(10)).success());
}

/// Whether the server takes new work. Nobody who answers is not ready either.
async fn is_ready(url: &str) -> bool {
    let answer = client().get(format!("{url}/readyz")).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// A body that takes two seconds to be sent.
fn slowly(blob: &TestBlob) -> Body {
    let bytes = blob.bytes.clone();
    let pieces = futures_util::stream::iter((0..20).map(move |number| {
        let piece = BLOB_BYTES / 20;
        bytes.slice(number * piece..(number + 1) * piece)
    }));
    Body::wrap_stream(pieces.then(|piece| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, std::io::Error>(piece)
    }))
}
