mod bundles;
mod export;
mod files;
mod proofs;
mod rows;
mod tables;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::failure::Failure;

/// Hand evidence to an auditor
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Export(Box<export::Export>),
}

impl Audit {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match &self.action {
            Action::Export(export) => export.run(context),
        }
    }
}
