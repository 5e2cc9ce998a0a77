mod get;
mod ls;
mod prove;
mod reindex;

use clap::{Args, Subcommand};
use plimsoll_attest::{Bundle, Envelope, EvidenceLayer, Statement};

pub(super) use self::prove::proofs_referrer;
use crate::context::Context;
use crate::failure::Failure;

/// List what is said about an image, and fetch it
///
/// Nothing is verified here: `plimsoll verify` tells what counts.
#[derive(Debug, Args)]
pub(crate) struct Evidence {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Ls(ls::Ls),
    Get(get::Get),
    Reindex(reindex::Reindex),
    Prove(prove::Prove),
}

impl Evidence {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match &self.action {
            Action::Ls(ls) => ls.run(context),
            Action::Get(get) => get.run(context),
            Action::Reindex(reindex) => reindex.run(context),
            Action::Prove(prove) => prove.run(context),
        }
    }
}

/// The statement in a signed layer, whoever signed it.
pub(super) fn unverified_statement(media_type: &str, bytes: &[u8]) -> Option<Statement> {
    if !EvidenceLayer::is_signed_type(media_type) {
        return Statement::parse(bytes).ok();
    }
    let envelope =
        Bundle::parse(bytes).map(|bundle| bundle.envelope).or_else(|_| Envelope::parse(bytes)).ok()?;
    Statement::parse(&envelope.payload).ok()
}
