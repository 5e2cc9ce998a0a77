mod drawing;

use std::sync::Arc;

use clap::Args;
use plimsoll_image::{FindingCode, ImageAnatomy, ImageParts};
use plimsoll_oci::Platform;
use plimsoll_transport::{ImageName, Places, WarningCollector};

use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::places::{RegistryArguments, say_what_was_filled_in};
use crate::reading::{find_image, read_layers};
use crate::terminal::Step;

/// Explain what an image is made of
///
/// Tells the layers with their sizes, the instruction that made each, what later layers delete or overwrite, and how
/// a container of the image is started. All layers are read.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The image: a reference, oci:DIR[:TAG], docker-archive:FILE, rootfs:DIR, docker:REF or podman:REF
    image: String,
    /// Which image of an index, such as linux/arm64; this machine's by default
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// Do not read the layers: manifest and config only
    #[arg(long)]
    no_layers: bool,
    /// How many of each layer's largest files to name
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    largest: usize,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Inspect {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let name: ImageName = self.image.parse().map_err(|error| {
            Failure::usage(format!("`{}` does not name an image", self.image))
                .because(&error)
                .help("plimsoll inspect --help")
        })?;
        say_what_was_filled_in(&name, &self.image, context);
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let label = if self.no_layers { "reading the manifest" } else { "reading the layers" };
        let step = context.terminal().step(label);
        let anatomy = context.block_on(self.explain(&places, &name, &step))?;
        step.done();
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        context.terminal().print(&anatomy)?;
        self.judge(&anatomy)
    }

    async fn explain(&self, places: &Places, name: &ImageName, step: &Step) -> Result<ImageAnatomy, Failure> {
        let open = places.open_source(name).await?;
        let image = find_image(&open, self.platform.as_ref()).await?;
        let layers = if self.no_layers {
            image.manifest.layers.iter().map(|_| None).collect()
        } else {
            let sizes = image.manifest.layers.iter().map(|layer| layer.size);
            step.expect(sizes.fold(0, u64::saturating_add));
            read_layers(open.source.as_ref(), &image, step).await?
        };
        let mut anatomy = ImageAnatomy::of(&ImageParts {
            name: &name.to_string(),
            digest: image.raw.digest,
            media_type: image.raw.media_type,
            manifest: &image.manifest,
            config: &image.config,
            layers: &layers,
            largest_max: self.largest,
        });
        if self.no_layers {
            // That was asked for.
            anatomy.findings.retain(|finding| finding.code != FindingCode::LayerNotRead);
        }
        Ok(anatomy)
    }

    /// An image that no runtime would unpack is no pass, and neither is one that could not be read whole.
    fn judge(&self, anatomy: &ImageAnatomy) -> Result<(), Failure> {
        let first =
            |wanted: fn(FindingCode) -> bool| anatomy.findings.iter().find(|found| wanted(found.code));
        if let Some(broken) = first(FindingCode::breaks_image) {
            let what = format!("the image is broken: {}", broken.message);
            return Err(Failure::new(Verdict::GateFailed, what).at(&anatomy.name));
        }
        match first(|code| code == FindingCode::LayerNotRead) {
            Some(unread) => Err(Failure::not_evaluated(&unread.message).at(&anatomy.name)),
            None => Ok(()),
        }
    }
}
