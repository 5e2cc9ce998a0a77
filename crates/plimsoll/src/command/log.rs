mod proof;
mod source;
mod verify;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::failure::Failure;

pub(super) use proof::{Prover, entry_of};
pub(super) use source::{Keys, Source as LogSource, wrong};

/// Check a server's transparency log, and take proofs from it
#[derive(Debug, Args)]
pub(crate) struct Log {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Verify(verify::Verify),
    Proof(proof::Proof),
}

impl Log {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match &self.action {
            Action::Verify(verify) => verify.run(context),
            Action::Proof(proof) => proof.run(context),
        }
    }
}
