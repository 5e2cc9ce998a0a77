//! Programs that find the components of an image: Plimsoll, and Syft where Go can build it.
//!
//! Only finding components is compared. The databases that Grype and Trivy match with come from places of their own, so
//! that a run would measure other data.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde_json::Value;

use super::layer::TAG;
use crate::bench::child::{self, Taken};

/// The version of Syft that is built: later ones that were tried embed a file that their module does not have.
const SYFT: &str = "github.com/anchore/syft/cmd/syft@v1.9.0";
/// The fork that Syft's own module puts in the place of another; `go install` refuses to do that for it.
const SYFT_REPLACES: &str = "github.com/mholt/archiver/v3=github.com/anchore/archiver/v3@v3.5.2";

/// A program, and how it is asked for an image's components.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    pub(super) name: &'static str,
    program: PathBuf,
    /// With `{image}` where the directory of the image belongs.
    arguments: &'static [&'static str],
    /// Where the list of components stands in the JSON that it prints.
    list: &'static str,
}

/// What a program took, and how many components it named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) taken: Taken,
    pub(super) components: usize,
}

/// The programs that are there, and what is to be said of those that are not.
pub(super) fn finders(program: &Path, directory: &Path) -> (Vec<Finder>, Vec<String>) {
    let plimsoll = Finder {
        name: "plimsoll",
        program: program.to_owned(),
        arguments: &["sbom", "oci:{image}", "--output", "json", "--quiet"],
        list: "/components",
    };
    match syft(&directory.join("peers")) {
        Ok(syft) => (vec![plimsoll, syft], Vec::new()),
        Err(error) => (vec![plimsoll], vec![format!("Syft was not measured: {error:#}")]),
    }
}

fn syft(directory: &Path) -> anyhow::Result<Finder> {
    let program = directory.join("bin/syft");
    if !program.exists() {
        eprintln!("building {SYFT}");
        build_syft(directory).context("building it with Go")?;
    }
    Ok(Finder {
        name: "syft",
        program,
        arguments: &["scan", "oci-dir:{image}", "--output", "syft-json", "--quiet"],
        list: "/artifacts",
    })
}

/// Builds Syft in a module of its own, with everything that Go downloads and compiles beside it.
fn build_syft(directory: &Path) -> anyhow::Result<()> {
    let module = directory.join("syft");
    fs::create_dir_all(&module).with_context(|| format!("making `{}`", module.display()))?;
    let go = |arguments: &[&str]| {
        let mut go = Command::new("go");
        go.args(arguments).current_dir(&module).env("CGO_ENABLED", "0").env("GOFLAGS", "-modcacherw");
        go.env("GOMODCACHE", directory.join("modules")).env("GOCACHE", directory.join("build"));
        child::run(&mut go).map(drop)
    };
    if !module.join("go.mod").exists() {
        go(&["mod", "init", "bench"])?;
    }
    go(&["mod", "edit", "-replace", SYFT_REPLACES])?;
    go(&["get", SYFT])?;
    let package = SYFT.split('@').next().unwrap_or(SYFT);
    go(&["build", "-o", "../bin/syft", package])
}

impl Finder {
    /// Name and version. What Go builds from a module does not know its own.
    pub(super) fn version(&self) -> anyhow::Result<String> {
        if let Some((_, version)) = SYFT.split_once('@').filter(|_| self.name == "syft") {
            return Ok(format!("syft {version}"));
        }
        let output = Command::new(&self.program).arg("--version").output();
        let output = output.with_context(|| format!("starting `{}`", self.program.display()))?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
    }

    /// Has the program list the components of an image.
    pub(super) fn find(&self, layout: &Path, directory: &Path) -> anyhow::Result<Found> {
        let out = directory.join(format!("components-{}.json", self.name));
        let mut command = Command::new(&self.program);
        // Only Plimsoll is told the tag; the other takes the one image that there is.
        let tag = if self.name == "plimsoll" { format!(":{TAG}") } else { String::new() };
        let image = format!("{}{tag}", layout.display());
        command.args(self.arguments.iter().map(|word| word.replace("{image}", &image)));
        command.env("SYFT_CHECK_FOR_APP_UPDATE", "false").stdin(Stdio::null()).stdout(File::create(&out)?);
        let taken = child::run(&mut command)?;
        let document: Value = serde_json::from_slice(&fs::read(&out)?).context("reading its components")?;
        let list = document.pointer(self.list).and_then(Value::as_array).context("it lists no components")?;
        Ok(Found { taken, components: list.len() })
    }
}
