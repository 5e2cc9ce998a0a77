//! The verdict of the image's own registry.

use std::time::Duration;

use plimsoll_oci::{Digest, Reference};
use plimsoll_transport::{Access, ErrorKind, ImageName, Insight, OpenSource};
use plimsoll_vuln::report::ScanReport;
use serde::Deserialize;

use super::super::subject::Subject;
use super::contents::identity;
use super::{Assumptions, Judge};
use crate::failure::Failure;
use crate::reading::find_image;

/// How long a registry may take to find out what is inside an image that was just pushed.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often it is asked meanwhile.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// What a registry answers.
#[derive(Deserialize)]
struct Kind {
    kind: String,
    #[serde(default)]
    reason: String,
}

impl Judge<'_> {
    /// The registry's verdict on the subject and its base; `None` where it gives none on one of them, or judges them
    /// by different advisories.
    pub(super) async fn ask_server(
        &self,
        subject: &Subject,
        base: Option<&Subject>,
    ) -> Result<Option<(ScanReport, Option<ScanReport>)>, Failure> {
        let Some(report) = self.report_of_server(subject).await? else { return Ok(None) };
        let Some(base) = base else { return Ok(Some((report, None))) };
        let Some(base) = self.report_of_server(base).await? else { return Ok(None) };
        let is_same = report.verdict.data.index == base.verdict.data.index;
        Ok(is_same.then_some((report, Some(base))))
    }

    async fn report_of_server(&self, subject: &Subject) -> Result<Option<ScanReport>, Failure> {
        let Subject::Image { name: name @ ImageName::Registry { reference, .. }, .. } = subject else {
            return Ok(None);
        };
        let open = self.places.open_source(name).await?;
        let Some((json, digest)) = self.wait_for_report(&open, reference).await? else { return Ok(None) };
        let mut report = parse(&json).map_err(|failure| failure.at(name.to_string()))?;
        if report.verdict.data.index.is_empty() {
            // A server without advisories judges nothing; this machine may know more.
            return Ok(None);
        }
        report.image = name.to_string();
        let Assumptions { ignores, statements, terms } = self.assumptions;
        report.amend(&identity(name, &digest), statements, ignores, terms.now);
        Ok(Some(report))
    }

    async fn wait_for_report(
        &self,
        open: &OpenSource,
        reference: &Reference,
    ) -> Result<Option<(Vec<u8>, Digest)>, Failure> {
        let digest = find_image(open, self.platform).await?.raw.digest;
        let repository =
            self.places.registries.repository(&reference.registry, &reference.repository, &Access::Pull);
        let asking = async {
            loop {
                match repository.scan_report(&digest).await {
                    Ok(Insight::Document(json)) => return Ok(Some((json.to_vec(), digest))),
                    Ok(Insight::NotServed) => return Ok(None),
                    Ok(Insight::Waiting) => tokio::time::sleep(ASK_AGAIN).await,
                    // Whoever may read the image may have its verdict: a registry that refuses this gives none.
                    Err(error) if error.kind() == ErrorKind::Denied => return Ok(None),
                    Err(error) => return Err(error.into()),
                }
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| {
            Err(Failure::not_evaluated(format!(
                "could not evaluate: `{}` has not found out within {} s what is inside",
                reference.registry,
                PATIENCE.as_secs()
            )))
        })
    }
}

fn parse(json: &[u8]) -> Result<ScanReport, Failure> {
    let invalid = |error| Failure::not_evaluated("the registry's verdict is not understood").because(&error);
    let Kind { kind, reason } = serde_json::from_slice(json).map_err(invalid)?;
    match kind.as_str() {
        "ScanReport" => serde_json::from_slice(json).map_err(invalid),
        "NotEvaluated" => Err(Failure::not_evaluated(format!("could not evaluate: {reason}"))),
        _ => {
            Err(Failure::not_evaluated(format!("the registry answers with a `{kind}`, which is no verdict")))
        }
    }
}

/// Why there is no verdict of a server.
pub(super) fn not_served(subject: &Subject, base: Option<&Subject>) -> Failure {
    let both = base.map_or_else(String::new, |base| format!(" and `{base}`"));
    Failure::not_evaluated(format!("no server gives a verdict on `{subject}`{both}"))
        .help("plimsoll db push REGISTRY gives it advisories; leave out --server to judge on this machine")
}
