mod export;
mod files;
mod generate;
mod import;
mod show;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::failure::Failure;

/// Make and manage the keys that images are signed with
///
/// Private keys are kept under a password, in the files of cosign: either program uses the keys of the other.
#[derive(Debug, Args)]
pub(crate) struct Key {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Generate(generate::Generate),
    Import(import::Import),
    Export(export::Export),
    Show(show::Show),
}

impl Key {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match &self.action {
            Action::Generate(generate) => generate.run(context),
            Action::Import(import) => import.run(context),
            Action::Export(export) => export.run(context),
            Action::Show(show) => show.run(context),
        }
    }
}
