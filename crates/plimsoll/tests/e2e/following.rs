//! Layers that are analysed while they arrive.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use plimsoll_oci::MediaType;
use plimsoll_server::{CatalogueConfig, ObjectsConfig, Storage, StorageConfig, now};
use plimsoll_testkit::{
    Image, RegistryClient, S3Service, ServerCommand, ServerProcess, TestBlob, body_of, noise,
};
use reqwest::{Body, Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::PLIMSOLL;
use crate::replicated::on_s3;

/// What makes a layer a long one, and a little more.
const LONG_BYTES: usize = 12 << 20;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Less than a server waits for an upload that brings nothing.
const AT_ONCE: Duration = Duration::from_secs(5);

/// A server with files of its own, and a client.
struct Quay {
    directory: TempDir,
    server: ServerProcess,
    client: RegistryClient,
}

impl Quay {
    fn open() -> Self {
        Self::open_with(|command| command)
    }

    fn open_with(settings: impl Fn(ServerCommand) -> ServerCommand) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = settings(ServerCommand::new(PLIMSOLL, directory.path())).start();
        let client = RegistryClient::new([server.url()]);
        Self { directory, server, client }
    }

    /// Pushes the first bytes of a layer, and waits until a child reads them.
    async fn begin(&self, layer: &TestBlob) -> (String, u32) {
        let session = self.client.begin_upload("team/app").await.unwrap();
        let first = layer.bytes.slice(..LONG_BYTES);
        self.client.append(&session, 0, first.len() as u64, first).await.unwrap();
        (session, until(PATIENCE, "a child", || self.server.children().first().copied()).await)
    }

    /// Pushes the rest of a layer, and an image of it.
    async fn finish(&self, session: &str, image: &Image) {
        let layer = &image.layers[0];
        let rest = layer.bytes.slice(LONG_BYTES..);
        self.client.append(session, LONG_BYTES as u64, rest.len() as u64, rest).await.unwrap();
        self.client.close(session, layer.digest(), "").await.unwrap();
        self.client.push_image("team/app", "1", image).await.unwrap();
    }

    /// The package URLs that the image is found to hold.
    async fn components(&self) -> Vec<String> {
        let started = Instant::now();
        loop {
            let get = self.client.request(Method::GET, "/v2/team/app/_plimsoll/scan/1");
            let answer = self.client.send(get, &[StatusCode::OK, StatusCode::ACCEPTED]).await.unwrap();
            let body: Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
            if let Some(components) = body["components"].as_array() {
                return components.iter().map(|one| one["purl"].as_str().unwrap().to_owned()).collect();
            }
            assert!(started.elapsed() < PATIENCE, "{body}: {}", self.server.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How many layers were read in a way, as the metrics tell.
    async fn layers_read(&self, way: &str) -> u64 {
        let get = self.client.request(Method::GET, "/metrics");
        let answer = self.client.send(get, &[StatusCode::OK]).await.unwrap();
        let text = String::from_utf8(body_of(answer).await.unwrap()).unwrap();
        let name = format!("plimsoll_layers_analysed_total{{read=\"{way}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
    }

    async fn until_no_child(&self, at_most: Duration) {
        until(at_most, "the end of the children", || self.server.children().is_empty().then_some(())).await;
    }
}

/// Asks until there is an answer.
async fn until<T>(at_most: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < at_most, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A plain layer that holds a Python package behind many other bytes.
fn layer() -> TestBlob {
    let mut archive = tar::Builder::new(Vec::new());
    let noise = noise(1, 2 * LONG_BYTES);
    let metadata = b"Metadata-Version: 2.1\nName: requests\nVersion: 2.19.0\n\n";
    let path = "usr/lib/python3/dist-packages/requests-2.19.0.dist-info/METADATA";
    for (path, content) in [("srv/noise", &noise[..]), (path, &metadata[..])] {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content).unwrap();
    }
    TestBlob::new(MediaType::LAYER, archive.into_inner().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_layer_is_read_while_it_arrives_and_not_again() {
    let quay = Quay::open();
    let image = Image::of_layers(1, vec![layer()]);
    let (session, _) = quay.begin(&image.layers[0]).await;
    quay.finish(&session, &image).await;
    assert_eq!(quay.components().await, ["pkg:pypi/requests@2.19.0"]);
    assert_eq!((quay.layers_read("arriving").await, quay.layers_read("stored").await), (1, 0));

    // Known by its digest, it is not followed again when it is pushed in one step.
    let session = quay.client.begin_upload("team/other").await.unwrap();
    quay.client.close(&session, image.layers[0].digest(), image.layers[0].bytes.clone()).await.unwrap();
    quay.until_no_child(AT_ONCE).await;
    assert_eq!((quay.layers_read("arriving").await, quay.layers_read("stored").await), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_shows_no_unfinished_object_has_its_layers_read_when_they_are_there() {
    let service = S3Service::start().await;
    let quay = Quay::open_with(|command| on_s3(command, &service));
    let image = Image::of_layers(1, vec![layer()]);
    quay.client.push_image("team/app", "1", &image).await.unwrap();
    assert_eq!(quay.components().await, ["pkg:pypi/requests@2.19.0"]);
    assert_eq!((quay.layers_read("arriving").await, quay.layers_read("stored").await), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_comes_to_nothing_is_followed_no_longer() {
    let quay = Quay::open();
    let layer = layer();
    let (session, _) = quay.begin(&layer).await;
    let cancel = quay.client.request(Method::DELETE, &session);
    quay.client.send(cancel, &[StatusCode::NO_CONTENT]).await.unwrap();
    quay.until_no_child(AT_ONCE).await;

    let (session, _) = quay.begin(&layer).await;
    quay.client.close(&session, layer.digest(), "").await.unwrap_err();
    quay.until_no_child(AT_ONCE).await;

    // Neither is one that stands still; what it brings later is read when it is there.
    let image = Image::of_layers(1, vec![layer]);
    let (session, _) = quay.begin(&image.layers[0]).await;
    quay.until_no_child(PATIENCE).await;
    quay.finish(&session, &image).await;
    assert_eq!(quay.components().await, ["pkg:pypi/requests@2.19.0"]);
    assert_eq!((quay.layers_read("arriving").await, quay.layers_read("stored").await), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_were_replaced_do_not_count() {
    let quay = Quay::open();
    let image = Image::of_layers(1, vec![layer()]);
    let layer = &image.layers[0];
    let (session, child) = quay.begin(layer).await;

    // A request brings other bytes, which are read; then it is shut out by the next one, and ends.
    let begun = stream::iter([Ok::<_, io::Error>(Bytes::from(noise(9, 8 << 20)))]);
    let stalled = Body::wrap_stream(begun.chain(stream::pending()));
    let shut_out = tokio::spawn({
        let (client, session) = (quay.client.clone(), session.clone());
        async move { client.append_stream(&session, stalled).await }
    });
    let is_read = || (bytes_read_by(child) > LONG_BYTES + (4 << 20)).then_some(());
    until(PATIENCE, "other bytes to be read", is_read).await;
    quay.client.append(&session, LONG_BYTES as u64, 1, "x").await.unwrap_err();
    shut_out.abort();

    let rest = layer.bytes.slice(LONG_BYTES..);
    let started = Instant::now();
    while quay.client.append(&session, LONG_BYTES as u64, rest.len() as u64, rest.clone()).await.is_err() {
        assert!(started.elapsed() < PATIENCE, "the session stayed busy");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    quay.client.close(&session, layer.digest(), "").await.unwrap();
    quay.client.push_image("team/app", "1", &image).await.unwrap();
    assert_eq!(quay.components().await, ["pkg:pypi/requests@2.19.0"]);
    assert_eq!((quay.layers_read("arriving").await, quay.layers_read("stored").await), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_is_killed_costs_its_head_start_alone() {
    let quay = Quay::open();
    let image = Image::of_layers(1, vec![layer()]);
    let (session, child) = quay.begin(&image.layers[0]).await;
    kill(child);
    quay.until_no_child(AT_ONCE).await;
    quay.finish(&session, &image).await;
    assert_eq!(quay.components().await, ["pkg:pypi/requests@2.19.0"]);
    assert_eq!((quay.layers_read("arriving").await, quay.layers_read("stored").await), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_leaves_no_child_behind() {
    let mut quay = Quay::open();
    let (_, child) = quay.begin(&layer()).await;
    quay.server.ask_to_stop();
    assert!(quay.server.wait(PATIENCE).success());
    until(AT_ONCE, "the child's end", || is_gone(child).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_while_it_follows_leaves_nothing_behind() {
    let quay = Quay::open();
    let (_, child) = quay.begin(&layer()).await;
    let files = files_in(quay.directory.path());
    quay.server.kill();
    until(AT_ONCE, "the child's end", || is_gone(child).then_some(())).await;
    assert_eq!(files_in(quay.directory.path()), files);

    let storage = StorageConfig {
        catalogue: CatalogueConfig::Sqlite { data_dir: quay.directory.path().to_owned() },
        objects: ObjectsConfig::Local { data_dir: quay.directory.path().to_owned(), reserve_bytes: 0 },
    };
    let storage = Storage::open(&storage).await.unwrap();
    let later = Duration::from_secs(3600);
    let registry = plimsoll_registry::Registry::new(
        storage.catalogue().clone(),
        storage.objects().clone(),
        std::sync::Arc::new(move || now().plus(later)),
        plimsoll_registry::RegistryConfig {
            grace: Duration::ZERO,
            hold: Duration::ZERO,
            upload_ttl: Duration::ZERO,
            immutable_tags: Vec::new(),
            redirect: false,
        },
    );
    let report = registry.fsck(|_| {}).await.unwrap();
    assert_eq!((report.damages, report.unknown_objects), (Vec::new(), 0));
}

/// The names of the files in a directory, without those below it.
fn files_in(directory: &std::path::Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

fn kill(process: u32) {
    let process = Pid::from_raw(process.try_into().unwrap()).unwrap();
    kill_process(process, Signal::KILL).unwrap();
}

/// How many bytes a process has read so far (proc_pid_io(5), `rchar`).
fn bytes_read_by(process: u32) -> usize {
    let io = std::fs::read_to_string(format!("/proc/{process}/io")).unwrap_or_default();
    let read = io.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok());
    read.unwrap_or(0)
}

/// Whether a process is there no more: whoever adopted it may not have reaped it.
fn is_gone(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.is_empty() || status.contains("\nState:\tZ")
}
