use std::time::Duration;

use bytes::Bytes;
use plimsoll_oci::MediaType;
use plimsoll_testkit::{
    ClientError, Image, Postgres, RegistryClient, S3Service, ServerCommand, ServerProcess, TestBlob, body_of,
    noise,
};
use reqwest::{Method, StatusCode};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::PLIMSOLL;
use crate::events::{advise, events, image_with_requests, wait_for_events};

const REPLICAS: usize = 3;

/// Three servers on one database and one bucket.
pub(crate) struct Fleet {
    pub(crate) replicas: Vec<ServerProcess>,
    _database: Postgres,
    _service: S3Service,
    _directories: Vec<TempDir>,
}

impl Fleet {
    pub(crate) async fn start() -> Option<Self> {
        let database = Postgres::start()?;
        let service = S3Service::start().await;
        let directories: Vec<TempDir> = (0..REPLICAS).map(|_| tempfile::tempdir().unwrap()).collect();
        let start = |directory: &TempDir| {
            let command = ServerCommand::new(PLIMSOLL, directory.path());
            on_s3(command.set(format!("database.url={}", database.url())), &service).start()
        };
        let replicas = directories.iter().map(start).collect();
        Some(Self { replicas, _database: database, _service: service, _directories: directories })
    }

    /// A client that goes to each replica in turn.
    pub(crate) fn client(&self) -> RegistryClient {
        RegistryClient::new(self.replicas.iter().map(ServerProcess::url))
    }

    /// A client of each replica.
    pub(crate) fn clients(&self) -> Vec<RegistryClient> {
        self.replicas.iter().map(|replica| RegistryClient::new([replica.url()])).collect()
    }
}

