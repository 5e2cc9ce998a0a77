use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use http::StatusCode;
use plimsoll_oci::{Digest, MediaType};
use plimsoll_registry::{FsckReport, Registry, RegistryConfig};
use plimsoll_server::{CatalogueConfig, ObjectsConfig, Storage, StorageConfig};
use plimsoll_store::objects::KeyKind;
use reqwest::Method;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::registry_client::{ClientError, body_of};
use crate::server_process::lasting_address;
use crate::{Image, RegistryClient, ServerCommand, ServerProcess, TestBlob, noise};

/// How many layers the images have in common.
const BASE_LAYERS: u64 = 30;

/// Over how many repositories the images are spread.
const REPOSITORIES: u64 = 6;

/// How often a push is tried, as `skopeo copy --retry-times` does it: after waits that double.
const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How long a blob that no manifest needs is kept; deleted images go at once.
const HOLD: Duration = Duration::from_secs(5);

/// Images pushed by many writers, and deleted, while garbage is collected and the server is killed again and again.
#[derive(Clone, Copy, Debug)]
pub struct KillLoop {
    /// How many images are pushed.
    pub images: u64,
    /// By how many writers.
    pub writers: u64,
    /// How often the server is killed.
    pub kills: u64,
}

/// What became of the images.
#[derive(Debug, Default)]
pub struct KillLoopReport {
    /// Pushes that were begun.
    pub pushes: u64,
    /// Those that had to be tried more than once.
    pub retried: u64,
    /// Those that failed every time, with the last answer.
    pub failed: Vec<String>,
    /// Refusals of a manifest because a blob that was seen or pushed before it was gone.
    pub blobs_lost_under_way: u64,
    /// Images deleted.
    pub deleted: u64,
    /// How often the server was killed.
    pub kills: u64,
    /// Contents collected as garbage, as far as the server could tell before it was killed.
    pub collected: u64,
    /// Images answered 201 and not deleted, that could not be pulled with all their bytes.
    pub broken: Vec<String>,
    /// Images that were pulled whole.
    pub pulled: u64,
    /// What `fsck` found, with a clock at which every leftover counts.
    pub fsck: FsckReport,
    /// Objects that lay there after everything had expired, and blobs that the images need.
    pub objects_and_needed: (usize, usize),
    /// How long it all took.
    pub took: Duration,
}

impl fmt::Display for KillLoopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pushes, retried, blobs_lost_under_way, deleted, kills, collected, pulled, .. } = self;
        writeln!(f, "{pushes} pushes, {retried} of them retried, {} failed for good;", self.failed.len())?;
        writeln!(f, "{blobs_lost_under_way} manifests refused for a blob collected under way;")?;
        writeln!(f, "{kills} kills, {deleted} images deleted, {collected} blobs collected;")?;
        writeln!(f, "{pulled} images pulled whole, {} broken;", self.broken.len())?;
        writeln!(f, "fsck read {} blobs, found {:?};", self.fsck.blobs, self.fsck.damages)?;
        let (objects, needed) = self.objects_and_needed;
        write!(f, "{objects} objects left for {needed} blobs needed, {:.1} s", self.took.as_secs_f64())
    }
}

/// What the writers share.
struct Yard {
    client: RegistryClient,
    layers: Vec<TestBlob>,
    /// Makes this run's bytes its own.
    seed: u64,
    images: u64,
    next: AtomicU64,
    retried: AtomicU64,
    lost_under_way: AtomicU64,
}

/// An image that was pushed, and where.
struct Berth {
    repository: String,
    tag: String,
    image: Image,
}

/// What one writer did.
#[derive(Default)]
struct Log {
    kept: Vec<Berth>,
    failed: Vec<String>,
    pushes: u64,
    deleted: u64,
}

