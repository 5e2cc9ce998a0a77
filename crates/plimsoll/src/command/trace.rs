mod answer;
mod drawing;

use std::sync::Arc;

use clap::Args;
use plimsoll_oci::{Digest, Platform, Reference, RegistryHost};
use plimsoll_transport::{Access, ImageName, Insight, Places, WarningCollector};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use self::answer::{Trace as TraceAnswer, Traces};
use super::cp::read_name;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::reading::find_image;
use crate::terminal::Report;

/// Longest id of a vulnerability that is asked for.
const ID_BYTES_MAX: usize = 256;

/// Follow an image back to its build, its commit and its base
///
/// One line for each step, with its grade: signed by somebody who may say so; measured by the registry; claimed; said of an
/// index only, which counts nothing for its images; or missing, with the command that mends it. The registry judges by the
/// policy of the image's project, and names the state of its log that the answer was given at.
///
/// With a registry, the digest of a manifest, an index or a config, as a cluster shows it, finds the images that it means, and
/// the id of a vulnerability those that hold it.
#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// The image: a reference; with a registry, a digest or a vulnerability
    #[arg(value_name = "IMAGE|DIGEST|CVE")]
    what: String,
    /// Ask this registry, a Plimsoll server, for everything that a digest or vulnerability means
    #[arg(value_name = "REGISTRY")]
    server: Option<RegistryHost>,
    /// Trace this image of an index, and not the index
    #[arg(long, value_name = "OS/ARCH", conflicts_with = "server")]
    platform: Option<Platform>,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Trace {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let answered: Result<Answer, Failure> = match &self.server {
            Some(server) => context.block_on(self.ask_for_all(&places, server)),
            None => {
                let reference = self.reference(context)?;
                context.block_on(self.ask(&places, &reference))
            }
        };
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        match answered? {
            Answer::One(trace) => print(&*trace, context),
            Answer::Several(traces) => print(&traces, context),
        }
    }

    fn reference(&self, context: &mut Context) -> Result<Reference, Failure> {
        if is_of_everything(&self.what) {
            return Err(Failure::usage("a digest or vulnerability alone names no registry")
                .at(self.what.clone())
                .help(format!("plimsoll trace {} REGISTRY", self.what)));
        }
        match read_name(&self.what, context)? {
            ImageName::Registry { reference, .. } => Ok(reference),
            _ => Err(Failure::usage("only a registry knows where its images come from")
                .at(self.what.clone())
                .help("plimsoll trace REGISTRY/NAME:TAG")),
        }
    }

    async fn ask(&self, places: &Places, reference: &Reference) -> Result<Answer, Failure> {
        let repository =
            places.registries.repository(&reference.registry, &reference.repository, &Access::Pull);
        let target = match &self.platform {
            None => reference.target(),
            Some(platform) => {
                let name = ImageName::Registry { reference: reference.clone(), filled_in: false };
                let open = places.open_source(&name).await?;
                plimsoll_oci::TagOrDigest::Digest(find_image(&open, Some(platform)).await?.raw.digest)
            }
        };
        let insight = repository.trace(&target).await?;
        let answer: TraceAnswer = understand(insight, &reference.registry)?;
        Ok(Answer::One(Box::new(answer.named(&self.what))))
    }

    async fn ask_for_all(&self, places: &Places, server: &RegistryHost) -> Result<Answer, Failure> {
        if !is_of_everything(&self.what) {
            return Err(Failure::usage(
                "in a whole registry, a digest or the id of a vulnerability is traced",
            )
            .at(self.what.clone())
            .help("plimsoll trace REGISTRY/NAME:TAG"));
        }
        let insight = places.registries.trace_all(server, &self.what).await?;
        let answer: Traces = understand(insight, server)?;
        Ok(Answer::Several(answer.named(server)))
    }
}

enum Answer {
    One(Box<TraceAnswer>),
    Several(Traces),
}

fn print(report: &impl Report, context: &mut Context) -> Result<(), Failure> {
    context.terminal().print(report)
}

/// Whether a word means images of any repository: a digest, or a vulnerability's id, which begins with capitals as no
/// reference does.
fn is_of_everything(text: &str) -> bool {
    let is_id = text.len() <= ID_BYTES_MAX
        && text.split_once('-').is_some_and(|(database, _)| {
            database.len() >= 2 && database.bytes().all(|byte| byte.is_ascii_uppercase())
        })
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
    is_id || text.parse::<Digest>().is_ok()
}

#[derive(Deserialize)]
struct NotEvaluated {
    kind: String,
    #[serde(default)]
    reason: String,
}

fn understand<T: DeserializeOwned>(insight: Insight, server: &RegistryHost) -> Result<T, Failure> {
    let json = match insight {
        Insight::Document(json) => json,
        Insight::Waiting | Insight::NotServed => {
            return Err(Failure::not_evaluated(format!("`{server}` does not trace its images"))
                .help("ask a Plimsoll server"));
        }
    };
    if let Ok(NotEvaluated { kind, reason }) = serde_json::from_slice(&json)
        && kind == "NotEvaluated"
    {
        return Err(Failure::not_evaluated(reason).at(server.to_string()));
    }
    serde_json::from_slice(&json).map_err(|error| {
        Failure::not_evaluated("the server's answer is not understood").because(&error).at(server.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::is_of_everything;

    #[test]
    fn an_id_or_digest_is_told_from_a_reference() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for text in ["CVE-2021-44228", "GHSA-jfh8-c2jp-5v3q", "DSA-5000-1", digest.as_str()] {
            assert!(is_of_everything(text), "{text}");
        }
        for text in ["debian:12", "localhost:5000/team/app", "app", "a-b", "sha256:12"] {
            assert!(!is_of_everything(text), "{text}");
        }
    }
}
