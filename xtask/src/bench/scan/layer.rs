//! A Debian system as one gzip layer, and an image with it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use plimsoll_image::{LayerAlgorithms, LayerWalk};
use plimsoll_sbom::analysis_limits;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::bench::child;
use crate::bench::part::Figures;
use crate::bench::stopwatch::Stopwatch;

/// A release whose advisories are at hand; without its security suite, so that there is something to find.
const SUITE: &str = "bullseye";
const MIRROR: &str = "http://deb.debian.org/debian";
const PACKAGES: &str = "nginx,python3,default-jre-headless,git,nodejs";
/// What layers of images are packed with as a rule.
const GZIP_LEVEL: &str = "-6";
/// Figures are given for a layer of this size, that of a common image.
const LAYER_BYTES: f64 = 379e6;

/// The layer, and the image that has no other.
#[derive(Clone, Debug)]
pub(in crate::bench) struct Layer {
    pub(in crate::bench) packed: PathBuf,
    pub(super) packed_bytes: u64,
    pub(super) unpacked_bytes: u64,
    /// A directory in the form of an OCI image layout; the image's tag is [`TAG`].
    pub(in crate::bench) layout: PathBuf,
}

pub(in crate::bench) const TAG: &str = "1";

impl Layer {
    /// The layer that is kept in a directory; it is made when it is not there.
    pub(in crate::bench) fn kept_in(directory: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("making `{}`", directory.display()))?;
        let (tar, packed) = (directory.join("system.tar"), directory.join("system.tar.gz"));
        if !tar.exists() {
            eprintln!("making a Debian system of {SUITE} with {PACKAGES}");
            make(&tar, |to| {
                let mut command = Command::new("mmdebstrap");
                command.args([
                    "--quiet",
                    "--variant=essential",
                    "--format=tar",
                    "--include",
                    PACKAGES,
                    SUITE,
                ]);
                command.arg(to).arg(MIRROR);
                child::run(&mut command).map(drop).context("install Debian's package `mmdebstrap`")
            })?;
        }
        if !packed.exists() {
            make(&packed, |to| {
                let mut command = Command::new("gzip");
                command.args([GZIP_LEVEL, "--stdout"]).stdin(File::open(&tar)?).stdout(File::create(to)?);
                child::run(&mut command).map(drop)
            })?;
        }
        let layout = directory.join("image");
        if !layout.exists() {
            make(&layout, |to| write_layout(to, &tar, &packed))?;
        }
        let bytes = |path: &Path| fs::metadata(path).map(|file| file.len());
        Ok(Self { packed_bytes: bytes(&packed)?, unpacked_bytes: bytes(&tar)?, packed, layout })
    }

    /// By what figures are multiplied to be those of a layer of the usual size.
    pub(in crate::bench) fn scale(&self) -> f64 {
        LAYER_BYTES / self.unpacked_bytes as f64
    }

    /// What the analyser takes for the layer, from its first byte to the record's last.
    pub(super) fn measure_analyser(&self, program: &Path, spool: &Path) -> anyhow::Result<Figures> {
        let mut command = Command::new(program);
        command.arg("analyse").arg(spool).stdin(File::open(&self.packed)?).stdout(Stdio::null());
        let taken = child::run(&mut command)?;
        let figures = [
            ("layer.analyse", taken.cpu.as_secs_f64() * self.scale()),
            ("layer.rss", taken.rss_peak_bytes as f64 / (1 << 20) as f64),
        ];
        Ok(figures.map(|(key, value)| (key.to_owned(), value)).into())
    }
}

/// What it takes to decode a layer and to compute both of its digests, without a look at what is inside.
pub(super) fn measure_decoding(layer: &Path) -> anyhow::Result<Figures> {
    let watch = Stopwatch::start();
    let limits = analysis_limits();
    let mut walk = LayerWalk::new(File::open(layer)?, LayerAlgorithms::default(), &limits)?;
    while walk.next()?.is_some() {}
    let measures = walk.finish()?;
    let seconds = watch.cpu_seconds() * LAYER_BYTES / measures.unpacked_bytes as f64;
    Ok([("layer.decode".to_owned(), seconds)].into())
}

/// Makes a file or directory under another name first, so that one which is there is whole.
fn make(path: &Path, make: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let partial = path.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    make(&partial).with_context(|| format!("making `{}`", path.display()))?;
    fs::rename(&partial, path).with_context(|| format!("making `{}`", path.display()))
}

fn write_layout(layout: &Path, tar: &Path, packed: &Path) -> anyhow::Result<()> {
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let put = |bytes: &[u8]| -> anyhow::Result<String> {
        let hash = hex::encode(Sha256::digest(bytes));
        fs::write(blobs.join(&hash), bytes)?;
        Ok(format!("sha256:{hash}"))
    };
    let (diff_id, layer) = (hash_of(tar)?, hash_of(packed)?);
    fs::hard_link(packed, blobs.join(&layer))?;
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{diff_id}")] },
        "history": [{ "created_by": format!("mmdebstrap {SUITE}") }],
    });
    let config = config.to_string();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": put(config.as_bytes())?,
            "size": config.len(),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": format!("sha256:{layer}"),
            "size": fs::metadata(packed)?.len(),
        }],
    });
    let manifest = manifest.to_string();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": put(manifest.as_bytes())?,
            "size": manifest.len(),
            "platform": { "architecture": "amd64", "os": "linux" },
            "annotations": { "org.opencontainers.image.ref.name": TAG },
        }],
    });
    fs::write(layout.join("index.json"), index.to_string())?;
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(())
}

fn hash_of(path: &Path) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    let mut file = File::open(path)?;
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hex::encode(hash.finalize())),
            Ok(count) => hash.update(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).with_context(|| format!("reading `{}`", path.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_an_image_and_is_decoded_whole() {
        let directory = tempfile::tempdir().unwrap();
        let content = directory.path().join("content");
        fs::create_dir(&content).unwrap();
        fs::write(content.join("file"), "text").unwrap();
        let tar = directory.path().join("system.tar");
        let status =
            Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(&content).arg(".").status().unwrap();
        assert!(status.success());

        let layer = Layer::kept_in(directory.path()).unwrap();
        assert_eq!(layer.unpacked_bytes, fs::metadata(&tar).unwrap().len());
        let index: serde_json::Value =
            serde_json::from_slice(&fs::read(layer.layout.join("index.json")).unwrap()).unwrap();
        let manifest = index["manifests"][0]["digest"].as_str().unwrap().replace(':', "/");
        assert!(layer.layout.join("blobs").join(manifest).exists());
        assert!(measure_decoding(&layer.packed).unwrap()["layer.decode"] > 0.0);
    }

    #[test]
    fn what_fails_leaves_nothing_that_looks_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file.tar");
        let failed = make(&path, |to| {
            fs::write(to, "half")?;
            anyhow::bail!("the disk is full")
        });
        assert!(failed.is_err() && !path.exists());
    }
}
