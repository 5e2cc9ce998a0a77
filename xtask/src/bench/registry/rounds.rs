//! Sides take turns, so that whatever else happens on the machine happens to all of them.

use std::sync::atomic::AtomicU64;

use anyhow::Context as _;

use super::content::Content;
use super::load::{Loaded, Measurement};
use super::memory;
use super::options::Options;
use super::workload::{SIZES, Workload};
use crate::bench::cores::{self, Cores};
use crate::bench::server::Server;
use crate::bench::side::Side;
use crate::bench::usage::Usage;

/// What all rounds showed.
pub(super) struct Outcome {
    pub(super) sides: Vec<SideOutcome>,
}

/// What all rounds showed of one side.
pub(super) struct SideOutcome {
    pub(super) side: Side,
    /// For each workload, one measurement per round.
    pub(super) measurements: Vec<(&'static Workload, Vec<Measurement>)>,
    /// The peak of each round.
    pub(super) rss_peaks_bytes: Vec<u64>,
}

/// Runs every workload on every side, as many rounds as asked for.
pub(super) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let cores = Cores::split()?;
    let content = Content::of_sizes(SIZES);
    let numbers = AtomicU64::new(0);
    let mut sides: Vec<SideOutcome> =
        options.sides.iter().map(|side| SideOutcome::new(side, options)).collect();
    for round in 1..=options.rounds {
        for outcome in &mut sides {
            eprintln!("round {round} of {}: {}", options.rounds, outcome.side.name);
            let server = Server::start(&outcome.side, cores.server, &options.data_parent)?;
            cores::on_core(cores.client, || outcome.add_round(options, &server, &content, &numbers))?
                .with_context(|| format!("measuring `{}`", outcome.side.name))?;
            drop(server);
            // What one side left unwritten must not slow the other.
            rustix::fs::sync();
        }
    }
    Ok(Outcome { sides })
}

impl SideOutcome {
    fn new(side: &Side, options: &Options) -> Self {
        let measurements = options.workloads.iter().map(|workload| (*workload, Vec::new())).collect();
        Self { side: side.clone(), measurements, rss_peaks_bytes: Vec::new() }
    }

    fn add_round(
        &mut self,
        options: &Options,
        server: &Server,
        content: &Content,
        numbers: &AtomicU64,
    ) -> anyhow::Result<()> {
        let loaded = Loaded::prepare(&server.address, content, numbers)?;
        for (workload, measurements) in &mut self.measurements {
            let operations = (workload.operations / options.shrink).max(workload.connections);
            memory::warm(&options.data_parent, workload.action.bytes_written(operations))?;
            let cpu_used = || Ok(server.usage()?.map(|usage: Usage| usage.cpu));
            let measurement =
                loaded.measure(workload, operations, cpu_used).with_context(|| workload.name.to_owned())?;
            measurements.push(measurement);
        }
        self.rss_peaks_bytes.extend(server.usage()?.map(|usage| usage.rss_peak_bytes));
        Ok(())
    }
}
