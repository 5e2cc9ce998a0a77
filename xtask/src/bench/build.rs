//! What building costs: an image that only copies files, by our own assembler and by buildah; and what judging it costs:
//! its layers, and Dockerfiles.

use std::path::Path;
use std::process::ExitCode;

use super::Benchmark;

mod assembler;
mod closure;
mod layers;
mod lint;
mod options;

use options::{Options, Part};

/// Measures what `words` ask for, and prints the tables.
pub(crate) fn run(root: &Path, words: &[&str]) -> anyhow::Result<ExitCode> {
    let benchmark = Benchmark {
        name: "build",
        usage: options::USAGE,
        options: Options::parse(root, words),
        out: |options| options.out.as_deref(),
    };
    benchmark.run(|options| {
        let tables: Vec<String> =
            options.parts.iter().map(|part| measure(*part, options)).collect::<anyhow::Result<_>>()?;
        Ok(tables.join("\n"))
    })
}

fn measure(part: Part, options: &Options) -> anyhow::Result<String> {
    match part {
        Part::Assembler => assembler::measure(options),
        Part::Closure => closure::measure(options),
        Part::Layers => layers::measure(options),
        Part::Lint => lint::measure(options),
    }
}
