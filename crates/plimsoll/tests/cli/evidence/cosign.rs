use std::path::Path;
use std::process::{Command, Output};

use plimsoll_testkit::{Peer, find_peer};

/// Longest that one run may take, in seconds: many run at once.
const SECONDS_MAX: &str = "180";

/// cosign without any service: no transparency log, no timestamps, no network but the registry.
pub(super) struct Cosign<'d> {
    timeout: Peer,
    peer: Peer,
    directory: &'d Path,
}

impl<'d> Cosign<'d> {
    pub(super) fn find(directory: &'d Path) -> Option<Self> {
        let found = Self { timeout: find_peer("timeout")?, peer: find_peer("cosign")?, directory };
        found.done(&["signing-config", "create", "--out", "services.json"]);
        found.done(&["trusted-root", "create", "--out", "roots.json"]);
        Some(found)
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.timeout.command();
        command
            .arg(SECONDS_MAX)
            .arg(self.peer.path())
            .args(arguments)
            .current_dir(self.directory)
            .env_clear()
            .env("HOME", self.directory)
            .env("COSIGN_PASSWORD", "rope and anchor");
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(super) fn done(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The arguments that keep it from asking services.
    pub(super) const OFFLINE: &'static [&'static str] =
        &["--signing-config", "services.json", "--trusted-root", "roots.json", "--yes"];

    pub(super) fn sign(&self, key: &str, image: &str) {
        self.done(&[&["sign", "--key", key], Self::OFFLINE, &[image]].concat());
    }

    pub(super) fn attest(&self, key: &str, kind: &str, image: &str) {
        let what = ["attest", "--key", key, "--type", kind, "--predicate", "predicate.json"];
        self.done(&[&what[..], Self::OFFLINE, &[image]].concat());
    }

    /// Attests as cosign 2 did: under a tag, in a statement of version 0.1.
    pub(super) fn attest_with_a_tag(&self, key: &str, kind: &str, image: &str) {
        let what = ["attest", "--key", key, "--type", kind, "--predicate", "predicate.json"];
        self.done(&[&what[..], Self::BY_TAG, &[image]].concat());
    }

    /// The arguments that make it write tags, as it did before it knew bundles.
    pub(super) const BY_TAG: &'static [&'static str] =
        &["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false", "--yes"];

    pub(super) fn verifies(&self, key: &str, image: &str) -> bool {
        self.run(&["verify", "--key", key, "--insecure-ignore-tlog", image]).status.success()
    }

    pub(super) fn verifies_attestation(&self, key: &str, kind: &str, image: &str) -> bool {
        let arguments = ["verify-attestation", "--key", key, "--type", kind, "--insecure-ignore-tlog", image];
        self.run(&arguments).status.success()
    }
}
