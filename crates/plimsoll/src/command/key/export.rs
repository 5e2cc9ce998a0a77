use clap::Args;

use crate::context::Context;
use crate::failure::Failure;
use crate::signing::{KeyPassword, KeySource};

/// Print the public key in PEM, for those who verify
///
/// The private key needs no export: its file is one of cosign's already.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The file of the private or public key, or env://NAME for a variable that holds it
    #[arg(value_name = "KEY")]
    source: KeySource,
    #[command(flatten)]
    password: KeyPassword,
}

impl Export {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let key = self.source.public(&self.password, context)?;
        context.terminal().print_raw(key.to_pem().as_bytes())
    }
}
