mod archives;
mod artifact;

use std::sync::Arc;

use clap::Args;
use plimsoll_transport::WarningCollector;

use super::push::artifact_name;
use crate::advisories::AdvisoryArguments;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::settings::{Layered, SettingsArguments, advisory_mirrors};

/// Where the OSV project publishes its archives.
const MIRROR: &str = "https://osv-vulnerabilities.storage.googleapis.com";

/// What is downloaded where nothing was before: the distributions and languages of most images. Ubuntu's and Red Hat's
/// archives are some hundred megabytes each, and are named by who needs them.
const ECOSYSTEMS: &[&str] = &[
    "Alpine",
    "AlmaLinux",
    "Bitnami",
    "Chainguard",
    "Debian",
    "Go",
    "Maven",
    "NuGet",
    "Packagist",
    "PyPI",
    "Rocky Linux",
    "RubyGems",
    "Wolfi",
    "crates.io",
    "npm",
];

/// Download what is new
///
/// From the public archives of OSV, of which only those are fetched that changed, or from a Plimsoll server, whose
/// compiled index is taken as it is.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// An ecosystem such as PyPI or Debian; may be given several times. Those of the last time by default
    #[arg(long = "ecosystem", value_name = "NAME")]
    ecosystems: Vec<String>,
    /// Where the archives are, as URL/PyPI/all.zip; may be given several times, and the first that answers counts. The
    /// setting advisories.mirrors by default, which is OSV's own storage unless it is set
    #[arg(long = "mirror", value_name = "URL", conflicts_with = "from")]
    mirrors: Vec<String>,
    /// A server's index instead: its registry, or a reference such as localhost:5000/plimsoll/advisories:latest
    #[arg(long, value_name = "REGISTRY[/REPOSITORY:TAG]")]
    from: Option<String>,
    #[command(flatten)]
    advisories: AdvisoryArguments,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Update {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let directory = self.advisories.directory(context.environment())?;
        let mirrors = self.mirrors(context)?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let outcome = match &self.from {
            Some(from) => {
                artifact::update(&places, &artifact_name(from)?, &directory, &self.ecosystems, context)
            }
            None => archives::update(&places.registries, &mirrors, &directory, &self.ecosystems, context),
        };
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        outcome
    }

    fn mirrors(&self, context: &Context) -> Result<Vec<String>, Failure> {
        if !self.mirrors.is_empty() {
            return Ok(self.mirrors.clone());
        }
        let settings = Layered::read(&SettingsArguments::default(), context.environment())?;
        let mirrors = advisory_mirrors(&settings)?;
        Ok(if mirrors.is_empty() { vec![MIRROR.to_owned()] } else { mirrors })
    }
}
