//! The program as the layer analyser: a child that gives up everything but its pipes before it reads a layer.
//!
//! It is run without environment and reads no configuration, so it does not go through the command line's grammar.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use plimsoll_analyser::{AnalyserConfig, ChildOutcome, analyse_stdin};

use crate::environment::Environment;

/// The hidden command that makes the program an analyser.
const COMMAND: &str = "analyse";

/// How long one layer may take.
const TIME_MAX: Duration = Duration::from_secs(1800);

/// The exit code when something other than the layer is at fault.
const FAILED: u8 = 4;

/// A run of the program in this role.
pub(crate) struct AnalyserRole {
    spool: PathBuf,
}

impl AnalyserRole {
    /// Whether the program was run in this role, and where it may put files.
    pub(crate) fn of(arguments: &[OsString]) -> Option<Self> {
        match arguments {
            [_, command, spool] if command == COMMAND => Some(Self { spool: spool.into() }),
            _ => None,
        }
    }

    /// Analyses the layer on standard input.
    pub(crate) fn run(&self) -> ExitCode {
        match analyse_stdin(&self.spool) {
            ChildOutcome::Analysed => ExitCode::SUCCESS,
            ChildOutcome::Refused(error) => complain(&error, 3),
            ChildOutcome::Failed(error) => complain(&error, FAILED),
        }
    }
}

/// Tells the parent why there is no record, with every cause.
fn complain(error: &dyn std::error::Error, code: u8) -> ExitCode {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    // Whoever does not listen still gets the exit code.
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::from(code)
}

/// How commands run this program as an analyser: one child for each processor.
pub(crate) fn analyser_config(environment: &Environment) -> AnalyserConfig {
    AnalyserConfig {
        // The program that runs now, even if its file was replaced meanwhile.
        program: "/proc/self/exe".into(),
        arguments: vec![COMMAND.to_owned()],
        spool: spool_directory(environment),
        children_max: std::thread::available_parallelism().map_or(1, usize::from),
        time_max: TIME_MAX,
    }
}

/// A directory on a disk, for large files of a short life: `/tmp` is often memory.
fn spool_directory(environment: &Environment) -> PathBuf {
    let large = || Some(PathBuf::from("/var/tmp")).filter(|path| path.is_dir());
    environment.path("TMPDIR").or_else(large).unwrap_or_else(|| Path::new("/tmp").to_owned())
}
