//! Load on a registry, and what it costs the registry.

use std::path::Path;
use std::process::ExitCode;

use super::Benchmark;

mod content;
mod images;
mod load;
mod memory;
mod options;
mod report;
mod rounds;
mod workload;

use options::Options;

/// Measures the registries that `words` ask for, one round of each after the other, and prints the table.
pub(crate) fn run(root: &Path, words: &[&str]) -> anyhow::Result<ExitCode> {
    let benchmark = Benchmark {
        name: "registry",
        usage: options::USAGE,
        options: Options::parse(root, words),
        out: |options| options.out.as_deref(),
    };
    benchmark.run(|options| Ok(report::markdown(options, &rounds::run(options)?)))
}
