//! Load on a registry, and what it costs the registry.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use super::section;

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
    let options = match Options::parse(root, words) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::USAGE);
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => {
            eprintln!("error: {error:#}\n\n{}", options::USAGE);
            return Ok(ExitCode::from(2));
        }
    };
    if cfg!(debug_assertions) {
        eprintln!("note: this load generator is not optimised; `make bench` builds one that is");
    }
    let outcome = rounds::run(&options)?;
    let text = report::markdown(&options, &outcome);
    println!("{text}");
    if let Some(path) = &options.out {
        section::write(path, "registry", &text).with_context(|| format!("writing `{}`", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