impl KillLoop {
    /// Runs it in a fresh directory.
    ///
    /// # Panics
    /// When the server does not come back, or the storage cannot be read afterwards.
    pub async fn run(self, program: &str) -> KillLoopReport {
        let started = Instant::now();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let command = ServerCommand::new(program, directory.path())
            .listen_at(&lasting_address())
            .set("gc.grace=0s")
            .set(format!("gc.hold={}s", HOLD.as_secs()))
            .set("gc.interval=1s");
        let server = command.start();
        let yard = Arc::new(Yard::new(&server, self.images));
        let mut writers = JoinSet::new();
        for _ in 0..self.writers {
            writers.spawn(yard.clone().write());
        }
        let mut report = KillLoopReport::default();
        let server = self.kill_and_restart(server, &command, &yard, &mut report).await;
        let mut kept = Vec::new();
        for log in writers.join_all().await {
            report.pushes += log.pushes;
            report.deleted += log.deleted;
            report.failed.extend(log.failed);
            kept.extend(log.kept);
        }
        report.retried = yard.retried.load(Ordering::Relaxed);
        report.blobs_lost_under_way = yard.lost_under_way.load(Ordering::Relaxed);
        // What may be collected is collected before the images are looked at.
        tokio::time::sleep(HOLD + Duration::from_secs(2)).await;
        yard.pull_all(&kept, &mut report).await;
        report.collected += yard.collected().await;
        stop(server);
        check_storage(&directory, &kept, &mut report).await;
        report.took = started.elapsed();
        report
    }

    /// Kills the server at random moments that are spread over the run, and starts it again at once.
    async fn kill_and_restart(
        self,
        mut server: ServerProcess,
        command: &ServerCommand,
        yard: &Yard,
        report: &mut KillLoopReport,
    ) -> ServerProcess {
        for kill in 1..=self.kills {
            let at = kill * self.images / (self.kills + 1);
            while yard.next.load(Ordering::Relaxed) < at {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(random() % 200)).await;
            report.collected += yard.collected().await;
            server.kill();
            report.kills += 1;
            server = command.start();
        }
        server
    }
}

impl Yard {
    fn new(server: &ServerProcess, images: u64) -> Self {
        let seed = random() >> 24;
        let layer = |number: u64| {
            let length = usize::try_from(32 * 1024 * (1 + number * number / 8)).expect("a small layer");
            TestBlob::new(MediaType::LAYER, noise(seed + number, length))
        };
        Self {
            client: RegistryClient::new([server.url()]),
            layers: (0..BASE_LAYERS).map(layer).collect(),
            seed,
            images,
            next: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            lost_under_way: AtomicU64::new(0),
        }
    }

