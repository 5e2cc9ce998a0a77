mod arguments;
mod explain;
mod image;
mod manifests;
mod outcome;
mod pack;
mod seeds;
mod trial;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use plimsoll_image::FileTree;
use plimsoll_oci::Platform;
use plimsoll_runtime::{Recording, RootFs, seccomp_profile};
use plimsoll_slim::closure::{Closure, Ownership, Seed, Setting};
use plimsoll_slim::file_system::FileSystem;
use plimsoll_slim::keep::{KeepList, Missed};
use plimsoll_slim::trace::Trace;
use plimsoll_transport::WarningCollector;

use self::arguments::Limits;
use self::image::Unpacked;
use self::pack::Packed;
use self::seeds::Seeds;
use self::trial::{TestFailure, Trial, Tried};
use super::cp::read_name;
use crate::container_role::container_config;
use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::places::RegistryArguments;

/// Make an image smaller, with a reason for every file
///
/// What the image's commands need is found in its files, and what your tests use is seen while they run. The files that
/// remain become a new image of one layer. The same tests run on that; only if they pass is anything written: the image,
/// a patch for the Dockerfile, a list of reasons, and a profile of system calls.
///
/// The tests run on this machine, and find the container's first port in PLIMSOLL_TARGET, as 127.0.0.1:PORT. The
/// container has namespaces of its own and no other network.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Slim {
    #[command(subcommand)]
    action: Option<Action>,
    /// The image: a reference, oci:DIR[:TAG], docker-archive:FILE, rootfs:DIR, docker:REF or podman:REF
    #[arg(required = true)]
    image: Option<String>,
    /// A line for the shell that tests the image; it passes with exit code 0
    #[arg(long, value_name = "CMD", required = true)]
    test: Option<String>,
    /// Where the results go: image, Dockerfile.slim.patch, plimsoll.lock, seccomp.json
    #[arg(long, value_name = "DIR", default_value = "plimsoll-slim")]
    out: PathBuf,
    /// Put the image there instead of into an OCI layout beside the other results
    #[arg(long, value_name = "IMAGE")]
    to: Option<String>,
    /// The Dockerfile of the image, to be patched
    #[arg(long = "file", short = 'f', value_name = "FILE")]
    dockerfile: Option<PathBuf>,
    /// A command that is run in the container, as a probe is; may be given several times
    #[arg(long = "probe", value_name = "CMD")]
    probes: Vec<String>,
    /// Workloads as YAML, whose probes, hooks and commands of this image are kept; may be given several times
    #[arg(long = "manifests", value_name = "FILE")]
    manifests: Vec<PathBuf>,
    /// A path that is kept whatever was seen; may be given several times
    #[arg(long = "keep", value_name = "PATH")]
    keep: Vec<String>,
    /// The command to start, in place of the image's
    #[arg(long, value_name = "CMD")]
    command: Option<String>,
    /// A port of the container; those that the image exposes by default
    #[arg(long = "port", value_name = "PORT")]
    ports: Vec<u16>,
    #[command(flatten)]
    limits: Limits,
    /// Which image of an index, such as linux/arm64; this machine's by default
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    #[command(flatten)]
    registries: RegistryArguments,
}

#[derive(Debug, Subcommand)]
enum Action {
    Explain(explain::Explain),
}

