use std::sync::Arc;

use clap::Args;
use plimsoll_oci::{Digest, RegistryHost};
use plimsoll_transport::{Insight, WarningCollector};
use plimsoll_vuln::finding::Finding;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::terminal::{Column, Page, Report, Table};

/// Longest id that is asked for.
const ID_BYTES_MAX: usize = 256;

/// Tell which images of a registry a vulnerability is in
///
/// The server knows what is inside its images, so it reads none of them again.
#[derive(Debug, Args)]
pub(crate) struct Where {
    /// Any of its ids, such as CVE-2021-44228 or GHSA-jfh8-c2jp-5v3q
    #[arg(value_name = "VULNERABILITY", value_parser = id)]
    vulnerability: String,
    /// The registry, a Plimsoll server
    #[arg(value_name = "REGISTRY")]
    server: RegistryHost,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Where {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let asked = context.block_on(async {
            places.registries.locate(&self.server, &self.vulnerability).await.map_err(Failure::from)
        });
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        let locations = match asked? {
            Insight::Document(json) => serde_json::from_slice::<Locations>(&json).map_err(|error| {
                Failure::not_evaluated("the server's answer is not understood")
                    .because(&error)
                    .at(self.server.to_string())
            })?,
            Insight::Waiting | Insight::NotServed => {
                return Err(Failure::not_evaluated(format!(
                    "`{}` does not look into its images",
                    self.server
                ))
                .help("ask a Plimsoll server whose setting `scan.enabled` is on"));
            }
        };
        context.terminal().print(&locations)
    }
}

/// Reads an id of a vulnerability.
pub(super) fn id(text: &str) -> Result<String, &'static str> {
    let is_id = !text.is_empty()
        && text.len() <= ID_BYTES_MAX
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
    is_id.then(|| text.to_owned()).ok_or("an id is made of letters, digits, `-`, `_`, `.` and `:`")
}

/// Where a vulnerability is, as the server tells.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Locations {
    api_version: String,
    kind: String,
    vulnerability: String,
    /// How many different images.
    images: usize,
    components: Vec<Location>,
}

#[derive(Serialize, Deserialize)]
struct Location {
    purl: String,
    finding: Finding,
    images: Vec<Place>,
}

#[derive(Serialize, Deserialize)]
struct Place {
    repository: String,
    digest: Digest,
    tags: Vec<String>,
}

impl Report for Locations {
    fn draw(&self, page: &mut Page) {
        let images = if self.images == 1 { "1 image".to_owned() } else { format!("{} images", self.images) };
        if self.components.is_empty() {
            page.line(&format!("{} is in no image", self.vulnerability));
            return;
        }
        page.heading(&format!("{} is in {images}", self.vulnerability));
        let mut table = Table::new(&[
            Column::Left("IMAGE"),
            Column::Left("DIGEST"),
            Column::Left("SEVERITY"),
            Column::Left("FIXED IN"),
            Column::Left("COMPONENT"),
        ]);
        for location in &self.components {
            let finding = &location.finding;
            for place in &location.images {
                let image = match place.tags.as_slice() {
                    [] => place.repository.clone(),
                    [tag] => format!("{}:{tag}", place.repository),
                    [tag, more @ ..] => format!("{}:{tag} (+{})", place.repository, more.len()),
                };
                let digest =
                    if page.is_wide() { place.digest.to_string() } else { place.digest.short().to_string() };
                let fixed = finding.fixed.clone().unwrap_or_else(|| "-".to_owned());
                table.row([image, digest, finding.rating.severity.to_string(), fixed, location.purl.clone()]);
            }
        }
        page.table(&table);
    }
}
