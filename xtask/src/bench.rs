//! What Plimsoll costs, measured beside others that do the same.

pub(crate) mod build;
mod child;
mod connection;
mod cores;
pub(crate) mod evidence;
mod figures;
mod part;
pub(crate) mod registry;
pub(crate) mod scan;
mod section;
mod server;
mod side;
mod stopwatch;
mod table;
mod usage;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

/// A benchmark: its words, and where its tables go.
struct Benchmark<O> {
    /// Its name, and that of its part of the page.
    name: &'static str,
    usage: &'static str,
    /// What its words say; nothing where they ask for help.
    options: anyhow::Result<Option<O>>,
    /// The page that is written to besides.
    out: fn(&O) -> Option<&Path>,
}

impl<O> Benchmark<O> {
    /// Measures, and prints the tables.
    fn run(self, measure: impl FnOnce(&O) -> anyhow::Result<String>) -> anyhow::Result<ExitCode> {
        let options = match self.options {
            Ok(Some(options)) => options,
            Ok(None) => {
                println!("{}", self.usage);
                return Ok(ExitCode::SUCCESS);
            }
            Err(error) => {
                eprintln!("error: {error:#}\n\n{}", self.usage);
                return Ok(ExitCode::from(2));
            }
        };
        if cfg!(debug_assertions) {
            eprintln!(
                "note: this program is not optimised; `make bench`, `make bench-scan`, `make bench-evidence` and `make bench-build` build one that is"
            );
        }
        let text = measure(&options)?;
        println!("{text}");
        if let Some(path) = (self.out)(&options) {
            section::write(path, self.name, &text)
                .with_context(|| format!("writing `{}`", path.display()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