impl Slim {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match (&self.action, &self.image, &self.test) {
            (Some(Action::Explain(explain)), _, _) => explain.run(context),
            (None, Some(image), Some(test)) => self.make_smaller(image, test, context),
            _ => Err(Failure::usage("no image and no test were named").help("plimsoll slim --help")),
        }
    }

    fn make_smaller(&self, image: &str, test: &str, context: &mut Context) -> Result<(), Failure> {
        let name = read_name(image, context)?;
        let to = self.to.as_deref().map(|text| read_name(text, context)).transpose()?;
        let seeds = Seeds::read(&self.probes, &self.manifests)?;
        let source = self.dockerfile.as_deref().map(write::read_dockerfile).transpose()?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let workshop = Workshop::open(&places.scratch_directory, context)?;
        let step = context.terminal().step("unpacking the image");
        let unpacking = image::unpack(&places, &name, self.platform.as_ref(), workshop.path(), &step);
        let mut unpacked = context.block_on(unpacking)?;
        step.done();
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        let trial = self.trial(&mut unpacked, &seeds, test, &workshop)?;
        for remark in trial.remarks() {
            context.terminal().note(&remark);
        }
        let before = try_out(&trial, &unpacked.rootfs, Recording::Paths, "image", context)?;
        if let Some(TestFailure { why, said }) = &before.test_failure {
            let what = format!("the test fails on the image as it is: {why}");
            return Err(Failure { causes: said.clone(), ..Failure::not_evaluated(what).at(&unpacked.name) });
        }
        let step = context.terminal().step("finding what the image needs");
        let found = Found::read(&mut unpacked);
        let words = seeds.all(&unpacked.config, &unpacked.raw_config, trial.words());
        let list = self.keep_list(&found, &mut unpacked.rootfs, &words, &before, context)?;
        let packed = Packed::write(&list, &mut unpacked, workshop.path())?;
        let smaller = packed.unpack(workshop.path(), trial.isolation())?;
        step.done();
        let after = try_out(&trial, &smaller, Recording::PathsAndCalls, "smaller image", context)
            .map_err(|failure| Failure { verdict: Verdict::GateFailed, ..failure })?;
        judge(&trial, &before, &after, &list)?;
        let written = write::Written {
            list: &list,
            ownership: &found.ownership,
            packed: &packed,
            unpacked: &unpacked,
            profile: &seccomp_profile(&after.trace.calls),
            dockerfile: self.dockerfile.as_deref().zip(source.as_deref()),
            has_tar: found.has_tar(),
        };
        let outcome = context.block_on(write::write_all(&written, &self.out, to.as_ref(), &places))?;
        context.terminal().print(&outcome)
    }

    fn trial<'a>(
        &'a self,
        unpacked: &mut Unpacked,
        seeds: &Seeds,
        test: &'a str,
        workshop: &Workshop,
    ) -> Result<Trial<'a>, Failure> {
        let words = match &self.command {
            Some(line) => seeds::words(line)?,
            None => seeds::command_of(&unpacked.config)?,
        };
        let probes = seeds.probes(&unpacked.raw_config);
        let surroundings = (container_config(), workshop.path());
        Trial::new(unpacked, words, (&self.ports, probes), test, &self.limits, surroundings)
    }

    fn keep_list<'a>(
        &self,
        found: &'a Found,
        rootfs: &mut RootFs,
        seeds: &[Seed],
        before: &Tried,
        context: &mut Context,
    ) -> Result<KeepList<'a>, Failure> {
        let mut closure = Closure::new(&found.system, rootfs, &found.ownership, &found.setting);
        closure.add_seeds(seeds);
        closure.add_trace(&before.trace);
        for path in &self.keep {
            if !closure.add_path(path.as_bytes()) {
                return Err(Failure::usage(format!("the image has no `{path}` to keep")));
            }
        }
        let kept = closure.finish();
        for note in kept.notes.iter().chain(&found.ownership.notes) {
            context.terminal().note(note);
        }
        Ok(KeepList::new(&found.system, rootfs, &found.ownership, kept))
    }
}

/// What an image's files say before anything is decided.
struct Found {
    system: FileSystem,
    ownership: Ownership,
    setting: Setting,
}

impl Found {
    fn read(unpacked: &mut Unpacked) -> Self {
        let system = FileSystem::of(&FileTree::merge(&unpacked.listings));
        let ownership = Ownership::read(&system, &mut unpacked.rootfs);
        Self { system, ownership, setting: Setting::of(&unpacked.config) }
    }

    /// Whether files can be packed within the image.
    fn has_tar(&self) -> bool {
        let has = |paths: [&str; 2]| paths.iter().any(|path| self.system.file(path.as_bytes()).is_some());
        has(["/bin/sh", "/usr/bin/sh"]) && has(["/bin/tar", "/usr/bin/tar"])
    }
}

