//! Development tasks of the workspace, run as `cargo xtask TASK`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task reports to the person who started it")]
#![expect(
    clippy::disallowed_methods,
    reason = "tasks run cargo and registries, and read their own arguments"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod bench;
mod tidy;

const USAGE: &str = "\
usage: cargo xtask TASK

tasks:
  tidy              check what the compiler cannot: crate edges, docs, names, left-over marks
  bench registry    measure Plimsoll against another registry (`--help` lists the options)
  bench scan        measure scanning, from one layer to a hundred thousand images
  bench evidence    measure signatures, the log and its proofs
  bench build       measure building, beside buildah";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(3)
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tidy"] => tidy::run(&workspace_root()),
        ["bench", "registry", options @ ..] => bench::registry::run(&workspace_root(), options),
        ["bench", "scan", options @ ..] => bench::scan::run(&workspace_root(), options),
        ["bench", "scan-part", part @ ..] => bench::scan::run_part(part),
        ["bench", "build", options @ ..] => bench::build::run(&workspace_root(), options),
        ["bench", "evidence", options @ ..] => bench::evidence::run(&workspace_root(), options),
        ["bench", "evidence-part", part @ ..] => bench::evidence::run_part(part),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    }
}

/// The directory that holds the root `Cargo.toml`.
fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
