use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use plimsoll_oci::RegistryHost;
use plimsoll_tlog::{VerifyingKey, signing_config, trusted_root};
use plimsoll_transport::WarningCollector;
use serde_json::Value;

use super::log::{Keys, LogSource, wrong};
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;

/// What a server signs besides its log.
const PURPOSES: [&str; 2] = ["verdict", "builder"];

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

/// Write signing-config.json and trusted-root.json for cosign, and the server's own keys
///
/// With them an unmodified cosign 3 has its signatures logged by the server, and verifies them without reaching it:
/// `cosign sign --signing-config signing-config.json --trusted-root trusted-root.json …`, and
/// `cosign verify --trusted-root trusted-root.json …`.
///
/// What the server itself says of images is verified with verdict.pub and builder.pub.
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
        let source = LogSource::Server(Box::new(places.registries), self.server.clone());
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
        let mut names = vec!["signing-config.json".to_owned(), "trusted-root.json".to_owned()];
        for (purpose, pem) in known_purposes(&keys) {
            names.push(format!("{purpose}.pub"));
            write_text(&self.out, &format!("{purpose}.pub"), pem)?;
        }
        let (written, out) = (names.join(", "), self.out.display());
        context.terminal().note(&format!("wrote {written} to {out}"));
        Ok(())
    }
}

/// The keys whose purpose is known here. The names become names of files, and so are not taken from the server.
fn known_purposes(keys: &Keys) -> impl Iterator<Item = (&'static str, &str)> {
    let known = PURPOSES.into_iter();
    known.filter_map(|purpose| keys.signing.get(purpose).map(|pem| (purpose, pem.as_str())))
}

fn write(directory: &Path, name: &str, document: &Value) -> Result<(), Failure> {
    write_text(directory, name, &format!("{document}\n"))
}

fn write_text(directory: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let file = directory.join(name);
    std::fs::create_dir_all(directory).and_then(|()| std::fs::write(&file, text)).map_err(|error| {
        Failure::not_evaluated("cannot write").because(&error).at(file.display().to_string())
    })
}
