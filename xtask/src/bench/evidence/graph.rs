//! Questions to a server with much evidence: the way of one image, and all images that lack an approval.

mod fill;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use tempfile::TempDir;

use crate::bench::child;
use crate::bench::connection::{Connection, Request};
use crate::bench::cores::Cores;
use crate::bench::figures::median;
use crate::bench::part::Figures;
use crate::bench::server::Server;
use crate::bench::side;

use self::fill::{FACTS, Filled, Place, fill};
use super::options::Options;

/// How many images are traced in a round, all over the registry.
const TRACES: usize = 200;
/// How often all that lack an approval are asked for in a round.
const LISTS: usize = 5;
/// How long the log may take to take up what was filled in.
const LOGGING_MAX: Duration = Duration::from_secs(600);

/// A server that holds much evidence.
pub(super) struct Graph {
    server: Server,
    filled: Filled,
    /// What was measured while it was made.
    made: Figures,
}

impl Graph {
    /// Fills a data directory, has the graph made from it, and serves it.
    pub(super) fn serve(options: &Options) -> anyhow::Result<Self> {
        let data =
            TempDir::with_prefix_in("graph-", &options.directory).context("making a data directory")?;
        let content = data.path().join("content");
        fs::create_dir(&content)?;
        let begun = Instant::now();
        let filled = tokio::runtime::Runtime::new()?.block_on(fill(&content, options.images))?;
        let facts = filled.images.len() as f64 * FACTS as f64;
        let mut made = Figures::from([
            ("graph.images".to_owned(), filled.images.len() as f64),
            ("graph.facts".to_owned(), facts),
            ("graph.fill".to_owned(), begun.elapsed().as_secs_f64()),
        ]);
        let mut reindex = Command::new(&options.program);
        reindex.args(["evidence", "reindex", "--quiet", "--data-dir"]).arg(&content);
        reindex.stdin(Stdio::null()).stdout(Stdio::null());
        let taken = child::run(&mut reindex).context("making the graph")?;
        made.insert("graph.reindex".to_owned(), taken.wall.as_secs_f64());
        made.insert("graph.reindex.cpu".to_owned(), taken.cpu.as_secs_f64());
        made.insert("graph.reindex.rate".to_owned(), facts / taken.wall.as_secs_f64());
        made.insert("graph.reindex.rss".to_owned(), taken.rss_peak_bytes as f64 / f64::from(1 << 20));
        let side = side::plimsoll_alone(&options.program);
        let server = Server::start_on(&side, Cores::split()?.server, data)?;
        let graph = Self { server, filled, made };
        graph.wait_for_log(facts)?;
        Ok(graph)
    }

    fn wait_for_log(&self, facts: f64) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            // Until its first batch, the log has none.
            let note = self.get("/log/checkpoint").unwrap_or_default();
            let size =
                String::from_utf8_lossy(&note).lines().nth(1).and_then(|line| line.parse::<f64>().ok());
            if size.is_some_and(|size| size >= facts) {
                return Ok(());
            }
            ensure!(begun.elapsed() < LOGGING_MAX, "the log has {size:?} entries and not {facts}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    pub(super) fn measure(&self) -> anyhow::Result<Figures> {
        let mut figures = self.made.clone();
        let step = (self.filled.images.len() / TRACES).max(1);
        let begun = self.cpu_ms()?;
        let mut traces = Vec::new();
        for place in self.filled.images.iter().step_by(step) {
            traces.push(self.trace(place)?);
        }
        figures.insert("graph.trace.cpu".to_owned(), (self.cpu_ms()? - begun) / traces.len() as f64);
        traces.sort_by(f64::total_cmp);
        figures.extend(traces.get(traces.len() * 99 / 100).map(|slow| ("graph.trace.p99".to_owned(), *slow)));
        figures.extend(median(traces.into_iter()).map(|median| ("graph.trace".to_owned(), median)));
        let begun = self.cpu_ms()?;
        let lists: Vec<f64> = (0..LISTS).map(|_| self.lacking()).collect::<anyhow::Result<_>>()?;
        figures.insert("graph.lacking.cpu".to_owned(), (self.cpu_ms()? - begun) / LISTS as f64);
        figures.extend(median(lists.into_iter()).map(|median| ("graph.lacking".to_owned(), median)));
        figures.insert("graph.lacking.rows".to_owned(), self.filled.lacking as f64);
        Ok(figures)
    }

    /// Processor time that the server has used; milliseconds.
    fn cpu_ms(&self) -> anyhow::Result<f64> {
        let usage = self.server.usage()?.context("the server was not started here")?;
        Ok(usage.cpu.as_secs_f64() * 1e3)
    }

    /// Traces an image; milliseconds.
    fn trace(&self, place: &Place) -> anyhow::Result<f64> {
        let path = format!("/v2/{}/_plimsoll/trace/{}", place.repository, place.digest);
        let begun = Instant::now();
        let trace = self.get(&path)?;
        let taken = begun.elapsed().as_secs_f64() * 1e3;
        let trace = String::from_utf8_lossy(&trace);
        ensure!(
            trace.contains(r#""grade":"signed""#) && trace.contains("logIndex"),
            "a trace says too little: {trace}"
        );
        Ok(taken)
    }

    /// Asks for all images that lack an approval, page by page; milliseconds.
    fn lacking(&self) -> anyhow::Result<f64> {
        #[derive(Deserialize)]
        struct Page {
            images: Vec<serde::de::IgnoredAny>,
            last: Option<String>,
        }
        let (mut rows, mut last, begun) = (0, String::new(), Instant::now());
        loop {
            let page: Page =
                serde_json::from_slice(&self.get(&format!("/v2/_plimsoll/lacking/prod{last}"))?)?;
            rows += page.images.len() as u64;
            let Some(next) = page.last else { break };
            last = format!("?last={next}");
        }
        let taken = begun.elapsed().as_secs_f64() * 1e3;
        ensure!(
            rows == self.filled.lacking,
            "{rows} images lack an approval, and not {}",
            self.filled.lacking
        );
        Ok(taken)
    }

    fn get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        let mut take = |piece: &[u8]| body.extend_from_slice(piece);
        Connection::new(&self.server.address).expect(200, &Request::without_body("GET", path), &mut take)?;
        Ok(body)
    }
}
