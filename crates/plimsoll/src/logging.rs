use tracing_subscriber::EnvFilter;

use crate::arguments::{GlobalArguments, LogFormat};
use crate::environment::Environment;
use crate::failure::Failure;

/// Sends log events to standard error. `PLIMSOLL_LOG` takes filters such as `plimsoll_registry=debug`, and wins over
/// `-v` and `-q`.
pub(crate) fn start(global: &GlobalArguments, environment: &Environment) -> Result<(), Failure> {
    let by_flags = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    let filter = environment.text("PLIMSOLL_LOG").unwrap_or(by_flags);
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Failure::usage("`PLIMSOLL_LOG` is not a log filter").because(&error))?;
    let events = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match global.log_format {
        LogFormat::Json => events.json().flatten_event(true).try_init(),
        LogFormat::Text => events.with_ansi(false).with_target(false).try_init(),
    };
    started.map_err(|error| Failure::not_evaluated("cannot start logging").because(&*error))
}
