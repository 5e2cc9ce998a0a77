//! The program as the supervisor of a container, and as the process that becomes the container.
//!
//! Both are told what to do on standard input, by messages of `plimsoll-runtime` alone, so they do not go through the
//! command line's grammar.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use plimsoll_runtime::{ContainerConfig, Isolation, run_inside, supervise};

/// The hidden command that makes the program a supervisor.
const SUPERVISE: &str = "supervise-container";

/// The hidden command that makes the program the first process of a container.
const BECOME: &str = "become-container";

/// As shells answer for a command that cannot be run.
const CANNOT_RUN: u8 = 127;

/// A run of the program in one of the two roles.
pub(crate) enum ContainerRole {
    Supervisor,
    Inside,
}

impl ContainerRole {
    /// Whether the program was run in one of them.
    pub(crate) fn of(arguments: &[OsString]) -> Option<Self> {
        match arguments {
            [_, command] if command == SUPERVISE => Some(Self::Supervisor),
            [_, command] if command == BECOME => Some(Self::Inside),
            _ => None,
        }
    }

    /// Does what standard input says.
    pub(crate) fn run(&self) -> ExitCode {
        let error = match self {
            Self::Supervisor => match supervise(&[BECOME]) {
                Ok(()) => return ExitCode::SUCCESS,
                Err(error) => error,
            },
            Self::Inside => run_inside(),
        };
        // Whoever does not listen still gets the exit code.
        let _ = writeln!(io::stderr(), "{error}");
        ExitCode::from(CANNOT_RUN)
    }
}

/// How commands run this program around a container.
pub(crate) fn container_config() -> ContainerConfig {
    ContainerConfig {
        // The program that runs now, even if its file was replaced meanwhile.
        program: Path::new("/proc/self/exe").to_owned(),
        supervisor: vec![SUPERVISE.to_owned()],
        isolation: Isolation::of_process(),
    }
}
