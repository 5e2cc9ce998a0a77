//! How an image was built, as git, the Dockerfile and the environment of a CI system say.

use std::fs;
use std::path::Path;

use plimsoll_oci::Digest;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::source::SourceRepository;
use super::{PASSWORD, done, workshop};
use crate::signed_image::SignedImage;
use crate::{Outcome, run_in};

/// A workshop with the image `oci:image:1`, and the repository `app` that it is built from.
struct Forge {
    directory: TempDir,
    source: SourceRepository,
}

impl Forge {
    fn new() -> Option<Self> {
        let directory = workshop();
        SignedImage::new(51, 1, 100).write(&directory.path().join("image"));
        let remote = "https://robot:hunter2@git.example/team/app.git";
        let source = SourceRepository::new(directory.path(), remote, &dockerfile())?;
        Some(Self { directory, source })
    }

    fn home(&self) -> &Path {
        self.directory.path()
    }

    fn attest(&self, variables: &[(&str, &str)], more: &[&str]) -> Outcome {
        let variables = [PASSWORD, &[("PATH", self.source.search_path())], variables].concat();
        let arguments = ["attest", "provenance", "oci:image:1", "--key", "ci.key", "--source", "app"];
        run_in(self.home(), &variables, &[&arguments[..], more].concat())
    }

    /// The predicate of the only provenance.
    fn predicate(&self) -> Value {
        done(self.home(), &["evidence", "get", "oci:image:1", "--type", "provenance", "--predicate"]).json()
    }
}

fn dockerfile() -> String {
    format!("ARG BASE=debian:12\nFROM golang:1 AS build\nFROM $BASE@{}\n", Digest::sha256_of(b"base"))
}

#[test]
fn commit_people_dockerfile_and_run_are_told_and_marked_as_claimed() {
    let Some(forge) = Forge::new() else { return };
    let commit = forge.source.head();
    let run = [
        ("GITLAB_CI", "true"),
        ("CI_PROJECT_URL", "https://git.example/team/app"),
        ("CI_COMMIT_SHA", commit.as_str()),
        ("CI_COMMIT_BRANCH", "main"),
        ("CI_JOB_URL", "https://git.example/team/app/-/jobs/7"),
        ("GITLAB_USER_EMAIL", "cem@example.org"),
    ];
    let said = forge.attest(&run, &["--byproduct", "predicate.json"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{}", said.stdout);
    let predicate = forge.predicate();
    assert!(!predicate.to_string().contains("hunter2"), "{predicate}");
    let built = &predicate["buildDefinition"];
    let source = json!({
        "uri": "git+https://git.example/team/app.git@refs/heads/main",
        "digest": { "gitCommit": commit },
    });
    assert_eq!(built["resolvedDependencies"][0], source);
    assert_eq!(built["externalParameters"]["source"], source);
    assert_eq!(built["externalParameters"]["dockerfile"], "Dockerfile");
    let base = Digest::sha256_of(b"base").encoded();
    assert_eq!(built["resolvedDependencies"][1]["digest"]["sha256"], base);
    let file = &built["resolvedDependencies"][2];
    assert_eq!(file["digest"]["sha256"], Digest::sha256_of(dockerfile().as_bytes()).encoded());
    assert_eq!(file["digest"]["gitBlob"], forge.source.git(&["rev-parse", "HEAD:Dockerfile"]));
    assert_eq!(built["resolvedDependencies"][3]["name"], "web/package-lock.json");
    let inside = &built["internalParameters"];
    assert_eq!(inside["people"]["authors"], json!(["ana@example.org"]));
    assert_eq!(inside["sourceTree"], json!({ "isDirty": false, "changed": 0, "untracked": 0 }));
    assert_eq!(inside["trigger"]["email"], "cem@example.org");
    assert_eq!(inside["grades"]["builder"], "claimed");
    let run = &predicate["runDetails"];
    assert_eq!(run["builder"]["id"], "https://git.example/team/app//.gitlab-ci.yml@refs/heads/main");
    assert_eq!(run["metadata"]["invocationId"], "https://git.example/team/app/-/jobs/7");
    assert_eq!(run["byproducts"][0]["name"], "predicate.json");
    let verified = done(forge.home(), &["verify", "oci:image:1", "--key", "ci.pub", "--type", "provenance"]);
    assert!(verified.stdout.contains(&commit), "{}", verified.stdout);
}

#[test]
fn everybody_who_wrote_since_the_last_build_is_named_and_so_is_an_untidy_tree() {
    let Some(forge) = Forge::new() else { return };
    let built_before = forge.source.head();
    fs::write(forge.source.directory().join("a"), "1").unwrap();
    forge.source.commit("ben", "more\n\nCo-authored-by: Dan <dan@example.org>");
    fs::write(forge.source.directory().join("a"), "2").unwrap();
    forge.source.commit("cem", "even more");
    fs::write(forge.source.directory().join("Dockerfile"), "FROM debian:12\n").unwrap();
    let said = forge.attest(&[("CI_COMMIT_SHA", "x")], &["--since", &built_before]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("1 files differ from commit "), "{}", said.stderr);
    assert!(said.stderr.contains("`debian:12` names no digest"), "{}", said.stderr);
    let inside = &forge.predicate()["buildDefinition"]["internalParameters"];
    assert_eq!(inside["people"]["since"], built_before);
    assert_eq!(inside["people"]["authors"], json!(["ben@example.org", "cem@example.org", "dan@example.org"]));
    assert_eq!(inside["sourceTree"], json!({ "isDirty": true, "changed": 1, "untracked": 0 }));
    let lost = forge.attest(&[], &["--since", "0123456789012345678901234567890123456789"]);
    assert_eq!(lost.code, 2);
    assert!(
        lost.stderr.contains("help: a shallow checkout lacks it: git fetch --unshallow"),
        "{}",
        lost.stderr
    );
    let evil = forge.attest(&[], &["--since=--output=app/evil"]);
    assert_eq!((evil.code, forge.source.directory().join("evil").exists()), (2, false), "{}", evil.stderr);
}

#[test]
fn without_a_repository_the_environment_alone_speaks_and_nobody_is_made_up() {
    let Some(forge) = Forge::new() else { return };
    fs::remove_dir_all(forge.source.directory().join(".git")).unwrap();
    let said = forge.attest(&[], &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("nobody says which commit was built"), "{}", said.stderr);
    let predicate = forge.predicate();
    assert_eq!(predicate["runDetails"]["builder"]["id"], "urn:plimsoll:builder:unnamed");
    assert_eq!(predicate["buildDefinition"]["internalParameters"]["people"], Value::Null);
}
