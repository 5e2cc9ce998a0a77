use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use plimsoll_oci::Digest;
use plimsoll_transport::{Access, ImageName, TellRun, WarningCollector};
use serde::Serialize;

use super::cp::read_name;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::signing::wall_clock;
use crate::terminal::{Page, Report};

/// Tell a registry where an image runs
///
/// The registry writes it to its log, and `plimsoll trace` shows it. Told again with the same beginning and an end, the run
/// has ended. The image may be named by the digest of its manifest, of its index or of its config, as in
/// `registry.example/team/app@sha256:…`.
#[derive(Debug, Args)]
pub(crate) struct Observe {
    /// The image: a reference
    image: String,
    /// Where it runs, such as prod/web/shop
    #[arg(long = "where", value_name = "CLUSTER/NAMESPACE/WORKLOAD")]
    place: String,
    /// Since when, such as 2026-11-22T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Until when, if it has ended
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Observe {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let name = read_name(&self.image, context)?;
        let ImageName::Registry { reference, .. } = &name else {
            return Err(Failure::usage("only a registry keeps where its images run")
                .at(self.image.clone())
                .help("plimsoll observe REGISTRY/NAME@sha256:… --where CLUSTER/NAMESPACE/WORKLOAD"));
        };
        let begun_at = self.from.unwrap_or_else(wall_clock);
        let run = TellRun {
            place: self.place.clone(),
            begun_at_unix_ms: begun_at.as_millisecond(),
            ended_at_unix_ms: self.to.map(Timestamp::as_millisecond),
        };
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let repository = places.registries.repository(
            &reference.registry,
            &reference.repository,
            &Access::Push { mount_from: None },
        );
        let told = context.block_on(async {
            // A digest may be one that the registry knows as no manifest.
            let digest = match reference.digest {
                Some(digest) => digest,
                None => {
                    let open = places.open_source(&name).await?;
                    open.source.resolve(&open.target).await?.digest
                }
            };
            repository.observe(&digest, &run).await?;
            Ok(digest)
        });
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        context.terminal().print(&Observed {
            api_version: "plimsoll/v1",
            kind: "Observation",
            image: self.image.clone(),
            digest: told?,
            place: self.place.clone(),
            begun_at,
            ended_at: self.to,
        })
    }
}

/// What was told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Observed {
    api_version: &'static str,
    kind: &'static str,
    image: String,
    digest: Digest,
    place: String,
    begun_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
}

impl Report for Observed {
    fn draw(&self, page: &mut Page) {
        let digest = if page.is_wide() { self.digest.to_string() } else { self.digest.short() };
        let until =
            self.ended_at.map_or_else(|| "still running".to_owned(), |ended_at| format!("until {ended_at}"));
        page.line(&format!("{digest} ran at {} from {}, {until}", self.place, self.begun_at));
        page.line(&format!("to see it: plimsoll trace {}", self.image));
    }
}
