//! How a workload is put on a registry, and what is measured meanwhile.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};

use super::content::Content;
use super::images::{Client, Image, Stored, Upload};
use super::workload::{Action, SIZES, SMALL, TINY, Workload};

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
            client.push_image(
                &format!("bench/catalogue-{index:02}"),
                Upload::Monolith,
                TINY,
                next_number(),
            )?;
        }
        let mut images = Vec::new();
        for size in SIZES {
            let image = client.push_image("bench/pull", Upload::Streamed, *size, next_number())?;
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
        let cpu_before = cpu_used()?;
        let start = Instant::now();
        let workers = self.run(workload, operations)?;
        let wall = start.elapsed();
        let cpu = cpu_used()?.zip(cpu_before).map(|(after, before)| after.saturating_sub(before));

        self.verify(&workers)?;
        let latencies = workers.iter().flat_map(|worker| worker.latencies.iter().copied());
        let mut latencies: Vec<Duration> = latencies.collect();
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

    fn run(&self, workload: &Workload, operations: usize) -> anyhow::Result<Vec<Worker>> {
        let next_operation = AtomicUsize::new(0);
        thread::scope(|scope| {
            let work = || Worker::run(self, workload.action, &next_operation, operations);
            let started: Vec<_> =
                (0..workload.connections.min(operations)).map(|_| scope.spawn(work)).collect();
            started
                .into_iter()
                .map(|worker| worker.join().map_err(|_| anyhow!("a worker panicked"))?)
                .collect()
        })
    }

    /// Reads back the last blob that each worker pushed.
    fn verify(&self, workers: &[Worker]) -> anyhow::Result<()> {
        let mut client = Client::new(self.address, self.content);
        let pushed = workers.iter().filter_map(|worker| worker.last_pushed.as_ref());
        for (repository, blob) in pushed {
            client.verify_blob(repository, blob)?;
        }
        Ok(())
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
            Action::Catalogue => client.catalogue(),
            Action::Manifest(method) => client.manifest(method, loaded.image(TINY)?),
            Action::HeadBlob => client.head_blob("bench/pull", &loaded.image(SMALL)?.layer),
            Action::GetBlob(size) => client.get_blob("bench/pull", &loaded.image(size)?.layer),
            Action::PushBlob(upload, size) => {
                let number = loaded.numbers.fetch_add(1, Ordering::Relaxed);
                let layer = client.push_layer("bench/push", upload, size, number)?;
                Ok(self.note_pushed("bench/push", layer))
            }
            Action::Pull(sizes) => client.pull_image(loaded.image(sizes[index % sizes.len()])?),
            Action::Push(upload, sizes) => self.push(client, loaded, upload, sizes[index % sizes.len()]),
            Action::PullsAndPush(size) if index % 4 == 3 => self.push(client, loaded, Upload::Monolith, size),
            Action::PullsAndPush(size) => client.pull_image(loaded.image(size)?),
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
    fn a_percentile_is_a_measured_value() {
        let latencies: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&latencies, 50), Duration::from_millis(100));
        assert_eq!(percentile(&latencies, 99), Duration::from_millis(198));
        assert_eq!(percentile(&latencies[..1], 99), Duration::from_millis(1));
    }
}
