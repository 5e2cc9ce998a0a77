use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use plimsoll_oci::RegistryHost;
use plimsoll_tlog::{VerifyingKey, signing_config, trusted_root};
use plimsoll_transport::WarningCollector;
use serde_json::Value;

use super::log::{Source, wrong};
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;

/// Tell other tools whom to trust
#[derive(Debug, Args)]
pub(crate) struct Trust {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Export(Export),
}

/// Write signing-config.json and trusted-root.json for cosign
///
/// With them an unmodified cosign 3 has its signatures logged by the server, and verifies them without reaching it:
/// `cosign sign --signing-config signing-config.json --trusted-root trusted-root.json …`, and
/// `cosign verify --trusted-root trusted-root.json …`.
#[derive(Debug, Args)]
struct Export {
    /// The server
    #[arg(value_name = "SERVER")]
    server: RegistryHost,
    /// The directory to write to
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    out: PathBuf,
    /// How cosign reaches the log, if not at https://SERVER/log; a robot's name and token may stand in it
    #[arg(long, value_name = "URL")]
    log_url: Option<String>,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Trust {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match &self.action {
            Action::Export(export) => export.run(context),
        }
    }
}

impl Export {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let places = self.registries.places(context, Arc::new(WarningCollector::default()))?;
        let source = Source::Server(Box::new(places.registries), self.server.clone());
        let keys = context.block_on(source.keys())?;
        let key: VerifyingKey = keys
            .log
            .parse()
            .map_err(|error| wrong("the log's key cannot be used", &error).at(self.server.to_string()))?;
        let scheme = if self.server.is_loopback() { "http" } else { "https" };
        let url = self.log_url.clone().unwrap_or_else(|| format!("{scheme}://{}/log", self.server));
        // Cosign takes the host of this address for the name of the log, and asks nobody there.
        let named = format!("https://{}", key.name());
        write(&self.out, "signing-config.json", &signing_config(&url, key.name(), &keys.since))?;
        write(&self.out, "trusted-root.json", &trusted_root(&named, &key, &keys.since))?;
        let written = self.out.display();
        context.terminal().note(&format!("wrote signing-config.json and trusted-root.json to {written}"));
        Ok(())
    }
}

fn write(directory: &Path, name: &str, document: &Value) -> Result<(), Failure> {
    let file = directory.join(name);
    std::fs::create_dir_all(directory).and_then(|()| std::fs::write(&file, format!("{document}\n"))).map_err(
        |error| Failure::not_evaluated("cannot write").because(&error).at(file.display().to_string()),
    )
}
