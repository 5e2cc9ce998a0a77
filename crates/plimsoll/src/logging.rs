use tracing_subscriber::EnvFilter;

use crate::arguments::{GlobalArguments, LogFormat};
use crate::environment::Environment;
use crate::failure::Failure;

/// What a command logs when nobody asks for more or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DefaultLevel {
    /// What somebody should look after.
    Warnings,
    /// What happens, too: a server's log is where it tells of each request.
    Events,
}

/// Sends log events to standard error. `PLIMSOLL_LOG` takes filters such as `plimsoll_registry=debug`, and wins over
/// `-v` and `-q`.
pub(crate) fn start(
    global: &GlobalArguments,
    environment: &Environment,
    default: DefaultLevel,
) -> Result<(), Failure> {
    let filter = environment.text("PLIMSOLL_LOG").unwrap_or_else(|| level(global, default));
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Failure::usage("`PLIMSOLL_LOG` is not a log filter").because(&error))?;
    let events = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match global.log_format {
        LogFormat::Json => events.json().flatten_event(true).try_init(),
        LogFormat::Text => events.with_ansi(false).with_target(false).try_init(),
    };
    started.map_err(|error| Failure::not_evaluated("cannot start logging").because(&*error))
}

/// Each `-v` goes one level further than the command's own.
fn level(global: &GlobalArguments, default: DefaultLevel) -> &'static str {
    let unasked = match default {
        DefaultLevel::Warnings => 0,
        DefaultLevel::Events => 1,
    };
    match (global.quiet, global.verbose.saturating_add(unasked)) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    }
}
