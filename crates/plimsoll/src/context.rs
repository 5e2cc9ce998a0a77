use std::future::Future;

use crate::arguments::GlobalArguments;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::terminal::{Step, Terminal};

/// What every command is given: where to write, and what the environment says.
pub(crate) struct Context {
    terminal: Terminal,
    environment: Environment,
}

impl Context {
    pub(crate) fn new(environment: Environment, global: &GlobalArguments) -> Self {
        Self { terminal: Terminal::new(global, &environment), environment }
    }

    pub(crate) fn terminal(&mut self) -> &mut Terminal {
        &mut self.terminal
    }

    /// Begins something that may take long.
    pub(crate) fn step(&self, label: &str) -> Step {
        self.terminal.step(label)
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Runs a command's asynchronous part until it ends or the user presses Ctrl-C.
    ///
    /// A server, which ends in its own time, starts a runtime of its own.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::not_evaluated("cannot start worker threads").because(&error))?;
        let outcome = runtime.block_on(async {
            tokio::select! {
                // First, so that no moment passes in which the signal is not heard.
                biased;
                pressed = tokio::signal::ctrl_c() => match pressed {
                    Ok(()) => Err(Failure::interrupted()),
                    Err(error) => Err(Failure::not_evaluated("cannot wait for signals").because(&error)),
                },
                outcome = work => outcome,
            }
        });
        // Threads may still read from something slow; nobody waits for what they read.
        runtime.shutdown_background();
        outcome
    }
}
