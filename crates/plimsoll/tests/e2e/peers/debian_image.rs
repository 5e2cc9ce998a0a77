use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use plimsoll_testkit::find_peer;
use serde_json::Value;

use super::bootstrap::{Bootstrap, own_suite};
use super::bounded::{bounded, run};

/// What made the layers, as their history tells it.
pub(super) const INSTRUCTIONS: [&str; 2] = ["mmdebstrap --variant=essential", "COPY cargo /etc/cargo"];

/// A small Debian system as an image with two layers, in an OCI layout below `target/`.
pub(super) struct DebianImage {
    directory: PathBuf,
    /// The digest of its manifest.
    pub(super) manifest: String,
    /// The digest of its config.
    pub(super) config: String,
    /// Keeps another run from making the image anew in the meantime.
    _lock: File,
}

impl DebianImage {
    /// Makes the image when a test first asks for it. Without the means the tests are passed over, aloud.
    pub(super) fn made_once() -> Option<&'static Self> {
        static IMAGE: OnceLock<Option<DebianImage>> = OnceLock::new();
        IMAGE.get_or_init(Self::make).as_ref()
    }

    fn make() -> Option<Self> {
        let umoci = find_peer("umoci")?;
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-image");
        fs::create_dir_all(&directory).unwrap();
        let lock = File::create(directory.join("lock")).unwrap();
        lock.lock().unwrap();
        for folder in ["layout", "other"] {
            let _ = fs::remove_dir_all(directory.join(folder));
        }
        let system = Bootstrap { suite: &own_suite(), packages: &[], options: &[] }.make(&directory)?;
        let umoci = |arguments: &[&str]| run(bounded(&umoci, &directory).args(arguments));
        umoci(&["init", "--layout", "layout"]);
        umoci(&["new", "--image", "layout:bookworm"]);
        let add = ["raw", "add-layer", "--image", "layout:bookworm", "--history.created_by"];
        let cargo = cargo_layer(&directory);
        for (instruction, layer) in INSTRUCTIONS.into_iter().zip([&system, &cargo]) {
            umoci(&[&add[..], &[instruction, layer.to_str().unwrap()]].concat());
        }
        umoci(&["config", "--image", "layout:bookworm", "--config.cmd", "/bin/bash"]);
        umoci(&["gc", "--layout", "layout"]);
        umoci(&["init", "--layout", "other"]);
        umoci(&["new", "--image", "other:arm64"]);
        umoci(&["config", "--image", "other:arm64", "--architecture", "arm64"]);
        fs::remove_file(system).unwrap();
        let (manifest, config) = digests(&directory.join("layout"));
        Some(Self { directory, manifest, config, _lock: lock })
    }

    /// The image as `DIR:TAG`.
    pub(super) fn layout(&self) -> String {
        format!("{}/layout:bookworm", self.directory.display())
    }

    /// The file of a layer's blob.
    pub(super) fn layer_file(&self, layer: usize) -> PathBuf {
        let layout = self.directory.join("layout");
        let manifest = fs::read(layout.join("blobs").join(self.manifest.replace(':', "/"))).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        layout.join("blobs").join(manifest["layers"][layer]["digest"].as_str().unwrap().replace(':', "/"))
    }

    /// An image for another platform, as `DIR:TAG`. It has no layers.
    pub(super) fn other_platform(&self) -> String {
        format!("{}/other:arm64", self.directory.display())
    }

    /// Packs the layout into one file in `directory`.
    pub(super) fn archive(&self, directory: &Path) -> String {
        let path = directory.join("layout.tar");
        let mut archive = tar::Builder::new(File::create(&path).unwrap());
        archive.append_dir_all("", self.directory.join("layout")).unwrap();
        archive.finish().unwrap();
        path.display().to_string()
    }
}

/// A layer with one file.
fn cargo_layer(directory: &Path) -> PathBuf {
    let path = directory.join("cargo.tar");
    let mut layer = tar::Builder::new(File::create(&path).unwrap());
    let content = b"ballast\n";
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    layer.append_data(&mut header, "etc/cargo", &content[..]).unwrap();
    layer.finish().unwrap();
    path
}

/// The digests of a layout's only image and of its config.
fn digests(layout: &Path) -> (String, String) {
    let read = |path: PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let index = read(layout.join("index.json"));
    let manifest = index["manifests"][0]["digest"].as_str().unwrap().to_owned();
    let content = read(layout.join("blobs").join(manifest.replace(':', "/")));
    (manifest, content["config"]["digest"].as_str().unwrap().to_owned())
}
