//! Uploads that are interrupted, contended, or go on after a restart.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use plimsoll_oci::{Digest, MediaType};
use plimsoll_store::objects::KeyKind;
use plimsoll_testkit::{
    CatalogueConfig, ObjectsConfig, RegistryClient, S3Service, StorageConfig, TestBlob, TestServer,
    TestServerConfig, body_of, noise,
};
use reqwest::{Body, Method};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

const UPLOADS: &str = "/v2/team/app/blobs/uploads/";

async fn begin(server: &TestServer) -> String {
    let answer = server.request(Method::POST, UPLOADS).send().await.unwrap();
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// A server whose objects are in `service`.
async fn server_on_s3(service: &S3Service, directory: &TempDir) -> TestServer {
    let storage = StorageConfig {
        catalogue: CatalogueConfig::Sqlite { data_dir: directory.path().to_owned() },
        objects: ObjectsConfig::S3(service.config()),
    };
    TestServer::start_with(TestServerConfig { storage: Some(storage), ..Default::default() }).await
}

async fn received(server: &TestServer, location: &str) -> String {
    let status = server.get(location).await;
    assert_eq!(status.status(), 204);
    status.headers()["range"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_a_restart() {
    let bytes = Bytes::from(noise(1, 3_000_000));
    let server = TestServer::start().await;
    let location = begin(&server).await;
    let first = bytes.slice(..1_500_001);
    assert_eq!(server.request(Method::PATCH, &location).body(first).send().await.unwrap().status(), 202);
    let (storage, _directory) = server.stop().await;
    let server =
        TestServer::start_with(TestServerConfig { storage: Some(storage), ..Default::default() }).await;
    assert_eq!(received(&server, &location).await, "0-1500000");
    let rest = bytes.slice(1_500_001..);
    let close = format!("{location}?digest={}", Digest::sha256_of(&bytes));
    assert_eq!(server.request(Method::PUT, &close).body(rest).send().await.unwrap().status(), 201);
    let got = server.get(&format!("/v2/team/app/blobs/{}", Digest::sha256_of(&bytes))).await;
    assert_eq!(body_of(got).await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_before_the_client_hung_up_is_kept() {
    let bytes = noise(2, 1_000_000);
    let server = TestServer::start().await;
    let location = begin(&server).await;
    let mut connection = TcpStream::connect(server.host()).await.unwrap();
    let head =
        format!("PATCH {location} HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000000\r\n\r\n", server.host());
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&bytes[..400_000]).await.unwrap();
    connection.shutdown().await.unwrap();
    let _ = connection.read_to_end(&mut Vec::new()).await;
    let mut range = String::new();
    for _ in 0..100 {
        range = received(&server, &location).await;
        if range == "0-399999" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(range, "0-399999");
    let close = format!("{location}?digest={}", Digest::sha256_of(&bytes));
    let request = server.request(Method::PUT, &close).header("content-range", "400000-999999");
    assert_eq!(request.body(bytes[400_000..].to_vec()).send().await.unwrap().status(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_for_one_session_do_not_mix() {
    let server = TestServer::start().await;
    let (one, two) = (noise(3, 2_000_000), noise(4, 2_000_000));
    for _ in 0..10 {
        let location = begin(&server).await;
        let send = |bytes: &Vec<u8>| {
            let close = format!("{location}?digest={}", Digest::sha256_of(bytes));
            server.request(Method::PUT, &close).body(bytes.clone()).send()
        };
        let (first, second) = tokio::join!(send(&one), send(&two));
        for (answer, bytes) in [(first, &one), (second, &two)] {
            let digest = Digest::sha256_of(bytes);
            if answer.is_ok_and(|answer| answer.status() == 201) {
                let got = server.get(&format!("/v2/team/app/blobs/{digest}")).await;
                assert_eq!(
                    Digest::sha256_of(&body_of(got).await.unwrap()),
                    digest,
                    "what was answered 201 is whole"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_contend_for_one_place_do_not_mix() {
    let server = TestServer::start().await;
    let chunks: Vec<Vec<u8>> = (10..14).map(|seed| noise(seed, 300_000)).collect();
    let (mut closed, mut contended) = (0, 0);
    for round in 0..15 {
        let location = begin(&server).await;
        let first = noise(100 + round, 200_000);
        server.request(Method::PATCH, &location).body(first.clone()).send().await.unwrap();
        let patches = chunks.iter().map(|chunk| {
            let request = server.request(Method::PATCH, &location).header("content-range", "200000-499999");
            request.body(chunk.clone()).send()
        });
        let answers = futures_util::future::join_all(patches).await;
        let taken = |answer: &Result<reqwest::Response, reqwest::Error>| {
            answer.as_ref().is_ok_and(|answer| answer.status() == 202)
        };
        let winners: Vec<usize> = (0..chunks.len()).filter(|number| taken(&answers[*number])).collect();
        assert!(winners.len() <= 1, "one chunk is taken");
        contended += usize::from(winners.is_empty());
        for winner in winners {
            let whole = [first.as_slice(), &chunks[winner]].concat();
            let digest = Digest::sha256_of(&whole);
            let close =
                server.request(Method::PUT, &format!("{location}?digest={digest}")).send().await.unwrap();
            assert_eq!(close.status(), 201);
            closed += 1;
            let got = server.get(&format!("/v2/team/app/blobs/{digest}")).await;
            assert_eq!(Digest::sha256_of(&body_of(got).await.unwrap()), digest);
        }
    }
    assert_eq!(closed + contended, 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_is_sent_twice_keeps_the_blob() {
    let service = S3Service::start().await;
    let directory = tempfile::tempdir().unwrap();
    let server = server_on_s3(&service, &directory).await;
    for round in 0..20 {
        let bytes = noise(200 + round, 10_000);
        let digest = Digest::sha256_of(&bytes);
        let location = begin(&server).await;
        server.request(Method::PATCH, &location).body(bytes.clone()).send().await.unwrap();
        let close = || server.request(Method::PUT, &format!("{location}?digest={digest}")).send();
        let (one, two) = tokio::join!(close(), close());
        let created = [one, two]
            .into_iter()
            .filter(|answer| answer.as_ref().is_ok_and(|answer| answer.status() == 201));
        assert!(created.count() >= 1);
        let doomed = server.storage().await.catalogue().doomed_objects(1000).await.unwrap();
        let blob =
            server.storage().await.catalogue().find_blob(&"team/app".parse().unwrap(), digest).await.unwrap();
        let key = blob.unwrap().object_key;
        assert!(
            doomed.iter().all(|object| object.key != key),
            "a proxy that repeats the request loses nothing"
        );
    }
}

async fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited for too long");
}

/// A body that ends when `end` is sent.
fn held_open(bytes: Vec<u8>, end: oneshot::Receiver<()>) -> Body {
    let ended = async {
        let _ = end.await;
        Ok::<_, std::io::Error>(Bytes::from_static(b"late"))
    };
    Body::wrap_stream(stream::iter([Ok(Bytes::from(bytes))]).chain(stream::once(ended)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_shut_out_of_s3_changes_nothing_and_leaves_nothing() {
    let (service, directory) = (S3Service::start().await, tempfile::tempdir().unwrap());
    let server = server_on_s3(&service, &directory).await;
    let blob = TestBlob::new(MediaType::LAYER, noise(5, 20_000_000));
    let (bytes, digest) = (&blob.bytes, blob.digest());
    for begun in [0, 1_000, 10_000_000] {
        let location = begin(&server).await;
        let first = bytes.slice(..begun);
        server.request(Method::PATCH, &location).body(first).send().await.unwrap();
        let (before, (end, ended)) = (service.calls(), oneshot::channel());
        let shut_out =
            server.request(Method::PATCH, &location).body(held_open(noise(6, 18_000_000), ended)).send();
        let shut_out = tokio::spawn(shut_out);
        // The upload is begun or the tail fetched, and then two parts are sent.
        wait_until(|| service.calls() >= before + 3).await;

        let close =
            server.request(Method::PUT, &format!("{location}?digest={digest}")).body(bytes.slice(begun..));
        assert_eq!(close.send().await.unwrap().status(), 201);
        end.send(()).unwrap();
        assert_eq!(shut_out.await.unwrap().unwrap().status(), 409);
        assert_eq!(service.multipart_uploads(), 0);

        let storage = server.storage().await;
        storage.registry(TestServerConfig::default().registry).collect_garbage().await.unwrap();
        RegistryClient::new([server.url("")]).pull_blob("team/app", &blob.descriptor).await.unwrap();
        let objects: Vec<_> = storage.objects().list(KeyKind::Blob).try_collect().await.unwrap();
        assert_eq!(objects.len(), 1, "{objects:?}");
    }
}

#[tokio::test]
async fn a_session_belongs_to_its_repository() {
    let server = TestServer::start().await;
    let location = begin(&server).await.replace("team/app", "team/other");
    let answer = server.request(Method::PATCH, &location).body("x").send().await.unwrap();
    assert_eq!(answer.status(), 404);
}
