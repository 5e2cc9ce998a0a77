//! The binary: it turns arguments, configuration and environment into calls, and results into output and exit codes.
//!
//! It wires the crates together and decides nothing itself.

mod advisories;
mod analyser_role;
mod arguments;
mod ci_token;
mod command;
mod container_role;
mod context;
mod credential_helper;
mod credential_role;
mod environment;
mod failure;
mod logging;
mod places;
mod prompt;
mod reading;
mod settings;
mod signing;
mod source_tree;
mod terminal;
mod trust;
mod yaml;

use std::ffi::OsString;
use std::process::ExitCode;

use analyser_role::AnalyserRole;
use arguments::Invocation;
use container_role::ContainerRole;
use context::Context;
use credential_role::CredentialRole;
use environment::Environment;

fn main() -> ExitCode {
    let environment = Environment::of_process();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(role) = AnalyserRole::of(&arguments) {
        return role.run();
    }
    if let Some(role) = ContainerRole::of(&arguments) {
        return role.run();
    }
    if let Some(role) = CredentialRole::of(&arguments) {
        return role.run(&environment);
    }
    let invocation = match Invocation::parse(arguments, &environment) {
        Ok(invocation) => invocation,
        Err(answer) => return answer.print(),
    };
    let mut context = Context::new(environment, &invocation.global);
    let outcome =
        logging::start(&invocation.global, context.environment(), invocation.command.default_level())
            .and_then(|()| invocation.command.run(&mut context));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => context.terminal().report(&failure),
    }
}
