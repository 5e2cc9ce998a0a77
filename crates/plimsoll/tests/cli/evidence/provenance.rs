//! How an image was built, as git, the Dockerfile and the environment of a CI system say.

use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_oci::Digest;
use plimsoll_testkit::{Peer, find_peer};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{PASSWORD, done, workshop};
use crate::signed_image::SignedImage;
use crate::{Outcome, run_in};

/// A workshop with the image `oci:image:1`, and the repository `app` that it is built from.
struct Forge {
    directory: TempDir,
    git: Peer,
}

impl Forge {
    fn new() -> Option<Self> {
        let git = find_peer("git")?;
        let directory = workshop();
        SignedImage::new(51, 1, 100).write(&directory.path().join("image"));
        let forge = Self { directory, git };
        fs::create_dir_all(forge.app().join("web")).unwrap();
        forge.git(&["init", "--quiet", "--initial-branch", "main"]);
        forge.git(&["remote", "add", "origin", "https://robot:hunter2@git.example/team/app.git"]);
        fs::write(forge.app().join("Dockerfile"), forge.dockerfile()).unwrap();
        fs::write(forge.app().join("web/package-lock.json"), "{}").unwrap();
        forge.commit("ana", "begin");
        Some(forge)
    }

    fn home(&self) -> &Path {
        self.directory.path()
    }

    fn app(&self) -> PathBuf {
        self.home().join("app")
    }

    fn dockerfile(&self) -> String {
        format!("ARG BASE=debian:12\nFROM golang:1 AS build\nFROM $BASE@{}\n", Digest::sha256_of(b"base"))
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut command = self.git.command();
        let output = command.args(arguments).current_dir(self.app()).env_clear().output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits everything, in the name of `who`, and returns the commit.
    fn commit(&self, who: &str, message: &str) -> String {
        let (name, email) = (format!("user.name={who}"), format!("user.email={who}@example.org"));
        self.git(&["add", "--all"]);
        self.git(&["-c", &name, "-c", &email, "commit", "--quiet", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn attest(&self, variables: &[(&str, &str)], more: &[&str]) -> Outcome {
        let path = self.git.path().parent().unwrap().to_str().unwrap();
        let variables = [PASSWORD, &[("PATH", path)], variables].concat();
        let arguments = ["attest", "provenance", "oci:image:1", "--key", "ci.key", "--source", "app"];
        run_in(self.home(), &variables, &[&arguments[..], more].concat())
    }

    /// The predicate of the only provenance.
    fn predicate(&self) -> Value {
        done(self.home(), &["evidence", "get", "oci:image:1", "--type", "provenance", "--predicate"]).json()
    }
}

#[test]
fn commit_people_dockerfile_and_run_are_told_and_marked_as_claimed() {
    let Some(forge) = Forge::new() else { return };
    let commit = forge.git(&["rev-parse", "HEAD"]);
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
    let dockerfile = &built["resolvedDependencies"][2];
    assert_eq!(dockerfile["digest"]["sha256"], Digest::sha256_of(forge.dockerfile().as_bytes()).encoded());
    assert_eq!(dockerfile["digest"]["gitBlob"], forge.git(&["rev-parse", "HEAD:Dockerfile"]));
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
    let built_before = forge.git(&["rev-parse", "HEAD"]);
    fs::write(forge.app().join("a"), "1").unwrap();
    forge.commit("ben", "more\n\nCo-authored-by: Dan <dan@example.org>");
    fs::write(forge.app().join("a"), "2").unwrap();
    forge.commit("cem", "even more");
    fs::write(forge.app().join("Dockerfile"), "FROM debian:12\n").unwrap();
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
    assert_eq!((evil.code, forge.app().join("evil").exists()), (2, false), "{}", evil.stderr);
}

#[test]
fn without_a_repository_the_environment_alone_speaks_and_nobody_is_made_up() {
    let Some(forge) = Forge::new() else { return };
    fs::remove_dir_all(forge.app().join(".git")).unwrap();
    let said = forge.attest(&[], &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("nobody says which commit was built"), "{}", said.stderr);
    let predicate = forge.predicate();
    assert_eq!(predicate["runDetails"]["builder"]["id"], "urn:plimsoll:builder:unnamed");
    assert_eq!(predicate["buildDefinition"]["internalParameters"]["people"], Value::Null);
}
