//! What evidence costs: a bundle verified, an image with many, the log, a proof from a large tree, and questions to a
//! registry that holds much.

use std::path::Path;
use std::process::ExitCode;

use super::Benchmark;

mod bundle;
mod graph;
mod image;
mod log;
mod options;
mod part;
mod report;
mod rounds;
mod tree;

use options::Options;

/// Measures what `words` ask for, and prints the tables.
pub(crate) fn run(root: &Path, words: &[&str]) -> anyhow::Result<ExitCode> {
    let benchmark = Benchmark {
        name: "evidence",
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
