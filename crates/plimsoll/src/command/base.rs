mod candidates;
mod drawing;
mod programs;
mod rebased;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use plimsoll_analyser::Analyser;
use plimsoll_oci::Platform;
use plimsoll_server::now;
use plimsoll_slim::Census;
use plimsoll_slim::base::{Candidate, Needs, Offer, breaks, rank};
use plimsoll_transport::{ImageName, WarningCollector};
use plimsoll_vuln::feed::Terms;

use self::candidates::{Held, Shelf};
use self::drawing::BaseReport;
use super::cp::read_name;
use crate::advisories::{AdvisoryArguments, AgeArguments, OpenAdvisories};
use crate::analyser_role::analyser_config;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::reading::{ImageReader, WholeImage};

/// Tell on which other base an image could stand, and what would break
///
/// The present base is the image of the registry whose whole stack of layers this one begins with. Others are asked for
/// what this image's own layers need: the loader, libraries, symbols of glibc and interpreters. They are ranked by
/// findings, bytes that are not there yet, and age. What only the present base has is told as what may break.
#[derive(Debug, Args)]
pub(crate) struct Base {
    /// The image: a reference, oci:DIR[:TAG], docker-archive:FILE, rootfs:DIR, docker:REF or podman:REF
    image: String,
    /// Where bases are: a registry, or repositories of it that begin so, such as localhost:5000/base
    #[arg(long, value_name = "REGISTRY[/PREFIX]")]
    from: String,
    /// Change the FROM line of this Dockerfile, as a patch in the report
    #[arg(long, value_name = "FILE")]
    dockerfile: Option<PathBuf>,
    /// Print the patch for the best base alone, for `git apply`
    #[arg(long, requires = "dockerfile")]
    diff: bool,
    /// Which image of an index, such as linux/arm64; this machine's by default
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    #[command(flatten)]
    advisories: AdvisoryArguments,
    #[command(flatten)]
    age: AgeArguments,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Base {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let name = read_name(&self.image, context)?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let analyser = Analyser::new(analyser_config(context.environment()));
        let advisories = self.open_advisories(context)?;
        let step = context.terminal().step("reading images");
        let platform = self.platform.as_ref();
        let reader = ImageReader { places: &places, analyser: &analyser, platform, step: &step };
        let mut report = context.block_on(self.advise(&reader, &name, advisories.as_ref()))?;
        step.done();
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        let best = report.candidates.iter().find(|candidate| candidate.fits());
        if let (Some(dockerfile), Some(best)) = (&self.dockerfile, best) {
            report.patch = Some(rebased::patch_for(dockerfile, best)?);
        }
        match (self.diff, &report.patch) {
            (true, patch) => context.terminal().print_raw(patch.clone().unwrap_or_default().as_bytes()),
            (false, _) => context.terminal().print(&report),
        }
    }

    async fn advise(
        &self,
        reader: &ImageReader<'_>,
        name: &ImageName,
        advisories: Option<&OpenAdvisories>,
    ) -> Result<BaseReport, Failure> {
        let image = reader.read(name).await?;
        let shelf = Shelf::look(reader, &self.from, &image).await?;
        let bottom = shelf.present.as_ref().map_or(0, |(_, layers)| *layers);
        let programs = programs::read(reader, name, bottom).await?;
        let census = Census::of(&image.files);
        let needs = Needs::of(&programs, &image.found.config, &census.tree, bottom);
        let present = shelf.present.as_ref().map(|_| Offer::of(&census, &image.contents, bottom));
        let mut candidates = Vec::new();
        for held in &shelf.others {
            let other = reader.read(&held.name).await?;
            candidates.push(self.weigh(held, &other, &image, &needs, present.as_ref(), advisories));
        }
        rank(&mut candidates);
        let present = shelf.present.map(|(held, _)| held.name.to_string());
        let mut report = BaseReport::of(&image, present, candidates);
        report.left_out = shelf.left_out;
        report.unread = shelf.unread;
        Ok(report)
    }

    fn weigh(
        &self,
        held: &Held,
        other: &WholeImage,
        image: &WholeImage,
        needs: &Needs,
        present: Option<&Offer>,
        advisories: Option<&OpenAdvisories>,
    ) -> Candidate {
        let offer = Offer::of(&Census::of(&other.files), &other.contents, usize::MAX);
        let layers = &other.found.manifest.layers;
        let is_there = |digest| image.found.manifest.layers.iter().any(|own| own.digest == digest);
        let sum = |sizes: &mut dyn Iterator<Item = u64>| sizes.fold(0, u64::saturating_add);
        let now = Timestamp::from_millisecond(now().unix_ms()).unwrap_or_default();
        let terms = Terms { now, age_days_max: self.age.days_max() };
        let findings = advisories.map(|advisories| {
            let counts = other.scan(advisories, &terms).verdict.counts;
            counts.by_severity.values().map(|count| *count as u64).sum()
        });
        let created = other.found.config.created.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
        Candidate {
            name: held.name.to_string(),
            digest: other.found.raw.digest,
            breaks: breaks(needs, &offer, present),
            findings,
            stored_bytes: sum(&mut layers.iter().map(|layer| layer.size)),
            missing_bytes: sum(&mut layers
                .iter()
                .filter(|layer| !is_there(layer.digest))
                .map(|layer| layer.size)),
            created_unix: created.map(Timestamp::as_second),
        }
    }

    /// This machine's advisories, if there are any.
    fn open_advisories(&self, context: &mut Context) -> Result<Option<OpenAdvisories>, Failure> {
        let Ok(directory) = self.advisories.directory(context.environment()) else { return Ok(None) };
        match directory.catalogue()? {
            Some(_) => directory.open().map(Some),
            None => {
                context
                    .terminal()
                    .note("there are no advisories on this machine, so bases are not ranked by findings");
                Ok(None)
            }
        }
    }
}
