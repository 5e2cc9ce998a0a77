mod drawing;

use std::collections::HashSet;
use std::sync::Arc;

use clap::Args;
use plimsoll_analyser::Analyser;
use plimsoll_image::PullModel;
use plimsoll_oci::{ImageConfig, Platform};
use plimsoll_slim::closure::{Closure, Ownership, Seed, Setting};
use plimsoll_slim::file_system::FileSystem;
use plimsoll_slim::waste::Waste;
use plimsoll_slim::{Cause, Census, ImageLayers, LayerParts};
use plimsoll_transport::WarningCollector;

use super::cp::read_name;
use crate::analyser_role::analyser_config;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::reading::{ImageReader, Spooled, WholeImage};
use crate::settings;

/// Tell which bytes of an image nobody needs, and why
///
/// Each layer with the instruction that made it, and each byte that could go with its layer, its package and one
/// reason: deleted or overwritten by a later layer, a cache, for building only, documentation, or a copy. Layers that
/// Zstandard would make faster to pull are named with what a trial on their beginning gave.
#[derive(Debug, Args)]
pub(crate) struct Layers {
    /// The image: a reference, oci:DIR[:TAG], docker-archive:FILE, rootfs:DIR, docker:REF or podman:REF
    image: String,
    /// Which image of an index, such as linux/arm64; this machine's by default
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// Tell also which files nothing reaches from the commands that the image names; it reads every layer twice
    #[arg(long)]
    unreached: bool,
    #[command(flatten)]
    pull: PullArguments,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// The arguments of commands that tell how long a pull takes.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct PullArguments {
    /// How fast layers arrive where they are pulled, such as 50MB/s
    #[arg(long, value_name = "RATE", default_value = "50MB/s", value_parser = rate)]
    bandwidth: u64,
}

impl PullArguments {
    pub(crate) fn model(self) -> PullModel {
        PullModel { bandwidth_bytes: self.bandwidth }
    }
}

/// Bytes a second.
fn rate(text: &str) -> Result<u64, &'static str> {
    let bytes = text.strip_suffix("/s").and_then(|size| settings::size(size).ok());
    bytes.filter(|bytes| *bytes > 0).ok_or("a rate such as `50MB/s` or `1GB/s`")
}

impl Layers {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let name = read_name(&self.image, context)?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let analyser = Analyser::new(analyser_config(context.environment()));
        let step = context.terminal().step("reading the layers");
        let platform = self.platform.as_ref();
        let reader = ImageReader { places: &places, analyser: &analyser, platform, step: &step };
        let (image, spooled) = context.block_on(async {
            let image = reader.read(&name).await?;
            let spooled = if self.unreached { Some(reader.spool(&name).await?) } else { None };
            Ok((image, spooled))
        })?;
        let report = match spooled {
            Some(spooled) => tell_unreached(&image, self.pull.model(), spooled),
            None => tell(&image, self.pull.model()),
        };
        step.done();
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        context.terminal().print(&report)
    }
}

/// What an image's layers hold, and what of it could go.
pub(super) fn tell(image: &WholeImage, model: PullModel) -> ImageLayers {
    ImageLayers::of(&parts(image, model), &Census::of(&image.files))
}

/// The same with the files that nothing reaches.
fn tell_unreached(image: &WholeImage, model: PullModel, mut contents: Spooled) -> ImageLayers {
    let census = Census::of(&image.files);
    contents.show(&census.tree);
    let reached = reached(&census, &image.found.config, &mut contents);
    let waste = Waste::beyond(&census, Some(&reached));
    ImageLayers::with_waste(&parts(image, model), &census, waste)
}

fn parts(image: &WholeImage, model: PullModel) -> LayerParts<'_> {
    LayerParts {
        name: &image.name,
        digest: image.found.raw.digest,
        manifest: &image.found.manifest,
        config: &image.found.config,
        trials: &image.trials,
        model,
    }
}

/// The paths that the commands of a config may need.
fn reached(census: &Census<'_>, config: &ImageConfig, contents: &mut Spooled) -> HashSet<Vec<u8>> {
    let system = FileSystem::of(&census.tree);
    let ownership = Ownership::read(&system, contents);
    let setting = Setting::of(config);
    let whole: Vec<String> = config.config.entrypoint.iter().chain(&config.config.cmd).cloned().collect();
    let commands = [whole, config.config.cmd.clone()];
    let seeds = commands.into_iter().filter(|words| !words.is_empty());
    let seeds: Vec<Seed> = seeds.map(|words| Seed { cause: Cause::Entrypoint, words }).collect();
    let mut closure = Closure::new(&system, contents, &ownership, &setting);
    closure.add_seeds(&seeds);
    closure.finish().files.keys().map(|id| system.node(*id).path.clone()).collect()
}
