//! What findings cost, measured: the Dockerfile is built as it is, and with each change.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use plimsoll_analyser::Analyser;
use plimsoll_build::{BuildRequest, Buildah, Compression, Watch};
use plimsoll_dockerfile::lint::{Finding, Fix, apply};
use plimsoll_oci::Platform;
use plimsoll_slim::savings::{Savings, Weighed};
use plimsoll_transport::{ImageName, Places, Target, WarningCollector};

use super::files::Dockerfile;
use super::image::ImageArguments;
use super::measure::ignore_file;
use crate::analyser_role::analyser_config;
use crate::command::build::{build_store, build_variables};
use crate::command::layers::tell;
use crate::context::Context;
use crate::failure::Failure;
use crate::reading::ImageReader;
use crate::terminal::Step;

/// Changes of one Dockerfile that are built.
const CHANGES_MAX: usize = 8;

/// The arguments about builds that measure.
#[derive(Debug, Args)]
pub(super) struct MeasureArguments {
    /// Build the image as it is and with each change, and tell what the changes save; a directory has to be named
    #[arg(long, conflicts_with_all = ["image", "fix", "diff"], help_heading = "Numbers from an image")]
    pub(super) measure: bool,
    /// The program that runs commands
    #[arg(
        long,
        value_name = "PROGRAM",
        default_value = "buildah",
        requires = "measure",
        help_heading = "Numbers from an image"
    )]
    buildah: PathBuf,
    /// Where builds keep what they fetched and made [default: ~/.cache/plimsoll/build]
    #[arg(long, value_name = "DIR", requires = "measure", help_heading = "Numbers from an image")]
    cache_dir: Option<PathBuf>,
}

/// A Dockerfile that is built in several forms.
pub(super) struct Counterfactual<'a> {
    pub(super) arguments: &'a MeasureArguments,
    pub(super) image: &'a ImageArguments,
    pub(super) dockerfile: &'a Dockerfile,
    pub(super) target: Option<&'a str>,
    pub(super) build_args: &'a BTreeMap<String, String>,
}

impl Counterfactual<'_> {
    /// What the change of each finding saves; nothing for findings without one, and for those after the first few.
    pub(super) fn savings(
        &self,
        source: &[u8],
        findings: &[Finding],
        context: &mut Context,
    ) -> Result<Vec<Option<Savings>>, Failure> {
        let changes = findings.iter().filter(|finding| finding.fix.is_some()).count();
        if changes == 0 {
            return Ok(vec![None; findings.len()]);
        }
        if changes > CHANGES_MAX {
            context.terminal().note(&format!("of {changes} changes the first {CHANGES_MAX} are built"));
        }
        let places = self.image.registries().places(context, Arc::new(WarningCollector::default()))?;
        let step = context.terminal().step("building with and without the changes");
        let before = self.weigh(source.to_vec(), &places, &step, context)?;
        let mut left = CHANGES_MAX;
        let mut savings = Vec::with_capacity(findings.len());
        for finding in findings {
            let fix = finding.fix.as_ref().filter(|_| left > 0);
            left -= usize::from(fix.is_some());
            savings.push(match fix {
                Some(fix) => before.saved_by(&self.weigh(changed(source, fix), &places, &step, context)?),
                None => None,
            });
        }
        step.done();
        Ok(savings)
    }

    /// Builds a text in the place of the Dockerfile's, and weighs the image.
    fn weigh(
        &self,
        text: Vec<u8>,
        places: &Places,
        step: &Step,
        context: &mut Context,
    ) -> Result<Weighed, Failure> {
        let request = self.request(text, context)?;
        let built = context
            .block_on(async { Ok(plimsoll_build::build(request, places, Arc::new(Unheard)).await?) })?;
        let staged = built.stage()?;
        let name = ImageName::Layout {
            directory: staged.directory().to_owned(),
            target: Target::Digest(built.manifest.digest),
        };
        let analyser = Analyser::new(analyser_config(context.environment()));
        let reader = ImageReader { places, analyser: &analyser, platform: None, step };
        let image = context.block_on(reader.read(&name))?;
        let known = self.image.known(&image, context)?;
        let weighed = Weighed::of(&tell(&image, self.image.pull_model()), &image.contents, known.as_deref());
        drop(staged);
        // A store that is too large is found again by the next build.
        let _ = built.close();
        Ok(weighed)
    }

    fn request(&self, text: Vec<u8>, context: &Context) -> Result<BuildRequest, Failure> {
        let directory = self.dockerfile.context.as_deref().ok_or_else(|| {
            Failure::usage("it is not known what is sent to the build")
                .at(self.dockerfile.name.clone())
                .help("name the directory, or --context DIR")
        })?;
        let absolute = |path: &std::path::Path| {
            std::path::absolute(path).map_err(|error| crate::advisories::cannot("find", path, &error))
        };
        let (ignore_path, ignore) = ignore_file(directory, &self.dockerfile.path)?.unzip();
        let environment = context.environment();
        Ok(BuildRequest {
            name: self.dockerfile.name.clone(),
            dockerfile: text,
            context: absolute(directory)?,
            ignore: ignore.unwrap_or_default(),
            target: self.target.map(str::to_owned),
            arguments: self.build_args.clone(),
            contexts: BTreeMap::new(),
            platform: Platform::host(),
            compression: Compression::Gzip,
            time: 0,
            store: build_store(self.arguments.cache_dir.as_deref(), environment)?,
            buildah: Buildah {
                program: self.arguments.buildah.clone(),
                environment: build_variables(environment),
                ignore_file: ignore_path.map(|path| absolute(&path)).transpose()?,
                secrets: Vec::new(),
                ssh: Vec::new(),
                no_cache: false,
            },
        })
    }
}

fn changed(source: &[u8], fix: &Fix) -> Vec<u8> {
    apply(source, [fix]).0
}

/// Says nothing: that the builds take place is told by the step.
struct Unheard;

impl Watch for Unheard {
    fn step(&self, _text: &str) {}

    fn line(&self, _text: &str) {}
}
