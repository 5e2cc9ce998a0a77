//! The built program as a user meets it: help, results, errors and exit codes.

mod accounts;
mod advisory_database;
mod backup;
mod bases;
mod budgets;
mod building;
mod compressing;
mod configuration;
mod copying;
mod data_dir;
mod errors;
mod evidence;
mod help;
mod image_layout;
mod import;
mod inspect;
mod layers;
mod linting;
mod listing;
mod logins;
mod mixed_image;
mod peers;
mod scanning;
mod serving;
mod signed_image;
mod surfaces;
mod tls;
mod upkeep;

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// How a run of the program ended.
struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Outcome {
    fn last_line(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// Runs the program in `directory`, with nothing but the given variables in its environment.
fn run_in(directory: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Outcome {
    finish(start(directory, variables, arguments))
}

#[expect(clippy::disallowed_methods, reason = "the tests run the built program")]
fn start(directory: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built")
}

fn finish(child: Child) -> Outcome {
    let output = child.wait_with_output().expect("the program ends");
    Outcome {
        code: output.status.code().expect("the program was not killed"),
        stdout: String::from_utf8(output.stdout).expect("output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("errors are UTF-8"),
    }
}

/// Runs the program where there is nothing.
fn run(arguments: &[&str]) -> Outcome {
    let nowhere = tempfile::tempdir().unwrap();
    run_in(nowhere.path(), &[], arguments)
}
