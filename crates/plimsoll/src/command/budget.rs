mod accepted;
mod document;
mod drawing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use plimsoll_analyser::Analyser;
use plimsoll_image::PullModel;
use plimsoll_oci::Platform;
use plimsoll_slim::Census;
use plimsoll_slim::budget::{Budget as Allowed, Holdings, Measured, judge};
use plimsoll_transport::{ImageName, WarningCollector};

use self::drawing::BudgetReport;
use super::cp::read_name;
use super::layers::{PullArguments, tell};
use super::surface::surface_of;
use crate::analyser_role::analyser_config;
use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::places::RegistryArguments;
use crate::reading::{ImageReader, WholeImage};
use crate::trust::{POLICY_FILE, TrustArguments};

/// Judge an image by what its project allows it to weigh and to offer
///
/// The section `budget` of plimsoll.yaml allows so many bytes, seconds, packages and programs, or no more than another
/// image has. Where that is exceeded, people accept it for this image with `plimsoll approve --gate budget:DELTA`, if the
/// policy has a gate `budget`. The message names the three largest causes.
#[derive(Debug, Args)]
pub(crate) struct Budget {
    /// The image: a reference, oci:DIR[:TAG], docker-archive:FILE, rootfs:DIR, docker:REF or podman:REF
    image: String,
    /// The image to compare with, instead of the one that the budget names
    #[arg(long, value_name = "IMAGE")]
    against: Option<String>,
    /// Read the budget from this file
    #[arg(long, value_name = "FILE", default_value = POLICY_FILE)]
    budget: PathBuf,
    /// Which image of an index, such as linux/arm64; this machine's by default
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    #[command(flatten)]
    pull: PullArguments,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Budget {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let budget = document::read(&self.budget)?;
        let name = read_name(&self.image, context)?;
        let against = self.against.as_ref().or(budget.against.as_ref());
        let against = against.map(|text| read_name(text, context)).transpose()?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let analyser = Analyser::new(analyser_config(context.environment()));
        let step = context.terminal().step("reading the layers");
        let platform = self.platform.as_ref();
        let reader = ImageReader { places: &places, analyser: &analyser, platform, step: &step };
        let report = context.block_on(self.judge(&reader, &budget, &name, against.as_ref()))?;
        step.done();
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        context.terminal().print(&report)?;
        into_result(&report)
    }

    async fn judge(
        &self,
        reader: &ImageReader<'_>,
        budget: &Allowed,
        name: &ImageName,
        against: Option<&ImageName>,
    ) -> Result<BudgetReport, Failure> {
        let model = self.pull.model();
        let before = match against {
            Some(name) => Some(measured(&reader.read(name).await?, model)),
            None => None,
        };
        let image = reader.read(name).await?;
        let now = measured(&image, model);
        let mut verdict = judge(budget, &now, before.as_ref());
        if !verdict.excesses.is_empty() {
            let digest = image.found.raw.digest;
            accepted::note(&mut verdict, &self.trust, reader.places, name, &digest).await?;
        }
        Ok(BudgetReport::of(&now, before.as_ref(), verdict))
    }
}

/// Judges an image that was just built by the budget of this directory: what it came to, and whether that is in the
/// way. `to` is where the image goes, and where people may have accepted it already.
pub(super) async fn judge_built(
    reader: &ImageReader<'_>,
    image: &WholeImage,
    to: Option<&ImageName>,
) -> Result<Option<(String, Option<Failure>)>, Failure> {
    let Some(budget) = document::read_if_any(Path::new(POLICY_FILE))? else { return Ok(None) };
    let against = budget.against.as_ref().map(|text| text.parse::<ImageName>());
    let unnamed = |error| Failure::usage("the budget names no image to compare with").because(&error);
    let model = PullModel::default();
    let before = match against.transpose().map_err(unnamed)? {
        Some(name) => Some(measured(&reader.read(&name).await?, model)),
        None => None,
    };
    let now = measured(image, model);
    let mut verdict = judge(&budget, &now, before.as_ref());
    if let (false, Some(to)) = (verdict.excesses.is_empty(), to) {
        accepted::note(&mut verdict, &TrustArguments::default(), reader.places, to, &image.found.raw.digest)
            .await?;
    }
    let report = BudgetReport::of(&now, before.as_ref(), verdict);
    let refused = into_result(&report).err();
    let told = refused.as_ref().map_or_else(|| "kept".to_owned(), |failure| failure.what.clone());
    Ok(Some((told, refused)))
}

/// What a budget looks at.
pub(super) fn measured(image: &WholeImage, model: PullModel) -> Measured {
    let layers = tell(image, model);
    Measured {
        surface: surface_of(image),
        stored_bytes: layers.totals.stored_bytes,
        pull_seconds: layers.pull.seconds,
        holdings: Holdings::of(&Census::of(&image.files)),
        waste: layers.waste,
    }
}

fn into_result(report: &BudgetReport) -> Result<(), Failure> {
    let open = report.open();
    let Some(first) = open.first() else { return Ok(()) };
    let more = open.len().saturating_sub(1);
    let tail = if more > 0 { format!(", and {more} more") } else { String::new() };
    Err(Failure::new(Verdict::GateFailed, format!("the budget is exceeded: {}{tail}", first.message))
        .at(report.name())
        .help(report.next()))
}
