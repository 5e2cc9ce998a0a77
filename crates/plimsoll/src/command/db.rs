mod about;
mod build;
mod gather;
mod import;
mod push;
mod status;
mod tally;
mod update;
mod verify;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::failure::Failure;

/// Manage the advisories that images are judged by
///
/// They are compiled into an index of small files, one for each ecosystem and release. Everything but update and push
/// works without a network.
#[derive(Debug, Args)]
pub(crate) struct Db {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Update(update::Update),
    Status(status::Status),
    Import(import::Import),
    Build(build::Build),
    Verify(verify::Verify),
    Push(push::Push),
}

impl Db {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match &self.action {
            Action::Update(update) => update.run(context),
            Action::Status(status) => status.run(context),
            Action::Import(import) => import.run(context),
            Action::Build(build) => build.run(context),
            Action::Verify(verify) => verify.run(context),
            Action::Push(push) => push.run(context),
        }
    }
}
