use std::sync::Arc;

use clap::Args;
use plimsoll_oci::{RegistryHost, RepositoryName};
use plimsoll_transport::WarningCollector;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::terminal::{Column, Page, Report, Table};

/// List the repositories of a registry
///
/// Not every registry tells: Docker Hub has no list.
#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// The registry, with the beginning of the names to list if not all
    #[arg(value_name = "REGISTRY[/PREFIX]")]
    registry: String,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Ls {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let (host, prefix) = self.registry.split_once('/').unwrap_or((&self.registry, ""));
        let registry: RegistryHost = host.parse().map_err(|error| {
            Failure::usage(format!("`{}` does not name a registry", self.registry))
                .because(&error)
                .help("plimsoll ls localhost:5000")
        })?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let listed =
            context.block_on(async { places.registries.catalogue(&registry).await.map_err(Failure::from) });
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        let mut repositories = listed.map_err(|failure| failure.at(registry.to_string()))?;
        repositories.retain(|name| name.as_str().starts_with(prefix));
        repositories.sort();
        context.terminal().print(&RepositoryList {
            api_version: "plimsoll/v1",
            kind: "RepositoryList",
            registry: registry.to_string(),
            repositories,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RepositoryList {
    api_version: &'static str,
    kind: &'static str,
    registry: String,
    repositories: Vec<RepositoryName>,
}

impl Report for RepositoryList {
    fn draw(&self, page: &mut Page) {
        if self.repositories.is_empty() {
            return page.line("no repositories");
        }
        let mut table = Table::new(&[Column::Left("REPOSITORY")]);
        for name in &self.repositories {
            // The whole reference can be copied into the next command.
            table.row([format!("{}/{name}", self.registry)]);
        }
        page.table(&table);
    }
}
