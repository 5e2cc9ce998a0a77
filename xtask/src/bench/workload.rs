//! The loads, by name, and how one of them is put on a registry.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};

use super::content::{Content, MIB};
use super::images::{Client, Image, Stored, Upload};

/// One kind of load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workload {
    pub(super) name: &'static str,
    pub(super) connections: usize,
    pub(super) operations: usize,
    pub(super) unit: Unit,
    /// The server CPU that Plimsoll aims to stay under, in `unit`.
    pub(super) target: Option<f64>,
    pub(super) action: Action,
}

/// What the server's CPU time is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Microseconds for each request.
    Request,
    /// Milliseconds for each operation of several requests.
    Operation,
    /// Seconds for each 10^9 bytes moved.
    Gigabyte,
}

/// What one operation does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Catalogue,
    Manifest(&'static str),
    HeadBlob,
    GetBlob(usize),
    PushBlob(Upload, usize),
    /// Layer sizes that operations take in turn.
    Pull(&'static [usize]),
    Push(Upload, &'static [usize]),
    /// Three pulls, then a push.
    PullsAndPush(usize),
}

const TINY: usize = 1 << 10;
const SMALL: usize = MIB;
const MEDIUM: usize = 10 * MIB;
const LARGE: usize = 100 * MIB;
/// 20 % 1 MB, 70 % 10 MB, 10 % 100 MB.
const MIXED: &[usize] = &[MEDIUM, SMALL, MEDIUM, MEDIUM, LARGE, MEDIUM, SMALL, MEDIUM, MEDIUM, MEDIUM];
const THIRDS: &[usize] = &[SMALL, MEDIUM, LARGE];

/// Every size of layer above, for [`Content::of_sizes`].
pub(super) const SIZES: &[usize] = &[TINY, SMALL, MEDIUM, LARGE];

const fn workload(
    name: &'static str,
    connections: usize,
    operations: usize,
    unit: Unit,
    action: Action,
) -> Workload {
    Workload { name, connections, operations, unit, target: None, action }
}

const fn with_target(target: f64, workload: Workload) -> Workload {
    Workload { target: Some(target), ..workload }
}

use Action::{Catalogue, GetBlob, HeadBlob, Manifest, Pull, PullsAndPush, Push, PushBlob};
use Unit::{Gigabyte, Operation, Request};
use Upload::{Monolith, Streamed};

/// The loads of zot's `zb` under their names there, and below them single requests.
pub(super) const WORKLOADS: &[Workload] = &[
    workload("Get Catalog", 8, 1000, Request, Catalogue),
    workload("Push Monolith 1MB", 8, 200, Gigabyte, Push(Monolith, &[SMALL])),
    workload("Push Monolith 10MB", 8, 24, Gigabyte, Push(Monolith, &[MEDIUM])),
    workload("Push Monolith 100MB", 1, 5, Gigabyte, Push(Monolith, &[LARGE])),
    workload("Push Chunk Streamed 1MB", 8, 200, Gigabyte, Push(Streamed, &[SMALL])),
    workload("Push Chunk Streamed 10MB", 8, 24, Gigabyte, Push(Streamed, &[MEDIUM])),
    workload("Push Chunk Streamed 100MB", 4, 5, Gigabyte, Push(Streamed, &[LARGE])),
    workload("Pull 1MB", 8, 1000, Gigabyte, Pull(&[SMALL])),
    workload("Pull 10MB", 8, 100, Gigabyte, Pull(&[MEDIUM])),
    workload("Pull 100MB", 1, 10, Gigabyte, Pull(&[LARGE])),
    workload("Pull Mixed 20% 1MB, 70% 10MB, 10% 100MB", 8, 60, Gigabyte, Pull(MIXED)),
    workload("Push Monolith Mixed 20% 1MB, 70% 10MB, 10% 100MB", 8, 20, Gigabyte, Push(Monolith, MIXED)),
    workload("Push Chunk Mixed 33% 1MB, 33% 10MB, 33% 100MB", 8, 9, Gigabyte, Push(Streamed, THIRDS)),
    workload("Pull 75% and Push 25% Mixed 1MB", 8, 400, Gigabyte, PullsAndPush(SMALL)),
    workload("Pull 75% and Push 25% Mixed 10MB", 8, 60, Gigabyte, PullsAndPush(MEDIUM)),
    workload("Pull 75% and Push 25% Mixed 100MB", 4, 12, Gigabyte, PullsAndPush(LARGE)),
    with_target(60.0, workload("Manifest GET by tag", 16, 5000, Request, Manifest("GET"))),
    workload("Manifest HEAD by tag", 16, 5000, Request, Manifest("HEAD")),
    workload("Blob HEAD", 16, 5000, Request, HeadBlob),
    with_target(1.0, workload("Blob GET 1MB", 8, 1000, Gigabyte, GetBlob(SMALL))),
    with_target(0.30, workload("Blob GET 100MB", 1, 20, Gigabyte, GetBlob(LARGE))),
    with_target(1.2, workload("Blob POST+PUT 100MB", 1, 5, Gigabyte, PushBlob(Monolith, LARGE))),
    with_target(4.0, workload("Tiny image (2 blobs + manifest)", 8, 300, Operation, Push(Monolith, &[TINY]))),
];

/// What one run of a workload showed.
#[derive(Clone, Debug)]
pub(super) struct Measurement {
    pub(super) operations: usize,
    pub(super) bytes: u64,
    pub(super) wall: Duration,
    /// Of the server; not known for one that was not started here.
    pub(super) cpu: Option<Duration>,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

/// A registry with images in it, ready to be put under load.
pub(super) struct Loaded<'a> {
    address: &'a str,
    content: &'a Content,
    /// The number of the next image; never given twice in a run of this program.
    numbers: &'a AtomicU64,
    /// One image of each size, pushed and read back.
    images: Vec<Image>,
}

/// How many repositories the catalogue lists at least.
const CATALOGUE_LENGTH: usize = 20;

impl<'a> Loaded<'a> {
    /// Pushes what the workloads pull, and checks the digest of every blob that comes back.
    pub(super) fn prepare(
        address: &'a str,
        content: &'a Content,
        numbers: &'a AtomicU64,
    ) -> anyhow::Result<Self> {
        let mut client = Client::new(address, content);
        let next_number = || numbers.fetch_add(1, Ordering::Relaxed);
        for index in 0..CATALOGUE_LENGTH {
            client.push_image(&format!("bench/catalogue-{index:02}"), Monolith, TINY, next_number())?;
        }
        let mut images = Vec::new();
        for size in SIZES {
            let image = client.push_image("bench/pull", Streamed, *size, next_number())?;
            client.verify_blob(&image.repository, &image.config)?;
            client.verify_blob(&image.repository, &image.layer)?;
            images.push(image);
        }
        Ok(Self { address, content, numbers, images })
    }

    /// Runs `operations` of a workload over its connections; `cpu_used` reads the server's CPU time.
    pub(super) fn measure(
        &self,
        workload: &Workload,
        operations: usize,
        cpu_used: impl Fn() -> anyhow::Result<Option<Duration>>,
    ) -> anyhow::Result<Measurement> {
        let next_operation = AtomicUsize::new(0);
        let cpu_before = cpu_used()?;
        let start = Instant::now();
        let workers = thread::scope(|scope| -> anyhow::Result<Vec<Worker>> {
            let work = || Worker::run(self, workload.action, &next_operation, operations);
            let started: Vec<_> =
                (0..workload.connections.min(operations)).map(|_| scope.spawn(work)).collect();
            started
                .into_iter()
                .map(|worker| worker.join().map_err(|_| anyhow!("a worker panicked"))?)
                .collect()
        })?;
        let wall = start.elapsed();
        let cpu = cpu_used()?.zip(cpu_before).map(|(after, before)| after.saturating_sub(before));

        let mut client = Client::new(self.address, self.content);
        for (repository, blob) in workers.iter().filter_map(|worker| worker.last_pushed.as_ref()) {
            client.verify_blob(repository, blob)?;
        }
        let mut latencies: Vec<Duration> =
            workers.iter().flat_map(|worker| worker.latencies.iter().copied()).collect();
        latencies.sort_unstable();
        Ok(Measurement {
            operations,
            bytes: workers.iter().map(|worker| worker.bytes).sum(),
            wall,
            cpu,
            p50: percentile(&latencies, 50),
            p99: percentile(&latencies, 99),
        })
    }

    fn image(&self, layer_bytes: usize) -> anyhow::Result<&Image> {
        let image = self.images.iter().find(|image| image.layer.bytes == layer_bytes as u64);
        image.with_context(|| format!("no image of {layer_bytes} bytes was prepared"))
    }
}

/// One connection's share of a workload.
#[derive(Default)]
struct Worker {
    latencies: Vec<Duration>,
    bytes: u64,
    /// Read back and hashed after the clock has stopped.
    last_pushed: Option<(String, Stored)>,
}

impl Worker {
    fn run(
        loaded: &Loaded<'_>,
        action: Action,
        next_operation: &AtomicUsize,
        operations: usize,
    ) -> anyhow::Result<Self> {
        let mut worker = Self::default();
        let mut client = Client::new(loaded.address, loaded.content);
        loop {
            let index = next_operation.fetch_add(1, Ordering::Relaxed);
            if index >= operations {
                return Ok(worker);
            }
            let start = Instant::now();
            worker.bytes += worker.perform(&mut client, loaded, action, index)?;
            worker.latencies.push(start.elapsed());
        }
    }

    /// Does the operation of this index and returns how many bytes it moved.
    fn perform(
        &mut self,
        client: &mut Client<'_>,
        loaded: &Loaded<'_>,
        action: Action,
        index: usize,
    ) -> anyhow::Result<u64> {
        match action {
            Catalogue => client.catalogue(),
            Manifest(method) => client.manifest(method, loaded.image(TINY)?),
            HeadBlob => client.head_blob("bench/pull", &loaded.image(SMALL)?.layer),
            GetBlob(size) => client.get_blob("bench/pull", &loaded.image(size)?.layer),
            PushBlob(upload, size) => {
                let number = loaded.numbers.fetch_add(1, Ordering::Relaxed);
                let layer = client.push_layer("bench/push", upload, size, number)?;
                Ok(self.note_pushed("bench/push", layer))
            }
            Pull(sizes) => client.pull_image(loaded.image(sizes[index % sizes.len()])?),
            Push(upload, sizes) => self.push(client, loaded, upload, sizes[index % sizes.len()]),
            PullsAndPush(size) if index % 4 == 3 => self.push(client, loaded, Monolith, size),
            PullsAndPush(size) => client.pull_image(loaded.image(size)?),
        }
    }

    fn push(
        &mut self,
        client: &mut Client<'_>,
        loaded: &Loaded<'_>,
        upload: Upload,
        size: usize,
    ) -> anyhow::Result<u64> {
        let number = loaded.numbers.fetch_add(1, Ordering::Relaxed);
        let image = client.push_image("bench/push", upload, size, number)?;
        Ok(image.manifest_bytes + image.config.bytes + self.note_pushed(&image.repository, image.layer))
    }

    fn note_pushed(&mut self, repository: &str, layer: Stored) -> u64 {
        let bytes = layer.bytes;
        self.last_pushed = Some((repository.to_owned(), layer));
        bytes
    }
}

/// The latency that `percent` per cent of a sorted list do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_what_its_name_says() {
        let share = |size| MIXED.iter().filter(|other| **other == size).count();
        assert_eq!((share(SMALL), share(MEDIUM), share(LARGE), MIXED.len()), (2, 7, 1, 10));
    }

    #[test]
    fn a_percentile_is_a_measured_value() {
        let latencies: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&latencies, 50), Duration::from_millis(100));
        assert_eq!(percentile(&latencies, 99), Duration::from_millis(198));
        assert_eq!(percentile(&latencies[..1], 99), Duration::from_millis(1));
    }
}
