use std::path::PathBuf;

use clap::Args;

use super::files::NewFiles;
use crate::context::Context;
use crate::failure::Failure;
use crate::signing::{KeyPassword, KeySource};

/// Take over a private key in PEM: of OpenSSL, or cosign's under its password
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file, or env://NAME for a variable that holds it
    #[arg(value_name = "KEY")]
    source: KeySource,
    #[command(flatten)]
    files: NewFiles,
    #[command(flatten)]
    password: KeyPassword,
    /// Read the password that the key has so far from this file; the same by default
    #[arg(long, value_name = "FILE")]
    old_password_file: Option<PathBuf>,
}

impl Import {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        self.files.check_absent()?;
        let old = self.old_password_file.clone().map(KeyPassword::in_file);
        let key = self.source.open(old.as_ref().unwrap_or(&self.password), context)?;
        let password = self.password.choose(&self.files.private().display().to_string(), context)?;
        let written = self.files.write(&key, &password)?;
        context.terminal().print(&written)
    }
}
