mod chain;
mod delivery;
mod inputs;
mod linting;
mod outcome;
mod scanning;
mod secrets;
mod told;
mod vouching;

pub(super) use self::inputs::{store as build_store, variables as build_variables};

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use plimsoll_build::Compression;
use plimsoll_dockerfile::lint::Severity;
use plimsoll_oci::Platform;
use plimsoll_vuln::verdict::Gate;

use self::chain::Chain;
use self::secrets::SecretSource;
use crate::advisories::{AdvisoryArguments, AgeArguments};
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::signing::{KeyPassword, KeySource};

/// Build an image, and bring it with its evidence into a registry
///
/// Lints the Dockerfile, builds it, lists and judges what is inside, says how it was built, signs all that, and pushes
/// the image; its tag is set when everything else is there. Stages without RUN need no builder and give the same
/// digest every time; the others are built by buildah.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  plimsoll build -t localhost:5000/team/app:1 --key release.key .
  plimsoll build -t oci:out:1 --skip lint,scan --target test .
  plimsoll build -t $IMAGE --secret id=token,env=TOKEN --fail-on critical .")]
pub(crate) struct Build {
    /// The directory that files are copied from
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    #[command(flatten)]
    inputs: InputArguments,
    #[command(flatten)]
    chain: ChainArguments,
    #[command(flatten)]
    outputs: OutputArguments,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// What is built.
#[derive(Debug, Args)]
struct InputArguments {
    /// The Dockerfile [default: Dockerfile or Containerfile in the directory]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The stage to build; the last one by default
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,
    /// A value for an ARG, which everybody will be able to read; without a value, that of the environment
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    build_args: Vec<String>,
    /// A directory or image for a name: NAME=DIR, NAME=docker-image://REF or NAME=oci-layout://DIR[:TAG]
    #[arg(long = "build-context", value_name = "NAME=PLACE", value_parser = super::sign::annotation)]
    build_contexts: Vec<(String, String)>,
    /// A secret for RUN --mount=type=secret: id=NAME,src=FILE or id=NAME,env=VARIABLE
    #[arg(long = "secret", value_name = "SECRET")]
    secrets: Vec<SecretSource>,
    /// An agent or key for RUN --mount=type=ssh: default, or NAME=SOCKET
    #[arg(long, value_name = "AGENT")]
    ssh: Vec<String>,
    /// What the image is made for, such as linux/arm64; this machine by default
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// How the layers that are made here are compressed
    #[arg(long, value_enum, default_value_t)]
    compression: CompressionName,
    /// Run commands again whose results are known
    #[arg(long)]
    no_cache: bool,
    /// Look bases up in their registries, which is always done
    #[arg(long, hide = true)]
    pull: bool,
    /// The program that runs commands
    #[arg(long, value_name = "PROGRAM", default_value = "buildah")]
    buildah: PathBuf,
    /// Where builds keep what they fetched and made [default: ~/.cache/plimsoll/build]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

/// What is done besides building.
#[derive(Debug, Args)]
struct ChainArguments {
    /// Leave these steps out; joined by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STEPS", help_heading = "Steps")]
    skip: Vec<Skipped>,
    /// Exit with 1 on findings of this severity or above in the Dockerfile: error, warning or note
    #[arg(long, value_name = "SEVERITY", default_value = "error", help_heading = "Steps")]
    lint_fail_on: Severity,
    /// Exit with 1 on such findings in the image, as plimsoll scan does: critical, high, fixable, kev, ...
    #[arg(long, value_name = "WORDS", help_heading = "Steps")]
    fail_on: Option<Gate>,
    /// Let pass what could not be judged for want of advisories
    #[arg(long, help_heading = "Steps")]
    allow_gaps: bool,
    #[command(flatten)]
    advisories: AdvisoryArguments,
    #[command(flatten)]
    age: AgeArguments,
    /// The private key to sign with: a file, or env://NAME for a variable that holds it
    #[arg(long, value_name = "KEY", help_heading = "Steps")]
    key: Option<KeySource>,
    #[command(flatten)]
    password: KeyPassword,
}

/// Where it goes.
#[derive(Debug, Args)]
struct OutputArguments {
    /// Where the image goes: a reference, oci:DIR[:TAG] or docker-archive:FILE; may be given several times
    #[arg(short, long = "tag", value_name = "IMAGE")]
    tags: Vec<String>,
    /// Give the image to Podman or Docker on this machine, under the tags, instead of pushing it
    #[arg(long)]
    load: bool,
    /// Push the image to the tags, also with --load
    #[arg(long)]
    push: bool,
    /// Write the image's digest to this file
    #[arg(long, value_name = "FILE", visible_alias = "iidfile")]
    digest_file: Option<PathBuf>,
    /// Write what was built as JSON, with the words of docker buildx
    #[arg(long, value_name = "FILE")]
    metadata_file: Option<PathBuf>,
    /// Write a summary in Markdown; GitHub's own file is written to by itself
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
}

/// A step that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Skipped {
    Lint,
    Sbom,
    Scan,
    Budget,
    Provenance,
    Sign,
    Push,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum CompressionName {
    #[default]
    Gzip,
    Zstd,
}

impl Build {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let mut chain = Chain::new(self, context)?;
        let ended = chain.run(context);
        let report = chain.report(ended.as_ref().err());
        report.write_files(&self.outputs, context)?;
        ended?;
        context.terminal().print(&report)
    }

    fn skips(&self, step: Skipped) -> bool {
        self.chain.skip.contains(&step)
    }
}

impl From<CompressionName> for Compression {
    fn from(name: CompressionName) -> Self {
        match name {
            CompressionName::Gzip => Self::Gzip,
            CompressionName::Zstd => Self::Zstd,
        }
    }
}

impl FromStr for SecretSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}
