use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::signing::{KeyPassword, KeySource};
use crate::terminal::{Page, Report};

/// Tell what kind of key it is, and its id as bundles have it
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The file of the private or public key, or env://NAME for a variable that holds it
    #[arg(value_name = "KEY")]
    source: KeySource,
    #[command(flatten)]
    password: KeyPassword,
}

impl Show {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let key = self.source.public(&self.password, context)?;
        context.terminal().print(&Shown {
            api_version: "plimsoll/v1",
            kind: "Key",
            algorithm: key.kind_name(),
            key_id: key.id().to_string(),
            public_key: key.to_pem(),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    api_version: &'static str,
    kind: &'static str,
    algorithm: &'static str,
    key_id: String,
    public_key: String,
}

impl Report for Shown {
    fn draw(&self, page: &mut Page) {
        page.fact("algorithm", self.algorithm);
        page.fact("key id", &self.key_id);
    }
}
