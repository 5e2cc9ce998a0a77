//! What scanning costs: a layer, the advisories, a verdict, and a registry of a hundred thousand images.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use super::section;

mod advisories;
mod child;
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
mod stopwatch;

use options::Options;

/// Measures what `words` ask for, and prints the tables.
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
        eprintln!("note: this program is not optimised; `make bench-scan` builds one that is");
    }
    let outcome = rounds::run(&options)?;
    let text = report::markdown(&options, &outcome);
    println!("{text}");
    if let Some(path) = &options.out {
        section::write(path, "scan", &text).with_context(|| format!("writing `{}`", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes one measurement in this process, for the process that makes them all.
pub(crate) fn run_part(words: &[&str]) -> anyhow::Result<ExitCode> {
    println!("{}", part::run(words)?);
    Ok(ExitCode::SUCCESS)
}
