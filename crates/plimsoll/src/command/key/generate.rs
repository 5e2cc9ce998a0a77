use clap::Args;
use plimsoll_attest::SigningKey;
use zeroize::Zeroizing;

use super::files::{NewFiles, fill};
use crate::context::Context;
use crate::failure::Failure;
use crate::signing::KeyPassword;

/// Make a key: ECDSA P-256, which every tool verifies
#[derive(Debug, Args)]
pub(super) struct Generate {
    #[command(flatten)]
    files: NewFiles,
    #[command(flatten)]
    password: KeyPassword,
}

impl Generate {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        self.files.check_absent()?;
        let password = self.password.choose(&self.files.private().display().to_string(), context)?;
        let written = self.files.write(&random_key()?, &password)?;
        context.terminal().print(&written)
    }
}

/// A key of random bytes. One draw in 2³² is none, so it is drawn again.
fn random_key() -> Result<SigningKey, Failure> {
    let mut random = Zeroizing::new([0; 32]);
    loop {
        fill(random.as_mut_slice())?;
        if let Some(key) = SigningKey::generate(&random) {
            return Ok(key);
        }
    }
}
