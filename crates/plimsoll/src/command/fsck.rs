mod check;
mod rebuild;

use clap::Args;

use super::storage::{Expected, StorageArguments};
use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::Step;

/// Check that every byte is what it was pushed as
///
/// Reads and hashes everything, while the server goes on. A blob whose bytes are wrong is set aside, so that nobody
/// pulls it any more; pushing the image again heals it. Exit code 0 means that nothing is wrong, 1 that something is,
/// 3 that it could not be found out.
#[derive(Debug, Args)]
pub(crate) struct Fsck {
    /// Make a lost catalogue anew from the objects: images, tags and their history
    #[arg(long)]
    rebuild: bool,
    #[command(flatten)]
    storage: StorageArguments,
}

impl Fsck {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        if self.rebuild {
            let place = self.storage.find(Expected::Objects, context)?;
            rebuild::run(&place, context)
        } else {
            let place = self.storage.find(Expected::Catalogue, context)?;
            check::run(&place, context)
        }
    }
}

/// Moves a bar by things that are announced before they are read.
struct Announced<'s> {
    step: &'s Step,
    bytes: u64,
}

impl<'s> Announced<'s> {
    fn of(step: &'s Step) -> Self {
        Self { step, bytes: 0 }
    }

    /// The next thing begins, so the last one is read.
    fn begin(&mut self, bytes: u64) {
        self.step.advance(self.bytes);
        self.bytes = bytes;
    }
}
