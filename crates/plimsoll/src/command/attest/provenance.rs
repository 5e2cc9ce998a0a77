use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use plimsoll_attest::{BuildRecord, BuildRun, Material, PredicateType, Statement, Witness};
use plimsoll_dockerfile::graph::{BuildChoice, ExternalImage};
use plimsoll_dockerfile::{base_images, parse};
use plimsoll_oci::Digest;

use super::vouch::vouch;
use crate::advisories::read_bounded;
use crate::ci_token::CiTokenSource;
use crate::command::cp::read_name;
use crate::command::lint::DOCKERFILE_BYTES_MAX;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::signing::{KeyPassword, KeySource, Saying, say, wall_clock};
use crate::source_tree::{WorkingTree, hashed};

/// The file that is read if there is one.
const DOCKERFILES: [&str; 2] = ["Dockerfile", "Containerfile"];

/// Say how an image was built, from git, its Dockerfile and the CI system
///
/// Reads the commit, its authors, the Dockerfile with the images it builds on, and the lock files; and which run of
/// which workflow this is, from the environment of GitHub Actions, GitLab, Buildkite, CircleCI or Jenkins. Writes SLSA
/// build provenance and signs it. What the build says of itself is marked as claimed.
///
/// With --ci-token the registry signs, once it has verified the CI system's token: builder, run, commit and whoever
/// started it are then taken from the token alone.
#[derive(Debug, Args)]
#[command(override_usage = "plimsoll attest provenance [OPTIONS] --key KEY IMAGE\n       \
                      plimsoll attest provenance [OPTIONS] --ci-token TOKEN IMAGE")]
pub(crate) struct AttestProvenance {
    /// The image: a reference or oci:DIR[:TAG]
    image: String,
    #[command(flatten)]
    build: BuildArguments,
    /// The private key to sign with: a file, or env://NAME for a variable that holds it
    #[arg(long, value_name = "KEY", required_unless_present = "ci_token", conflicts_with = "ci_token")]
    key: Option<KeySource>,
    #[command(flatten)]
    password: KeyPassword,
    /// Have the registry sign: env://NAME for a variable that holds the CI system's token, or github to ask for one
    #[arg(long, value_name = "TOKEN")]
    ci_token: Option<CiTokenSource>,
    /// For whom GitHub makes the token: what the registry expects
    #[arg(long, value_name = "NAME", default_value = "plimsoll")]
    audience: String,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// What was built, and how.
#[derive(Debug, Args)]
pub(in crate::command) struct BuildArguments {
    /// The source tree that was built
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(in crate::command) source: PathBuf,
    /// The Dockerfile [default: Dockerfile or Containerfile in the source tree, if there is one]
    #[arg(long, value_name = "FILE")]
    pub(in crate::command) dockerfile: Option<PathBuf>,
    /// The stage of the Dockerfile that was built [default: the last]
    #[arg(long, value_name = "STAGE")]
    pub(in crate::command) target: Option<String>,
    /// An argument of the build, which everybody will be able to read; may be given several times
    #[arg(long = "build-arg", value_name = "NAME=VALUE", value_parser = super::super::sign::annotation)]
    pub(in crate::command) build_args: Vec<(String, String)>,
    /// The commit of the build before this one: who wrote anything since then cannot approve this one [default: the
    /// commit's first parent]
    #[arg(long, value_name = "COMMIT")]
    pub(in crate::command) since: Option<String>,
    /// Who builds, as a URI [default: the workflow that runs]
    #[arg(long, value_name = "URI")]
    pub(in crate::command) builder: Option<String>,
    /// When the build began, such as 2026-11-22T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(in crate::command) started: Option<Timestamp>,
    /// Something else that the build made, such as a log; may be given several times
    #[arg(long = "byproduct", value_name = "FILE")]
    pub(in crate::command) byproducts: Vec<PathBuf>,
}

impl AttestProvenance {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let image = read_name(&self.image, context)?;
        let (record, run) = self.build.gather(None, context)?;
        if let Some(source) = &self.ci_token {
            let token = source.get(&self.audience, context)?;
            return vouch(&image, &record, &token, &self.registries, context);
        }
        let without = || Failure::usage("there is no key to sign with").help("--key FILE");
        let key = self.key.as_ref().ok_or_else(without)?.open(&self.password, context)?;
        let predicate = record.to_predicate(&run, &Witness::Environment, env!("CARGO_PKG_VERSION"));
        let statement =
            |digest: &Digest| Statement::about(digest, PredicateType::PROVENANCE, predicate.clone());
        say(&Saying { image: &image, key: &key, statement: &statement }, &self.registries, context)
    }
}

