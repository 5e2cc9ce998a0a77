mod drawing;

use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use plimsoll_analyser::Analyser;
use plimsoll_oci::Platform;
use plimsoll_server::now;
use plimsoll_slim::Census;
use plimsoll_slim::surface::{Surface as Counted, SurfaceChange};
use plimsoll_transport::{ImageName, WarningCollector};
use plimsoll_vuln::feed::Terms;
use plimsoll_vuln::severity::Severity;

use self::drawing::SurfaceReport;
use super::cp::read_name;
use crate::advisories::{AdvisoryArguments, AgeArguments, OpenAdvisories};
use crate::analyser_role::analyser_config;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::reading::{ImageReader, WholeImage};

/// Count what an image offers to whoever gets in
///
/// Packages, programs, setuid files, file capabilities, shells, package managers, network tools, interpreters, writable
/// paths, the user, and what is known against the components: each a number with its list, and no grade. With --against
/// it tells what came and what went.
#[derive(Debug, Args)]
pub(crate) struct Surface {
    /// The image: a reference, oci:DIR[:TAG], docker-archive:FILE, rootfs:DIR, docker:REF or podman:REF
    image: String,
    /// The image to compare with, such as the one that runs now
    #[arg(long, value_name = "IMAGE")]
    against: Option<String>,
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

impl Surface {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let name = read_name(&self.image, context)?;
        let against = self.against.as_ref().map(|text| read_name(text, context)).transpose()?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let analyser = Analyser::new(analyser_config(context.environment()));
        let advisories = self.open_advisories(context)?;
        let step = context.terminal().step("reading the layers");
        let platform = self.platform.as_ref();
        let reader = ImageReader { places: &places, analyser: &analyser, platform, step: &step };
        let count = async |name: &ImageName| -> Result<Counted, Failure> {
            Ok(self.count(&reader.read(name).await?, advisories.as_ref()))
        };
        let (now, before) = context.block_on(async {
            let before = match &against {
                Some(name) => Some(count(name).await?),
                None => None,
            };
            Ok((count(&name).await?, before))
        })?;
        step.done();
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        let change = before.as_ref().map(|before| SurfaceChange::of(&now, before));
        context.terminal().print(&SurfaceReport::of(now, before, change))
    }

    /// This machine's advisories, if there are any: without them there is no word of findings.
    fn open_advisories(&self, context: &mut Context) -> Result<Option<OpenAdvisories>, Failure> {
        let directory = self.advisories.directory(context.environment());
        let Ok(Some(directory)) =
            directory.map(|directory| directory.catalogue().ok().flatten().map(|_| directory))
        else {
            context
                .terminal()
                .note("there are no advisories on this machine, so nothing is known of findings");
            return Ok(None);
        };
        directory.open().map(Some)
    }

    fn count(&self, image: &WholeImage, advisories: Option<&OpenAdvisories>) -> Counted {
        let mut surface = surface_of(image);
        let now = Timestamp::from_millisecond(now().unix_ms()).unwrap_or_default();
        let terms = Terms { now, age_days_max: self.age.days_max() };
        surface.findings = advisories.map(|advisories| {
            let counts = image.scan(advisories, &terms).verdict.counts.by_severity;
            let count = |severity: Severity| counts.get(&severity).copied().unwrap_or_default() as u64;
            Severity::WORST_FIRST.map(|severity| (severity.to_string(), count(severity))).to_vec()
        });
        surface
    }
}

/// What an image offers, without what is known against it.
pub(super) fn surface_of(image: &WholeImage) -> Counted {
    let census = Census::of(&image.files);
    let found = &image.found;
    Counted::of(&image.name, found.raw.digest, &found.config, &census, &image.contents)
}
