use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_testkit::{Peer, find_peer};

use super::bounded::{bounded, run};
use super::debian_image::DebianImage;
use super::tool::Tool;

/// podman or buildah, with a store of its own.
pub(super) struct Engine {
    name: &'static str,
    peer: Peer,
    home: PathBuf,
}

impl Engine {
    pub(super) fn find(name: &'static str, home: &Path) -> Option<Self> {
        Some(Self { name, peer: find_peer(name)?, home: home.to_owned() })
    }

    fn run(&self, arguments: &[&str]) -> String {
        let store = |part: &str| self.home.join(self.name).join(part);
        let mut command = bounded(&self.peer, &self.home);
        command.args(["--storage-driver", "vfs", "--root"]).arg(store("root"));
        run(command.arg("--runroot").arg(store("run")).args(arguments))
    }

    /// Takes the image into the store, and returns its id there.
    fn take(&self, image: &DebianImage) -> String {
        self.run(&["pull", "--quiet", &format!("oci:{}", image.layout())])
    }

    /// Builds an image with one more layer, and pushes it. Only buildah can do so.
    pub(super) fn build_on(&self, image: &DebianImage, to: &str) {
        let id = self.take(image);
        fs::write(self.home.join("cargo"), vec![b'x'; 3_000_000]).unwrap();
        let container = self.run(&["from", "--pull-never", &id]);
        self.run(&["copy", "--quiet", &container, "cargo", "/srv/cargo"]);
        let built = self.run(&["commit", "--quiet", "--rm", "--format=oci", &container]);
        self.run(&["push", "--quiet", "--tls-verify=false", &built, &format!("docker://{to}")]);
    }
}

impl Tool for Engine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn push(&self, image: &DebianImage, to: &str) {
        let id = self.take(image);
        self.run(&["push", "--quiet", "--tls-verify=false", &id, &format!("docker://{to}")]);
        self.run(&["rmi", "--force", &id]);
    }

    fn pull(&self, from: &str) -> String {
        let id = self.run(&["pull", "--quiet", "--tls-verify=false", &format!("docker://{from}")]);
        let digest = match self.name {
            "podman" => self.run(&["image", "inspect", "--format", "{{.Digest}}", from]),
            _ => self.run(&["inspect", "--type=image", "--format", "{{.FromImageDigest}}", from]),
        };
        self.run(&["rmi", "--force", &id]);
        digest
    }
}
