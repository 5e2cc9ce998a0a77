//! What findings cost, read off an image that was built from the Dockerfile.

use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use plimsoll_analyser::Analyser;
use plimsoll_dockerfile::Document;
use plimsoll_dockerfile::lint::Finding;
use plimsoll_image::PullModel;
use plimsoll_oci::Platform;
use plimsoll_server::now;
use plimsoll_slim::Census;
use plimsoll_slim::savings::{BuiltImage, Savings, savings};
use plimsoll_transport::WarningCollector;
use plimsoll_vuln::feed::Terms;

use crate::advisories::{AdvisoryArguments, AgeArguments};
use crate::analyser_role::analyser_config;
use crate::command::cp::read_name;
use crate::command::layers::{PullArguments, tell};
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::reading::{ImageReader, WholeImage};

/// The arguments about an image that was built from the Dockerfile.
#[derive(Debug, Args)]
pub(super) struct ImageArguments {
    /// Tell what each finding costs in this image, which was built from the Dockerfile
    #[arg(long, value_name = "IMAGE", help_heading = "Numbers from an image")]
    image: Option<String>,
    /// Which image of an index, such as linux/arm64; this machine's by default
    #[arg(long, value_name = "OS/ARCH", requires = "image", help_heading = "Numbers from an image")]
    platform: Option<Platform>,
    #[command(flatten, next_help_heading = "Numbers from an image")]
    pull: PullArguments,
    #[command(flatten, next_help_heading = "Numbers from an image")]
    advisories: AdvisoryArguments,
    #[command(flatten, next_help_heading = "Numbers from an image")]
    age: AgeArguments,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// An image, and what is known against each of its components.
pub(super) struct ReadImage<'a> {
    arguments: &'a ImageArguments,
    image: WholeImage,
    findings: Option<Vec<u64>>,
}

impl ImageArguments {
    /// Reads the image, if one is named.
    pub(super) fn read(&self, context: &mut Context) -> Result<Option<ReadImage<'_>>, Failure> {
        let Some(text) = &self.image else { return Ok(None) };
        let name = read_name(text, context)?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let analyser = Analyser::new(analyser_config(context.environment()));
        let step = context.terminal().step("reading the layers");
        let platform = self.platform.as_ref();
        let reader = ImageReader { places: &places, analyser: &analyser, platform, step: &step };
        let image = context.block_on(reader.read(&name))?;
        let findings = self.known(&image, context)?;
        step.done();
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        Ok(Some(ReadImage { arguments: self, image, findings }))
    }

    pub(super) fn registries(&self) -> &RegistryArguments {
        &self.registries
    }

    pub(super) fn pull_model(&self) -> PullModel {
        self.pull.model()
    }

    /// How much is known against each component, if this machine has advisories.
    pub(super) fn known(
        &self,
        image: &WholeImage,
        context: &mut Context,
    ) -> Result<Option<Vec<u64>>, Failure> {
        let Ok(directory) = self.advisories.directory(context.environment()) else { return Ok(None) };
        if directory.catalogue()?.is_none() {
            return Ok(None);
        }
        let now = Timestamp::from_millisecond(now().unix_ms()).unwrap_or_default();
        let terms = Terms { now, age_days_max: self.age.days_max() };
        let report = image.scan(&directory.open()?, &terms);
        let mut counts = vec![0; image.contents.components.len()];
        for found in &report.verdict.findings {
            if let Some(count) = counts.get_mut(found.place.position) {
                *count += 1;
            }
        }
        Ok(Some(counts))
    }
}

impl ReadImage<'_> {
    /// What each finding costs.
    pub(super) fn savings(&self, document: &Document, findings: &[Finding]) -> Vec<Option<Savings>> {
        let model = self.arguments.pull.model();
        let layers = tell(&self.image, model);
        let census = Census::of(&self.image.files);
        let contents = &self.image.contents;
        let built = BuiltImage {
            layers: &layers,
            census: &census,
            contents,
            findings: self.findings.as_deref(),
            model,
        };
        savings(document, findings, &built)
    }
}
