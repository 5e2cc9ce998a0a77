use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use plimsoll_attest::{BUNDLE_BYTES_MAX, PredicateType};
use plimsoll_oci::{Descriptor, Digest};
use plimsoll_transport::{ImageName, Places, WarningCollector, attachments, read_blob};

use super::unverified_statement;
use crate::command::attest::predicate_type;
use crate::command::cp::read_name;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;

/// Print evidence about an image as it is stored, or the predicate in it
#[derive(Debug, Args)]
pub(super) struct Get {
    /// The image: a reference or oci:DIR[:TAG]
    image: String,
    /// Which: the digest that `evidence ls` shows
    #[arg(value_name = "DIGEST", required_unless_present = "kind", conflicts_with = "kind")]
    digest: Option<Digest>,
    /// The first of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = predicate_type, id = "kind")]
    kind: Option<PredicateType>,
    /// Print only what is said, and not the signature around it
    #[arg(long)]
    predicate: bool,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Get {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let name = read_name(&self.image, context)?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let found = context.block_on(self.find(&places, &name));
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        let (layer, bytes) = found?;
        if !self.predicate {
            return context.terminal().print_raw(&bytes);
        }
        let statement = unverified_statement(layer.media_type.as_str(), &bytes)
            .ok_or_else(|| Failure::usage("this evidence holds no statement").at(self.image.clone()))?;
        context.terminal().print_raw(format!("{}\n", statement.predicate).as_bytes())
    }

    async fn find(&self, places: &Places, name: &ImageName) -> Result<(Descriptor, Bytes), Failure> {
        let open = places.open_source(name).await?;
        let source = open.source.as_ref();
        let subject = open.source.resolve(&open.target).await?.digest;
        for attachment in attachments(source, &subject).await? {
            if self.digest.is_some_and(|wanted| wanted != attachment.digest) {
                continue;
            }
            for layer in attachment.manifest?.layers {
                let bytes = read_blob(source, &layer, BUNDLE_BYTES_MAX).await?;
                if self.is_wanted(&layer, &bytes) {
                    return Ok((layer, bytes));
                }
            }
        }
        Err(Failure::not_evaluated("there is no such evidence")
            .at(self.image.clone())
            .help(format!("plimsoll evidence ls {}", self.image)))
    }

    fn is_wanted(&self, layer: &Descriptor, bytes: &[u8]) -> bool {
        let Some(wanted) = &self.kind else { return true };
        let statement = unverified_statement(layer.media_type.as_str(), bytes);
        statement.is_some_and(|statement| wanted.covers(&statement.predicate_type))
    }
}
