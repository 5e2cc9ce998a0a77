//! What scanning costs: a layer, the advisories, a verdict, and a registry of a hundred thousand images.

use std::path::Path;
use std::process::ExitCode;

use super::Benchmark;

mod advisories;
mod fleet;
mod image;
mod inventory;
mod layer;
mod options;
mod part;
mod peers;
mod report;
mod rounds;
mod serving;

pub(super) use layer::{Layer, TAG};
use options::Options;

/// Measures what `words` ask for, and prints the tables.
pub(crate) fn run(root: &Path, words: &[&str]) -> anyhow::Result<ExitCode> {
    let benchmark = Benchmark {
        name: "scan",
        usage: options::USAGE,
        options: Options::parse(root, words),
        out: |options| options.out.as_deref(),
    };
    benchmark.run(|options| Ok(report::markdown(options, &rounds::run(options)?)))
}

/// Makes one measurement in this process, for the process that makes them all.
pub(crate) fn run_part(words: &[&str]) -> anyhow::Result<ExitCode> {
    println!("{}", part::run(words)?);
    Ok(ExitCode::SUCCESS)
}
