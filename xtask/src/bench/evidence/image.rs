//! An image with forty pieces of evidence, verified by whole programs against a server on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use plimsoll_oci::{Descriptor, Digest, MediaType};
use serde_json::json;
use tempfile::TempDir;

use crate::bench::child::{self, Taken};
use crate::bench::cores::Cores;
use crate::bench::figures::median;
use crate::bench::part::Figures;
use crate::bench::server::Server;
use crate::bench::side;

use super::options::Options;

/// Pieces of evidence: one signature, the others attestations.
const PIECES: usize = 40;
/// How often each program runs in a round.
const RUNS: usize = 10;
const REPOSITORY: &str = "bench/signed:1";
/// The password of the key.
const PASSWORD: &str = "rope and anchor";

/// A server that holds the image, and the key that everything is signed with.
pub(super) struct SignedImage {
    program: PathBuf,
    cosign: Option<PathBuf>,
    directory: TempDir,
    image: String,
    /// It runs as long as this value lives.
    _server: Server,
}

impl SignedImage {
    /// Starts a server, pushes an image and says forty things about it.
    pub(super) fn serve(options: &Options) -> anyhow::Result<Self> {
        let side = side::plimsoll_alone(&options.program);
        let server = Server::start(&side, Cores::split()?.server, &options.directory)?;
        let directory = TempDir::with_prefix_in("signed-", &options.directory)?;
        let image = format!("{}/{REPOSITORY}", server.address);
        let cosign = options.cosign.exists().then(|| options.cosign.clone());
        let signed = Self { program: options.program.clone(), cosign, directory, image, _server: server };
        signed.prepare()?;
        Ok(signed)
    }

    fn prepare(&self) -> anyhow::Result<()> {
        let layout = self.directory.path().join("image");
        write_layout(&layout)?;
        self.done(&["key", "generate", "--name", "ci"])?;
        self.done(&["cp", &format!("oci:{}:1", layout.display()), &self.image])?;
        self.done(&["sign", &self.image, "--key", "ci.key"])?;
        for number in 1..PIECES {
            fs::write(self.directory.path().join("predicate.json"), json!({ "number": number }).to_string())?;
            self.done(&[
                "attest",
                &self.image,
                "--type",
                "custom",
                "--predicate",
                "predicate.json",
                "--key",
                "ci.key",
            ])?;
        }
        Ok(())
    }

    /// What is to be said of a peer that is not there.
    pub(super) fn remark(&self) -> Option<String> {
        self.cosign.is_none().then(|| "cosign was not measured: it is not there.".to_owned())
    }

    pub(super) fn measure(&self) -> anyhow::Result<Figures> {
        let mut figures = Figures::new();
        let ours = ["verify", &self.image, "--key", "ci.pub", "--quiet"];
        note(&mut figures, "image.plimsoll", &self.taken(&self.program, &ours)?);
        if let Some(cosign) = &self.cosign {
            let theirs = ["verify", "--key", "ci.pub", "--insecure-ignore-tlog", &self.image];
            note(&mut figures, "image.cosign", &self.taken(cosign, &theirs)?);
        }
        Ok(figures)
    }

    /// What each of several runs took, after one that warms up.
    fn taken(&self, program: &Path, arguments: &[&str]) -> anyhow::Result<Vec<Taken>> {
        self.run(program, arguments)?;
        (0..RUNS).map(|_| self.run(program, arguments)).collect()
    }

    fn done(&self, arguments: &[&str]) -> anyhow::Result<()> {
        self.run(&self.program, &[arguments, &["--quiet"]].concat()).map(drop)
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> anyhow::Result<Taken> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.directory.path()).env_clear();
        command.env("HOME", self.directory.path()).env("COSIGN_PASSWORD", PASSWORD);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        child::run(&mut command).with_context(|| format!("`{}`", arguments.join(" ")))
    }
}

fn note(figures: &mut Figures, key: &str, runs: &[Taken]) {
    let mut of = |name: &str, figure: &dyn Fn(&Taken) -> f64| {
        figures.extend(median(runs.iter().map(figure)).map(|value| (format!("{key}.{name}"), value)));
    };
    of("wall", &|taken| taken.wall.as_secs_f64() * 1e3);
    of("cpu", &|taken| taken.cpu.as_secs_f64() * 1e3);
}

/// Writes a small image as an OCI image layout.
fn write_layout(directory: &Path) -> anyhow::Result<()> {
    let blobs = directory.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let put = |kind: MediaType, bytes: &[u8]| {
        let descriptor = Descriptor::of(kind, bytes);
        fs::write(blobs.join(descriptor.digest.encoded()), bytes).map(|()| descriptor)
    };
    // Two blocks of zeros are the end of an archive, and here its beginning.
    let layer = [0; 1024];
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [Digest::sha256_of(&layer)] },
    });
    let layer = put("application/vnd.oci.image.layer.v1.tar".parse()?, &layer)?;
    let config = put("application/vnd.oci.image.config.v1+json".parse()?, config.to_string().as_bytes())?;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MediaType::IMAGE_MANIFEST, "config": config, "layers": [layer],
    });
    let mut manifest = put(MediaType::IMAGE_MANIFEST, manifest.to_string().as_bytes())?;
    manifest.annotations.insert("org.opencontainers.image.ref.name".to_owned(), "1".to_owned());
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(directory.join("index.json"), index.to_string())?;
    fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(())
}