pub(crate) fn on_s3(command: ServerCommand, service: &S3Service) -> ServerCommand {
    let config = service.config();
    command
        .set(format!("objects.url=s3://{}/{}", config.bucket, config.prefix))
        .set(format!("objects.endpoint={}", service.endpoint()))
        .set(format!("objects.access_key_id={}", config.access_key_id.unwrap()))
        .set(format!("objects.secret_access_key={}", config.secret_access_key.unwrap()))
        .set("objects.allow_http=true")
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_pushes_through_three_replicas_lose_no_tag() {
    let Some(mut fleet) = Fleet::start().await else { return };
    let client = fleet.client();
    let images: Vec<Image> = (0..48).map(|seed| Image::small(seed % 40, 2, 30_000)).collect();
    let mut writers = JoinSet::new();
    for writer in 0..6 {
        let client = client.clone();
        let own: Vec<(usize, Image)> =
            images.iter().cloned().enumerate().filter(|(number, _)| number % 6 == writer).collect();
        writers.spawn(async move {
            for (number, image) in own {
                push_with_patience(&client, &format!("v{number}"), &image).await;
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    let lost = fleet.replicas.pop().unwrap();
    client.leave_out(&lost.url());
    lost.kill();
    writers.join_all().await;
    for client in fleet.clients() {
        assert_eq!(tags(&client).await.len(), images.len());
        for (number, image) in images.iter().enumerate() {
            client.pull_image("team/app", &format!("v{number}"), image).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_upload_goes_on_at_another_replica_with_every_chunk() {
    let Some(mut fleet) = Fleet::start().await else { return };
    let blob = TestBlob::new(MediaType::LAYER, noise(7, 33 * 1024 * 1024));
    fleet.client().push_blob_in_chunks("team/chunks", &blob, 3 * 1024 * 1024 + 7).await.unwrap();
    for client in fleet.clients() {
        client.pull_blob("team/chunks", &blob.descriptor).await.unwrap();
    }
    let blob = TestBlob::new(MediaType::LAYER, noise(8, 24 * 1024 * 1024));
    let session = interrupted_upload(&mut fleet, &blob).await;
    let [first, second] = &fleet.clients()[..] else { panic!("two replicas are left") };
    let received = first.received(&session).await.unwrap();
    assert!(received >= 10 * 1024 * 1024, "{received} bytes outlived the replica");
    let rest = blob.bytes.slice(usize::try_from(received).unwrap()..);
    second.append(&session, received, rest.len() as u64, rest).await.unwrap();
    first.close(&session, blob.digest(), "").await.unwrap();
    second.pull_blob("team/chunks", &blob.descriptor).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_moved_by_all_replicas_at_once_ends_at_one_of_the_images() {
    let Some(fleet) = Fleet::start().await else { return };
    let images: Vec<Image> = (0..12).map(|seed| Image::small(seed, 1, 1000)).collect();
    let mut writers = JoinSet::new();
    for image in images.clone() {
        let client = fleet.client();
        writers.spawn(async move { push_with_patience(&client, "latest", &image).await });
    }
    writers.join_all().await;
    let mut seen = Vec::new();
    for client in fleet.clients() {
        let answer = client.request(Method::GET, "/v2/team/app/manifests/latest").send().await.unwrap();
        seen.push(body_of(answer).await.unwrap());
        for image in &images {
            client.pull_image("team/app", &image.manifest.digest().to_string(), image).await.unwrap();
        }
    }
    assert!(seen.iter().all(|bytes| *bytes == seen[0]));
    assert!(images.iter().any(|image| image.manifest.bytes == seen[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_advisories_mean_is_told_by_one_of_the_replicas() {
    let Some(fleet) = Fleet::start().await else { return };
    let [one, two, three] = &fleet.replicas[..] else { panic!("there are three replicas") };
    let images: Vec<Image> = (0..6).map(image_with_requests).collect();
    for (number, image) in images.iter().enumerate() {
        push_with_patience(&fleet.client(), &format!("v{number}"), image).await;
    }
    advise(one, &[("PYSEC-1", "requests", "2.20.0")]);
    wait_for_events(three, 1).await;
    advise(two, &[("PYSEC-2", "requests", "2.20.0")]);
    let told = wait_for_events(three, 3).await;
    for replica in [one, two] {
        assert_eq!(events(replica).await, told);
    }
    for event in &told {
        assert_eq!(event["places"], images.len(), "{event}");
    }
}

/// Begins an upload at the last replica, and kills that replica while it receives the second chunk. Returns the path of
/// the session.
async fn interrupted_upload(fleet: &mut Fleet, blob: &TestBlob) -> String {
    let lost = fleet.replicas.pop().unwrap();
    let client = RegistryClient::new([lost.url()]);
    let session = client.begin_upload("team/chunks").await.unwrap();
    let mebibyte = 1024 * 1024;
    client.append(&session, 0, 10 * mebibyte as u64, blob.bytes.slice(..10 * mebibyte)).await.unwrap();
    let pieces: Vec<Bytes> =
        (10..16).map(|number| blob.bytes.slice(number * mebibyte..(number + 1) * mebibyte)).collect();
    let slowly = futures_util::stream::unfold(pieces.into_iter(), |mut pieces| async move {
        tokio::time::sleep(Duration::from_millis(150)).await;
        pieces.next().map(|piece| (Ok::<_, std::io::Error>(piece), pieces))
    });
    let body = reqwest::Body::wrap_stream(slowly);
    let (from, length) = (10 * mebibyte as u64, 6 * mebibyte as u64);
    let path = session.clone();
    let chunk = tokio::spawn(async move { client.append(&path, from, length, body).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    lost.kill();
    assert!(chunk.await.unwrap().is_err(), "the chunk cannot have arrived");
    session
}

/// Pushes to `team/app`, and tries again where a busy service asks for it or a replica is gone.
async fn push_with_patience(client: &RegistryClient, tag: &str, image: &Image) {
    let mut failures: Vec<ClientError> = Vec::new();
    while failures.len() < 5 {
        match client.push_image("team/app", tag, image).await {
            Ok(()) => return,
            Err(error) => {
                let may_pass = error.status.is_none_or(|status| status == StatusCode::SERVICE_UNAVAILABLE);
                assert!(may_pass, "{error}");
                failures.push(error);
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{failures:#?}");
}

async fn tags(client: &RegistryClient) -> Vec<String> {
    let answer = client.request(Method::GET, "/v2/team/app/tags/list").send().await.unwrap();
    let list: serde_json::Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
    let tags = list["tags"].as_array().unwrap();
    tags.iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
}