fn try_out(
    trial: &Trial<'_>,
    rootfs: &RootFs,
    recording: Recording,
    what: &str,
    context: &mut Context,
) -> Result<Tried, Failure> {
    let step = context.terminal().step(&format!("testing the {what}"));
    let tried = trial.run(rootfs, recording, what);
    step.done();
    tried
}

/// Whether the smaller image does what the image did. Files that it was asked for and does not have are told first: they
/// are why something else failed.
fn judge(trial: &Trial<'_>, before: &Tried, after: &Tried, list: &KeepList<'_>) -> Result<(), Failure> {
    let gate = |what: String| Failure::new(Verdict::GateFailed, what);
    let missed = missed(list, &after.trace);
    if let Some(TestFailure { why, said }) = &after.test_failure {
        let failure = gate(format!("the test fails on the smaller image: {why}"));
        let (cause, help) = missed.map_or((None, None), |missed| (Some(missed.what), missed.help));
        let causes = said.iter().cloned().chain(cause).collect();
        return Err(Failure { causes, help, ..failure });
    }
    if before.probe_codes != after.probe_codes {
        let what = format!(
            "probes end with the codes {:?} on the smaller image, and with {:?} on the image",
            after.probe_codes, before.probe_codes
        );
        return Err(gate(what));
    }
    if !trial.is_server() && before.code != after.code {
        let (code, wanted) = (after.code, before.code);
        return Err(gate(format!(
            "the container of the smaller image ends with code {code} instead of {wanted}"
        )));
    }
    missed.map_or(Ok(()), Err)
}

/// What the smaller image was asked for and does not have.
fn missed(list: &KeepList<'_>, trace: &Trace) -> Option<Failure> {
    /// Paths that are named.
    const NAMED_MAX: usize = 10;
    let missed = list.missed(trace);
    let first = missed.first()?;
    let name = |missed: &Missed| format!("`{}` ({})", missed.path, missed.touch.name());
    let named: Vec<String> = missed.iter().take(NAMED_MAX).map(name).collect();
    let what = format!(
        "the smaller image was asked for what it does not have, {} in all: {}",
        missed.len(),
        named.join(", ")
    );
    Some(Failure::new(Verdict::GateFailed, what).help(format!("--keep {}", first.path)))
}

/// Where images are unpacked: a directory on a disk, gone in the end.
struct Workshop {
    directory: tempfile::TempDir,
}

impl Workshop {
    fn open(scratch: &Path, context: &Context) -> Result<Self, Failure> {
        use std::os::unix::fs::PermissionsExt as _;
        let large = Path::new("/var/tmp");
        let place = if context.environment().has("TMPDIR") || !large.is_dir() { scratch } else { large };
        let failed = |error: std::io::Error| {
            Failure::not_evaluated(format!("cannot make a directory in `{}`", place.display()))
                .because(&error)
        };
        let directory =
            tempfile::Builder::new().prefix("plimsoll-slim-").tempdir_in(place).map_err(failed)?;
        // The image's users reach their files through it, and nobody sees what else is there.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o711)).map_err(failed)?;
        Ok(Self { directory })
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Workshop {
    /// Makes way for the directory's own end: images and the overlay leave directories that their owner may not enter.
    fn drop(&mut self) {
        make_enterable(self.path(), 0);
    }
}

/// Lets the owner into every directory beneath one. What cannot be changed is told when it cannot be taken away.
fn make_enterable(directory: &Path, depth: usize) {
    use std::os::unix::fs::PermissionsExt as _;
    /// Deepest directory that is looked at; layers hold paths to a smaller depth.
    const DEPTH_MAX: usize = 512;
    let _ = std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700));
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    // The kind of the entry itself: a link is not followed.
    let is_directory = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    for entry in entries.filter(is_directory) {
        if depth < DEPTH_MAX {
            make_enterable(&entry.path(), depth + 1);
        }
    }
}

/// How long the container may take to end after its signal.
const GRACE: Duration = Duration::from_secs(10);
