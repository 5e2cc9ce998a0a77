//! Signing, attesting and verifying: with cosign and oras, against registries of others, and under attack.

mod approvals;
mod approving;
mod auditing;
mod cosign;
mod crafted;
mod hostile;
mod interop;
mod matrix;
mod offline;
mod oversized;
mod projects;
mod proved;
mod provenance;
mod racing;
mod seen;
mod source;
mod tracing;
mod verdicts;
mod vouched;

use std::fs;
use std::path::Path;

use plimsoll_testkit::{Image, RegistryClient};
use tempfile::TempDir;

use crate::{Outcome, finish, run_in, start};

/// The password of every key in these tests.
const PASSWORD: &[(&str, &str)] = &[("PLIMSOLL_KEY_PASSWORD", "rope and anchor")];

/// A directory with a key, called `ci`, and a predicate.
fn workshop() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    done(directory.path(), &["key", "generate", "--name", "ci"]);
    fs::write(directory.path().join("predicate.json"), r#"{"result":"FAILED"}"#).unwrap();
    directory
}

fn plimsoll(directory: &Path, arguments: &[&str]) -> Outcome {
    run_in(directory, PASSWORD, arguments)
}

/// Runs a command that must succeed.
fn done(directory: &Path, arguments: &[&str]) -> Outcome {
    let outcome = plimsoll(directory, arguments);
    assert_eq!(outcome.code, 0, "{arguments:?}: {}{}", outcome.stdout, outcome.stderr);
    outcome
}

/// Puts an image into the repository `app` of a registry, and returns the name of the tag.
fn push(host: &str, image: &Image) -> String {
    let client = RegistryClient::new([format!("http://{host}")]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(client.push_image("team/app", "1", image)).unwrap();
    format!("{host}/team/app:1")
}

/// What `verify` says with the key `ci`, as JSON.
fn verified(directory: &Path, image: &str, more: &[&str]) -> (i32, serde_json::Value) {
    let arguments = [&["verify", image, "--key", "ci.pub", "-o", "json"], more].concat();
    let outcome = plimsoll(directory, &arguments);
    assert!(!outcome.stdout.is_empty(), "{}", outcome.stderr);
    (outcome.code, outcome.json())
}
