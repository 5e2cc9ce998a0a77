use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_oci::{Algorithm, Digest};
use plimsoll_testkit::{Peer, find_peer};
use serde_json::Value;

use super::bounded::{bounded, run, told};
use super::debian_image::DebianImage;

/// A tool that pushes and pulls images.
pub(super) trait Tool {
    fn name(&self) -> &'static str;

    /// Pushes the image under a name.
    fn push(&self, image: &DebianImage, to: &str);

    /// Pulls an image, and returns the digest of the manifest that the tool has then.
    fn pull(&self, from: &str) -> String;
}

/// Copies images between registries and directories.
pub(super) struct Skopeo {
    peer: Peer,
    home: PathBuf,
}

impl Skopeo {
    pub(super) fn find(home: &Path) -> Option<Self> {
        Some(Self { peer: find_peer("skopeo")?, home: home.to_owned() })
    }

    fn run(&self, arguments: &[&str]) -> String {
        run(bounded(&self.peer, &self.home).arg("--insecure-policy").args(arguments))
    }

    /// Everything that it prints, to people too.
    pub(super) fn told(&self, arguments: &[&str]) -> String {
        told(bounded(&self.peer, &self.home).arg("--insecure-policy").args(arguments))
    }

    /// Pushes an image of an OCI layout, as `DIR:TAG`.
    pub(super) fn push_layout(&self, layout: &str, to: &str) {
        let (from, to) = (format!("oci:{layout}"), format!("docker://{to}"));
        self.run(&["copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false", &from, &to]);
    }

    pub(super) fn copy_all_platforms(&self, from: &str, to: &str) {
        let (from, to) = (format!("docker://{from}"), format!("docker://{to}"));
        self.run(&[
            "copy",
            "--quiet",
            "--multi-arch=all",
            "--preserve-digests",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            &from,
            &to,
        ]);
    }

    pub(super) fn delete(&self, name: &str) {
        self.run(&["delete", "--tls-verify=false", &format!("docker://{name}")]);
    }

    /// The manifest as it is stored.
    pub(super) fn raw(&self, name: &str) -> String {
        self.run(&["inspect", "--raw", "--tls-verify=false", &format!("docker://{name}")])
    }

    pub(super) fn digest_of(&self, name: &str) -> String {
        let name = format!("docker://{name}");
        self.run(&["inspect", "--format", "{{.Digest}}", "--tls-verify=false", &name])
    }
}

impl Tool for Skopeo {
    fn name(&self) -> &'static str {
        "skopeo"
    }

    fn push(&self, image: &DebianImage, to: &str) {
        self.push_layout(&image.layout(), to);
    }

    fn pull(&self, from: &str) -> String {
        let directory = tempfile::tempdir_in(&self.home).unwrap();
        let (from, to) = (format!("docker://{from}"), format!("dir:{}", directory.path().display()));
        self.run(&["copy", "--quiet", "--src-tls-verify=false", &from, &to]);
        Digest::of(Algorithm::Sha256, &fs::read(directory.path().join("manifest.json")).unwrap()).to_string()
    }
}

/// Moves any content that a registry can hold.
pub(super) struct Oras {
    peer: Peer,
    home: PathBuf,
}

impl Oras {
    pub(super) fn find(home: &Path) -> Option<Self> {
        Some(Self { peer: find_peer("oras")?, home: home.to_owned() })
    }

    pub(super) fn run(&self, arguments: &[&str]) -> String {
        run(bounded(&self.peer, &self.home).args(arguments))
    }

    /// Everything that it prints, to people too.
    pub(super) fn told(&self, arguments: &[&str]) -> String {
        told(bounded(&self.peer, &self.home).args(arguments))
    }

    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(arguments)).unwrap()
    }
}

impl Tool for Oras {
    fn name(&self) -> &'static str {
        "oras"
    }

    fn push(&self, image: &DebianImage, to: &str) {
        self.run(&["cp", "--no-tty", "--from-oci-layout", &image.layout(), "--to-plain-http", to]);
    }

    fn pull(&self, from: &str) -> String {
        let directory = tempfile::tempdir_in(&self.home).unwrap();
        let to = format!("{}:pulled", directory.path().display());
        self.run(&["cp", "--no-tty", "--from-plain-http", from, "--to-oci-layout", &to]);
        let index = fs::read(directory.path().join("index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        index["manifests"][0]["digest"].as_str().unwrap().to_owned()
    }
}
