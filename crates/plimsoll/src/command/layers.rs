mod drawing;

use std::sync::Arc;

use clap::Args;
use plimsoll_analyser::Analyser;
use plimsoll_image::{PullModel, try_zstd};
use plimsoll_oci::Platform;
use plimsoll_slim::{Census, ImageLayers, LayerFiles, LayerParts};
use plimsoll_transport::{ImageName, Places, WarningCollector};

use crate::analyser_role::analyser_config;
use crate::command::cp::read_name;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::reading::{FoundImage, ReadLayer, find_image, read_records};
use crate::settings;
use crate::terminal::Step;

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
        let report = context.block_on(self.tell(&places, &name, &analyser, &step))?;
        step.done();
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        context.terminal().print(&report)
    }

    async fn tell(
        &self,
        places: &Places,
        name: &ImageName,
        analyser: &Analyser,
        step: &Step,
    ) -> Result<ImageLayers, Failure> {
        let open = places.open_source(name).await?;
        let image = find_image(&open, self.platform.as_ref()).await?;
        let sizes = image.manifest.layers.iter().map(|layer| layer.size);
        step.expect(sizes.fold(0, u64::saturating_add));
        let layers = read_records(open.source.as_ref(), &image, analyser, step).await?;
        let (name, model) = (name.to_string(), self.pull.model());
        let judging = tokio::task::spawn_blocking(move || judge(&name, &image, layers, model));
        judging
            .await
            .map_err(|error| Failure::not_evaluated("judging the layers ended early").because(&error))?
    }
}

fn judge(
    name: &str,
    image: &FoundImage,
    layers: Vec<ReadLayer>,
    model: PullModel,
) -> Result<ImageLayers, Failure> {
    let trials: Vec<_> = layers.iter().map(|layer| try_zstd(&layer.first)).collect();
    let files = layers.into_iter().map(|mut layer| LayerFiles::read(&mut layer.record));
    let files: Vec<LayerFiles> = files
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::not_evaluated("cannot read the records of the layers").because(&error))?;
    let parts = LayerParts {
        name,
        digest: image.raw.digest,
        manifest: &image.manifest,
        config: &image.config,
        trials: &trials,
        model,
    };
    Ok(ImageLayers::of(&parts, &Census::of(&files)))
}
