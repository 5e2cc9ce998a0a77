mod drawing;
mod source;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use plimsoll_index::lineage::{Holding, LineReport};
use plimsoll_oci::{Platform, Reference};
use plimsoll_transport::{Access, ImageName, Insight, Places, WarningCollector};
use serde::Deserialize;

use super::cp::read_name;
use super::whereabouts::id;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::reading::find_image;

/// How long a registry may take to find out what is inside an image that was just pushed.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often it is asked meanwhile.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// Tell when a vulnerability entered the line of an image, left and returned, and why
///
/// The line is the images of its repository for its platform, in the order in which they were built. The server knows
/// what is inside each, so nothing is analysed again. An image that could not be evaluated is never taken for one without
/// the vulnerability.
#[derive(Debug, Args)]
pub(crate) struct Introduced {
    /// Any id of a vulnerability, such as CVE-2021-44228, or a component, such as pkg:npm/left-pad@1.3.0
    #[arg(value_name = "VULNERABILITY|PURL", value_parser = vulnerability_or_purl)]
    what: String,
    /// An image of the line, in a Plimsoll server
    image: String,
    /// Which image of an index, such as linux/arm64; this machine's by default
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// Look into this git repository for the commits that may have brought it
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// What a registry answers.
#[derive(Deserialize)]
struct Kind {
    kind: String,
    #[serde(default)]
    reason: String,
}

impl Introduced {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let name = read_name(&self.image, context)?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let step = context.terminal().step("asking for the history");
        let asked = context.block_on(self.ask(&places, &name));
        drop(step);
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        let mut report = asked?;
        if let Some(directory) = &self.source {
            for note in context.block_on(source::sharpen(&mut report, directory))? {
                context.terminal().note(&note);
            }
        }
        context.terminal().print(&report)?;
        judge(&report)
    }

    async fn ask(&self, places: &Places, name: &ImageName) -> Result<LineReport, Failure> {
        let ImageName::Registry { reference, .. } = name else {
            return Err(Failure::usage(format!("`{name}` is in no registry, and so in no line of images"))
                .help("name an image as HOST/REPOSITORY:TAG"));
        };
        let asking = self.wait_for_answer(places, name, reference);
        let json = tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| {
            let seconds = PATIENCE.as_secs();
            let what = format!("`{}` has not found out within {seconds} s", reference.registry);
            Err(Failure::not_evaluated(what).help("ask again in a while"))
        })?;
        parse(&json).map_err(|failure| failure.at(name.to_string()))
    }

    async fn wait_for_answer(
        &self,
        places: &Places,
        name: &ImageName,
        reference: &Reference,
    ) -> Result<Vec<u8>, Failure> {
        let open = places.open_source(name).await?;
        let image = find_image(&open, self.platform.as_ref()).await?.raw.digest;
        let repository =
            places.registries.repository(&reference.registry, &reference.repository, &Access::Pull);
        loop {
            match repository.image_line(&image, &self.what).await? {
                Insight::Document(json) => return Ok(json.to_vec()),
                Insight::Waiting => tokio::time::sleep(ASK_AGAIN).await,
                Insight::NotServed => {
                    let what = format!("`{}` does not tell the history of its images", reference.registry);
                    return Err(Failure::not_evaluated(what)
                        .help("ask a Plimsoll server whose setting `scan.enabled` is on"));
                }
            }
        }
    }
}

fn parse(json: &[u8]) -> Result<LineReport, Failure> {
    let invalid = |error| Failure::not_evaluated("the registry's answer is not understood").because(&error);
    let Kind { kind, reason } = serde_json::from_slice(json).map_err(invalid)?;
    match kind.as_str() {
        "ImageLine" => serde_json::from_slice(json).map_err(invalid),
        "NotEvaluated" => Err(Failure::not_evaluated(format!("could not evaluate: {reason}"))),
        _ => {
            Err(Failure::not_evaluated(format!("the registry answers with a `{kind}`, which is no history")))
        }
    }
}

/// Nothing found among builds that nobody knows is no clean history.
fn judge(report: &LineReport) -> Result<(), Failure> {
    let unknown = report.builds.iter().filter(|build| build.holding == Holding::Unknown).count();
    if report.intervals.is_empty() && unknown > 0 {
        let what = format!("{unknown} of {} builds could not be evaluated", report.builds.len());
        return Err(Failure::not_evaluated(what).at(&report.repository));
    }
    Ok(())
}

fn vulnerability_or_purl(text: &str) -> Result<String, String> {
    if text.starts_with("pkg:") {
        let read = text.parse::<plimsoll_sbom::Purl>();
        return read.map(|_| text.to_owned()).map_err(|error| error.to_string());
    }
    id(text).map_err(str::to_owned)
}
