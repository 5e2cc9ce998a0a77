use std::path::Path;
use std::time::{Duration, Instant};

use plimsoll_oci::{Descriptor, Digest};
use plimsoll_store::Catalogue;
use plimsoll_store::catalogue::SnapshotRow;
use plimsoll_store::objects::{LocalObjects, ManageObjects as _};
use plimsoll_testkit::{Image, RegistryClient, ServerCommand, TestBlob, artifact};
use reqwest::Method;
use serde_json::{Value, json};

use crate::PLIMSOLL;

const REPOSITORIES: u64 = 90_000;
const MANIFESTS_EACH: u64 = 10;
/// One repository has many more, and few of them refer to another.
const LARGE: &str = "zoo/large";
const LARGE_MANIFESTS: u64 = 100_000;
const LARGE_REFERRERS: u64 = 100;

/// What is promised, and how many times longer a busy machine may take.
const BOOT: Duration = Duration::from_millis(1000);
const PAGE: Duration = Duration::from_millis(5);
const NOISE: u32 = 5;

/// Rows that are written together.
const BATCH: usize = 20_000;

/// Writes rows into a catalogue, many at a time.
struct Loader {
    catalogue: Catalogue,
    rows: Vec<SnapshotRow>,
    image: Image,
    written: u64,
}

impl Loader {
    async fn add(&mut self, table: &str, values: Value) {
        let Value::Array(values) = values else { panic!("a row is a list") };
        self.rows.push(SnapshotRow { table: table.to_owned(), values });
        if self.rows.len() >= BATCH {
            self.flush().await;
        }
    }

    async fn flush(&mut self) {
        self.catalogue.restore(std::mem::take(&mut self.rows)).await.unwrap();
    }

    async fn add_repository(&mut self, id: u64, name: &str) {
        let config = self.image.config.digest();
        self.add("repositories", json!([id, name, 0])).await;
        self.add("repository_blobs", json!([id, config, null])).await;
    }

    /// A manifest with a tag, and bytes of its own.
    async fn add_manifest(
        &mut self,
        repository: u64,
        tag: &str,
        manifest: &TestBlob,
        subject: Option<Digest>,
    ) {
        self.written += 1;
        let digest = manifest.digest();
        let media_type = manifest.descriptor.media_type.as_str();
        let kind = subject.map(|_| "application/vnd.example.note");
        let bytes: String = manifest.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let record = format!("record-{}", self.written);
        let row =
            json!([repository, digest, media_type, kind, subject, { "hex": bytes }, record, 0, "loader"]);
        self.add("manifests", row).await;
        self.add("manifest_blobs", json!([repository, digest, self.image.config.digest()])).await;
        self.add("tags", json!([repository, tag, digest, 0, "loader"])).await;
    }

    /// The image's manifest with one more annotation.
    fn manifest(&self, number: u64) -> TestBlob {
        let mut document: Value = serde_json::from_slice(&self.image.manifest.bytes).unwrap();
        document["annotations"] = json!({ "number": number.to_string() });
        TestBlob::new(self.image.manifest.descriptor.media_type.clone(), document.to_string())
    }
}

/// Fills a catalogue with a million manifests, and returns one that has referrers.
async fn fill(data_dir: &Path) -> Descriptor {
    let catalogue = Catalogue::open_sqlite(&data_dir.join("catalogue.sqlite")).await.unwrap();
    // As the server does when it first starts here.
    LocalObjects::open(&data_dir.join("objects"), 0).unwrap().mark().await.unwrap();
    let image = Image::small(1, 0, 0);
    let mut loader = Loader { catalogue, rows: Vec::new(), image, written: 0 };
    let config = loader.image.config.descriptor.clone();
    loader.add("blobs", json!([config.digest, config.size, null, 0])).await;
    for id in 1..=REPOSITORIES {
        loader.add_repository(id, &repository(id)).await;
        for number in 0..MANIFESTS_EACH {
            let manifest = loader.manifest(id * MANIFESTS_EACH + number);
            loader.add_manifest(id, &format!("v{number}"), &manifest, None).await;
        }
    }
    let id = REPOSITORIES + 1;
    loader.add_repository(id, LARGE).await;
    let subject = loader.manifest(0);
    loader.add_manifest(id, "subject", &subject, None).await;
    for number in 1..LARGE_MANIFESTS {
        let manifest = loader.manifest(number);
        loader.add_manifest(id, &format!("v{number:06}"), &manifest, None).await;
    }
    for number in 0..LARGE_REFERRERS {
        let note = artifact(&subject.descriptor, "application/vnd.example.note", &number.to_string()).0;
        loader.add_manifest(id, &format!("note-{number}"), &note, Some(subject.digest())).await;
    }
    loader.flush().await;
    println!("{} manifests in {} repositories", loader.written, REPOSITORIES + 1);
    subject.descriptor
}

fn repository(id: u64) -> String {
    format!("team{:03}/app{id:06}", id % 500)
}

/// The median time of getting paths, each answered with a list of `expected` entries.
async fn median(
    client: &RegistryClient,
    list: &str,
    expected: usize,
    path: impl Fn(u64) -> String,
) -> Duration {
    let mut times = Vec::new();
    for turn in 0..300 {
        let begun = Instant::now();
        let answer = client.request(Method::GET, &path(turn)).send().await.unwrap();
        let page = plimsoll_testkit::body_of(answer).await.unwrap();
        times.push(begun.elapsed());
        let page: Value = serde_json::from_slice(&page).unwrap();
        assert_eq!(page[list].as_array().map(Vec::len), Some(expected), "{}", path(turn));
    }
    times.sort();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_manifests_slow_nothing_down() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let begun = Instant::now();
    let subject = fill(directory.path()).await;
    println!("filled in {:.1} s", begun.elapsed().as_secs_f64());

    let begun = Instant::now();
    let server = ServerCommand::new(PLIMSOLL, directory.path()).start();
    let client = RegistryClient::new([server.url()]);
    let ready = client.request(Method::GET, "/readyz").send().await.unwrap();
    assert!(ready.status().is_success());
    let boot = begun.elapsed();

    let somewhere = |turn: u64| turn * 7919 % (REPOSITORIES - 1000) + 1;
    let catalogue = median(&client, "repositories", 100, |turn| {
        format!("/v2/_catalog?n=100&last={}", repository(somewhere(turn) / 500 * 500))
    })
    .await;
    let tags = median(&client, "tags", 100, |turn| {
        format!("/v2/{LARGE}/tags/list?n=100&last=v{:06}", turn * 7919 % (LARGE_MANIFESTS - 200))
    })
    .await;
    let few_tags =
        median(&client, "tags", 10, |turn| format!("/v2/{}/tags/list?n=100", repository(somewhere(turn))))
            .await;
    let referrers = median(&client, "manifests", usize::try_from(LARGE_REFERRERS).unwrap(), |_| {
        format!("/v2/{LARGE}/referrers/{}", subject.digest)
    })
    .await;
    println!("boot {boot:?}; medians: catalogue page {catalogue:?}, tag page {tags:?},");
    println!("tags of a small repository {few_tags:?}, {LARGE_REFERRERS} referrers {referrers:?};");
    println!("peak memory {} MiB", server.peak_memory_bytes() / (1024 * 1024));
    assert!(boot < BOOT * NOISE, "boot took {boot:?}");
    for page in [catalogue, tags, few_tags, referrers] {
        assert!(page < PAGE * NOISE, "a page took {page:?}");
    }
}