impl BuildArguments {
    /// What the build declares, and what its environment says of the run. Whoever built knows the `bases`; else they are
    /// read in the Dockerfile.
    pub(in crate::command) fn gather(
        &self,
        bases: Option<Vec<Material>>,
        context: &mut Context,
    ) -> Result<(BuildRecord, BuildRun), Failure> {
        let environment = context.environment();
        let variable = |name: &str| environment.text(name).map(str::to_owned);
        let mut run = BuildRun::of_environment(&variable).unwrap_or_default();
        run.builder = self.builder.clone().or(run.builder);
        let mut doubts = Vec::new();
        let record = context.block_on(self.record(bases, &mut doubts))?;
        let checked_out = record.source.as_ref().map(|source| &source.commit);
        if let (Some(checked_out), Some(of_run)) = (checked_out, &run.commit)
            && checked_out != of_run
        {
            doubts.push(format!("commit {checked_out} is checked out, and the CI system builds {of_run}"));
        }
        if record.source.is_none() && run.commit.is_none() {
            doubts.push(
                "nobody says which commit was built: there is no git repository with a remote".to_owned(),
            );
        }
        for doubt in doubts {
            context.terminal().warn(&doubt);
        }
        let too_much = |error| Failure::usage("the build is not described").because(&error);
        record.check().map_err(too_much)?;
        Ok((record, run))
    }

    async fn record(
        &self,
        bases: Option<Vec<Material>>,
        doubts: &mut Vec<String>,
    ) -> Result<BuildRecord, Failure> {
        let build_args: BTreeMap<String, String> = self.build_args.iter().cloned().collect();
        let mut record = BuildRecord {
            target: self.target.clone(),
            started_on: self.started,
            finished_on: Some(wall_clock()),
            byproducts: self.byproducts.iter().map(|file| byproduct(file)).collect::<Result<_, _>>()?,
            ..BuildRecord::default()
        };
        let tree = WorkingTree::open(&self.source).await?;
        if let Some(tree) = &tree {
            record.source = tree.source().await?;
            let state = tree.state().await?;
            if state.changed > 0 {
                doubts.push(format!("{} files differ from commit {}", state.changed, tree.commit()));
            }
            record.source_tree = Some(state);
            record.people = Some(tree.people(self.since.as_deref()).await?);
            record.lock_files = tree.lock_files().await?;
        }
        if let Some(path) = self.dockerfile()? {
            record.bases = match bases {
                Some(bases) => bases,
                None => self.bases(&path, &build_args, doubts)?,
            };
            record.dockerfile = match &tree {
                Some(tree) => tree.file(&path).await?,
                None => None,
            };
            if record.dockerfile.is_none() {
                record.dockerfile = hashed(&path.display().to_string(), &path)?;
            }
        }
        record.build_args = build_args;
        Ok(record)
    }

    fn dockerfile(&self) -> Result<Option<PathBuf>, Failure> {
        match &self.dockerfile {
            Some(path) if path.is_file() => Ok(Some(path.clone())),
            Some(path) => Err(Failure::usage("there is no such Dockerfile").at(path.display().to_string())),
            None => Ok(DOCKERFILES.iter().map(|name| self.source.join(name)).find(|path| path.is_file())),
        }
    }

    fn bases(
        &self,
        path: &Path,
        build_args: &BTreeMap<String, String>,
        doubts: &mut Vec<String>,
    ) -> Result<Vec<Material>, Failure> {
        let unusable = |error: &dyn std::error::Error| {
            Failure::usage("the Dockerfile is not understood").at(path.display().to_string()).because(error)
        };
        let bytes = read_bounded(path, DOCKERFILE_BYTES_MAX).map_err(|error| unusable(&error))?;
        let target = self.target.as_deref();
        let choice = BuildChoice { target, arguments: Some(build_args), is_platform_unknown: true };
        let bases = base_images(&parse(bytes), choice).map_err(|error| unusable(&error))?;
        for base in &bases {
            if base.reference.as_ref().is_none_or(|reference| reference.digest.is_none()) {
                doubts
                    .push(format!("`{}` names no digest: nobody will know which image it was", base.written));
            }
        }
        let material = |base: &ExternalImage| Material::of_image(&base.written, base.reference.as_ref());
        Ok(bases.iter().map(material).collect())
    }
}

fn byproduct(path: &Path) -> Result<Material, Failure> {
    let missing = || Failure::usage("there is no such file").at(path.display().to_string());
    hashed(&path.display().to_string(), path)?.ok_or_else(missing)
}