    /// Pushes images until all are pushed; deletes some of its own, and pushes some of those again.
    async fn write(self: Arc<Self>) -> Log {
        let mut log = Log::default();
        let mut away: Vec<(Instant, Berth)> = Vec::new();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.images {
                break;
            }
            let repository = format!("fleet/{}", number % REPOSITORIES);
            let berth = Berth { repository, tag: format!("v{number}"), image: self.image(number) };
            self.push(berth, &mut log).await;
            if number % 4 == 3 {
                let deleted = self.delete_one(&mut log).await;
                // Back just when the collector comes round to what it needs.
                let due = Instant::now() + Duration::from_millis(random() % 2000);
                away.extend(deleted.filter(|_| number % 8 == 3).map(|berth| (due, berth)));
            }
            if let Some(due) = away.iter().position(|(due, _)| *due <= Instant::now()) {
                self.push(away.swap_remove(due).1, &mut log).await;
            }
        }
        for (due, berth) in away {
            tokio::time::sleep_until(due.into()).await;
            self.push(berth, &mut log).await;
        }
        log
    }

    async fn push(&self, berth: Berth, log: &mut Log) {
        log.pushes += 1;
        match self.persist(|| self.push_once(&berth)).await {
            Ok(()) => log.kept.push(berth),
            Err(error) => log.failed.push(format!("{}:{}: {error}", berth.repository, berth.tag)),
        }
    }

    /// Deletes one of the writer's images.
    async fn delete_one(&self, log: &mut Log) -> Option<Berth> {
        let chosen = usize::try_from(random() % log.kept.len().max(1) as u64).expect("an index");
        let berth = (chosen < log.kept.len()).then(|| log.kept.swap_remove(chosen))?;
        let digest = berth.image.manifest.digest();
        match self.persist(|| self.client.delete_manifest(&berth.repository, digest)).await {
            Ok(()) => log.deleted += 1,
            Err(error) => log.failed.push(format!("deleting {}:{}: {error}", berth.repository, berth.tag)),
        }
        Some(berth)
    }

    /// Pushes an image as clients do: look, mount or upload, and the manifest last.
    async fn push_once(&self, berth: &Berth) -> Result<(), ClientError> {
        let Berth { repository, tag, image } = berth;
        for blob in image.blobs() {
            if self.client.has_blob(repository, blob.digest()).await? {
                continue;
            }
            let neighbour = format!("fleet/{}", random() % REPOSITORIES);
            match self.client.mount(repository, blob.digest(), &neighbour).await? {
                None => {}
                Some(session) => self.client.close(&session, blob.digest(), blob.bytes.clone()).await?,
            }
        }
        self.client.put_manifest(repository, tag, &image.manifest).await
    }

    /// Tries something again while it fails, after longer and longer waits.
    async fn persist<F: Future<Output = Result<(), ClientError>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<(), ClientError> {
        let mut wait = FIRST_WAIT;
        let mut outcome = attempt().await;
        self.retried.fetch_add(u64::from(outcome.is_err()), Ordering::Relaxed);
        for _ in 1..TRIES {
            match &outcome {
                Ok(()) => return outcome,
                Err(error) if error.status == Some(StatusCode::BAD_REQUEST) => {
                    self.lost_under_way.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => {}
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
            outcome = attempt().await;
        }
        outcome
    }

    /// An image with two layers that others have too, and one of its own.
    fn image(&self, number: u64) -> Image {
        let base = |which: u64| {
            self.layers[usize::try_from(which % BASE_LAYERS).expect("the number of a layer")].clone()
        };
        let own = TestBlob::new(MediaType::LAYER, noise(self.seed + 1000 + number, 20_000));
        Image::of_layers(self.seed + number, vec![base(number * 7), base(number * 11 + 3), own])
    }

    async fn pull_all(&self, kept: &[Berth], report: &mut KillLoopReport) {
        for Berth { repository, tag, image } in kept {
            match self.client.pull_image(repository, tag, image).await {
                Ok(()) => report.pulled += 1,
                Err(error) => report.broken.push(error.to_string()),
            }
        }
    }

    /// How many contents the running server has collected.
    async fn collected(&self) -> u64 {
        let Ok(answer) = self.client.request(Method::GET, "/metrics").send().await else { return 0 };
        let metrics = body_of(answer).await.unwrap_or_default();
        let metrics = String::from_utf8_lossy(&metrics);
        let count = metrics.lines().find_map(|line| line.strip_prefix("plimsoll_gc_blobs_total "));
        count.and_then(|count| count.parse().ok()).unwrap_or(0)
    }
}

fn stop(mut server: ServerProcess) {
    server.ask_to_stop();
    assert!(server.wait(Duration::from_secs(40)).success(), "{}", server.log());
}

/// Looks at what the stopped server left, with clocks at which nothing is too young to be looked at.
async fn check_storage(directory: &TempDir, kept: &[Berth], report: &mut KillLoopReport) {
    let data_dir = directory.path().to_owned();
    let config = StorageConfig {
        catalogue: CatalogueConfig::Sqlite { data_dir: data_dir.clone() },
        objects: ObjectsConfig::Local { data_dir, reserve_bytes: 0 },
    };
    let storage = Storage::open(&config).await.expect("the storage opens");
    report.fsck = registry_in(&storage, Duration::from_secs(2 * 3600)).fsck(|_| {}).await.expect("a report");
    let much_later = registry_in(&storage, Duration::from_secs(100 * 3600));
    much_later.collect_garbage().await.expect("garbage is collected");
    let objects = storage.objects().list(KeyKind::Blob).count().await;
    let needed: BTreeSet<Digest> =
        kept.iter().flat_map(|berth| berth.image.blobs()).map(TestBlob::digest).collect();
    report.objects_and_needed = (objects, needed.len());
}

/// The registry's operations, when this much time has passed.
fn registry_in(storage: &Storage, later: Duration) -> Registry {
    let config = RegistryConfig {
        grace: Duration::ZERO,
        hold: HOLD,
        upload_ttl: HOLD,
        immutable_tags: Vec::new(),
        redirect: false,
    };
    let clock = Arc::new(move || plimsoll_server::now().plus(later));
    Registry::new(storage.catalogue().clone(), storage.objects().clone(), clock, config)
}

fn random() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1
}
