//! An image that copies 50 MB, to a layout: with nothing known, with everything known, and with one file changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use tempfile::TempDir;

use super::options::Options;
use crate::bench::child::{Taken, run};

const FILES: usize = 200;
const FILE_BYTES: usize = 250_000;
const DOCKERFILE: &str = "FROM scratch\nCOPY . /srv/\nCMD [\"/srv/run\"]\n";

/// How much of the image is known before a run.
#[derive(Clone, Copy, Debug)]
enum Known {
    Nothing,
    Everything,
    AllButOneFile,
}

impl Known {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Nothing, "nothing known"),
        (Self::Everything, "everything known"),
        (Self::AllButOneFile, "one file changed"),
    ];
}

/// Builds with each program, and tells the medians.
pub(super) fn measure(options: &Options) -> anyhow::Result<String> {
    let yard = Yard::new(options)?;
    let mut text = String::from(
        "| copy-only image of 50 MB, to an OCI layout | Plimsoll s | CPU s | MB at most | buildah s | CPU s | MB at most |\n\
         | --- | --: | --: | --: | --: | --: | --: |\n",
    );
    for (known, title) in Known::ALL {
        let own = yard.rounds(known, Yard::plimsoll)?;
        let other = yard.rounds(known, Yard::buildah)?;
        text.push_str(&format!("| {title} | {} | {} |\n", cells(own), cells(other)));
    }
    Ok(text)
}

fn cells(taken: Taken) -> String {
    let megabytes = taken.rss_peak_bytes / 1_000_000;
    format!("{:.2} | {:.2} | {megabytes}", taken.wall.as_secs_f64(), taken.cpu.as_secs_f64())
}

/// A context, and where the programs keep what they know.
struct Yard<'o> {
    options: &'o Options,
    directory: TempDir,
}

impl<'o> Yard<'o> {
    fn new(options: &'o Options) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("making a directory")?;
        let yard = Self { options, directory };
        fs::create_dir(yard.context())?;
        fs::write(yard.path("Dockerfile"), DOCKERFILE)?;
        for number in 0..FILES {
            fs::write(yard.context().join(format!("part-{number:03}")), content(number))?;
        }
        Ok(yard)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn context(&self) -> PathBuf {
        self.path("context")
    }

    /// The median of the rounds.
    fn rounds(&self, known: Known, build: fn(&Self) -> anyhow::Result<Taken>) -> anyhow::Result<Taken> {
        let mut taken = Vec::new();
        for round in 0..self.options.rounds.max(1) {
            self.prepare(known, round, build)?;
            taken.push(build(self)?);
        }
        taken.sort_by_key(|taken| taken.wall);
        taken.get(taken.len() / 2).copied().context("no round was made")
    }

    fn prepare(
        &self,
        known: Known,
        round: usize,
        build: fn(&Self) -> anyhow::Result<Taken>,
    ) -> anyhow::Result<()> {
        match known {
            Known::Nothing => self.forget(),
            Known::Everything => build(self).map(drop),
            Known::AllButOneFile => {
                build(self)?;
                Ok(fs::write(self.context().join("part-000"), content(FILES + round))?)
            }
        }
    }

    fn forget(&self) -> anyhow::Result<()> {
        for name in ["cache", "storage", "run"] {
            remove(&self.path(name))?;
        }
        Ok(())
    }

    fn plimsoll(&self) -> anyhow::Result<Taken> {
        remove(&self.path("out"))?;
        let mut command = Command::new(&self.options.program);
        command.args([
            "build",
            "--quiet",
            "--skip",
            "lint,sbom,scan,budget,provenance,sign",
            "-t",
            "oci:out:1",
        ]);
        command.args(["--cache-dir", "cache", "--file", "Dockerfile", "context"]);
        self.run(&mut command)
    }

    /// buildah, with vfs: the other storage needs rights that not every machine gives.
    fn buildah(&self) -> anyhow::Result<Taken> {
        remove(&self.path("out"))?;
        let script = "set -e; S='--root storage --runroot run --storage-driver vfs'; \
                      $0 $S build -q --isolation chroot --layers -t app -f Dockerfile context; $0 $S push -q app oci:out:1";
        self.run(Command::new("sh").arg("-c").arg(script).arg(&self.options.buildah))
    }

    fn run(&self, command: &mut Command) -> anyhow::Result<Taken> {
        run(command.current_dir(self.directory.path()).stdout(Stdio::null()).stderr(Stdio::null()))
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing `{}`", path.display()))
        }
        _ => Ok(()),
    }
}

/// Bytes that compress to about half, as programs do.
fn content(number: usize) -> Vec<u8> {
    let mut state = number as u64 + 1;
    let mut bytes = Vec::with_capacity(FILE_BYTES);
    while bytes.len() < FILE_BYTES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let [.., high, top] = state.to_le_bytes();
        bytes.extend_from_slice(&[high, top, top & 15, 0, high & 3, 0x48, 0x89, top & 7]);
    }
    bytes.truncate(FILE_BYTES);
    bytes
}
