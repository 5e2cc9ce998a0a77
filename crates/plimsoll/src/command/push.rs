use clap::Args;
use plimsoll_transport::ImageName;

use super::cp::{CopyArguments, read_name};
use crate::context::Context;
use crate::failure::Failure;

/// Copy an image into a registry
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// From: oci:DIR[:TAG], docker-archive:FILE, rootfs:DIR, docker:REF, podman:REF or a reference
    source: String,
    /// The image to be: a reference such as localhost:5000/team/app:1
    image: String,
    #[command(flatten)]
    copying: CopyArguments,
}

impl Push {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let from = read_name(&self.source, context)?;
        let to = read_name(&self.image, context)?;
        if !matches!(to, ImageName::Registry { .. }) {
            return Err(Failure::usage(format!("`{to}` is not in a registry"))
                .help(format!("plimsoll cp {} {to}", self.source)));
        }
        let with_evidence = format!("plimsoll push -r {} {}", self.source, self.image);
        self.copying.copy(&from, &to, &with_evidence, context)
    }
}
