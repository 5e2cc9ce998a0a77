mod report;

use std::sync::Arc;

use clap::Args;
use plimsoll_analyser::Analyser;
use plimsoll_oci::{ImageConfig, Platform};
use plimsoll_sbom::{Document, ImageContents, Subject, Tool};
use plimsoll_transport::{ImageName, Places, WarningCollector};

use crate::analyser_role::analyser_config;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::{RegistryArguments, say_what_was_filled_in};
use crate::reading::{FoundImage, find_image, read_contents};
use crate::terminal::Step;
use report::Bill;

/// List what is inside an image
///
/// Every layer is read by a child of this program that has neither network nor credentials. Components are what package
/// managers, language tools and the programs themselves say is there, each with the layer and file that says so.
#[derive(Debug, Args)]
pub(crate) struct Sbom {
    /// The image: a reference, oci:DIR[:TAG], docker-archive:FILE, rootfs:DIR, docker:REF or podman:REF
    image: String,
    /// Which image of an index, such as linux/arm64; this machine's by default
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Sbom {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let name: ImageName = self.image.parse().map_err(|error| {
            Failure::usage(format!("`{}` does not name an image", self.image))
                .because(&error)
                .help("plimsoll sbom --help")
        })?;
        say_what_was_filled_in(&name, &self.image, context);
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let analyser = Analyser::new(analyser_config(context.environment()));
        let step = context.terminal().step("reading the layers");
        let bill = context.block_on(self.list(&places, &name, &analyser, &step))?;
        step.done();
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        context.terminal().print(&bill)
    }

    async fn list(
        &self,
        places: &Places,
        name: &ImageName,
        analyser: &Analyser,
        step: &Step,
    ) -> Result<Bill, Failure> {
        let open = places.open_source(name).await?;
        let image = find_image(&open, self.platform.as_ref()).await?;
        let sizes = image.manifest.layers.iter().map(|layer| layer.size);
        step.expect(sizes.fold(0, u64::saturating_add));
        let contents = read_contents(open.source.as_ref(), &image, analyser, step).await?;
        let document = document(name.to_string(), &image, &contents);
        Ok(Bill::new(contents, document))
    }
}

/// What is inside an image, as a document for others.
pub(super) fn document(name: String, image: &FoundImage, contents: &ImageContents) -> Document {
    Document {
        subject: Subject::Image { name, digest: image.raw.digest },
        distribution: contents.distribution.clone(),
        components: contents.components.clone(),
        created: created(&image.config),
        tool: Tool { name: "plimsoll".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
    }
}

/// The time of the document is that of the image, so that the same image always has the same document.
fn created(config: &ImageConfig) -> jiff::Timestamp {
    config.created.as_deref().and_then(|text| text.parse().ok()).unwrap_or_default()
}
