//! From what was named to its verdict, by this machine's advisories or by the registry's.

mod contents;
mod server;

use std::path::PathBuf;

use plimsoll_analyser::Analyser;
use plimsoll_oci::Platform;
use plimsoll_transport::Places;
use plimsoll_vuln::feed::Terms;
use plimsoll_vuln::report::{Scan, ScanReport};
use plimsoll_vuln::verdict::{Ignore, Verdict};
use plimsoll_vuln::vex::Statements;

use super::subject::Subject;
use crate::advisories::{AdvisoryDirectory, OpenAdvisories, cannot, read_bounded};
use crate::failure::Failure;
use crate::terminal::Step;

/// A larger VEX document is not read.
const VEX_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Who is asked for the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authority {
    /// The image's registry, if it gives verdicts; else this machine.
    ServerIfAny,
    /// The image's registry.
    Server,
    /// This machine.
    ThisMachine,
}

/// What a verdict assumes besides the advisories.
pub(super) struct Assumptions {
    pub(super) ignores: Vec<Ignore>,
    pub(super) statements: Statements,
    pub(super) terms: Terms,
}

/// What verdicts are made with.
pub(super) struct Judge<'j> {
    pub(super) places: &'j Places,
    pub(super) analyser: Analyser,
    /// Where this machine's advisories are; a failure only for who needs them.
    pub(super) advisories: Result<AdvisoryDirectory, Failure>,
    pub(super) assumptions: &'j Assumptions,
    pub(super) platform: Option<&'j Platform>,
    pub(super) step: &'j Step,
}

/// A verdict that was found.
pub(super) struct Judged {
    /// What is known of the image; the verdict is of what is new, if that was asked.
    pub(super) report: ScanReport,
    /// What it is compared with.
    pub(super) base: Option<Base>,
}

/// What an image is compared with.
pub(super) struct Base {
    pub(super) image: String,
    pub(super) digest: Option<String>,
}

impl Judge<'_> {
    /// Judges a subject, or what it adds to another. Both sides are judged by the same advisories.
    pub(super) async fn judge(
        &self,
        subject: &Subject,
        base: Option<&Subject>,
        authority: Authority,
    ) -> Result<Judged, Failure> {
        let by_server = match authority {
            Authority::ThisMachine => None,
            Authority::Server | Authority::ServerIfAny => self.ask_server(subject, base).await?,
        };
        let (report, base) = match by_server {
            Some(reports) => reports,
            None if authority == Authority::Server => return Err(server::not_served(subject, base)),
            None => self.judge_here(subject, base).await?,
        };
        Ok(compare(report, base))
    }

    async fn judge_here(
        &self,
        subject: &Subject,
        base: Option<&Subject>,
    ) -> Result<(ScanReport, Option<ScanReport>), Failure> {
        let advisories = self.advisories.clone()?.open()?;
        let report = self.report(subject, &advisories).await?;
        Ok(match base {
            Some(base) => (report, Some(self.report(base, &advisories).await?)),
            None => (report, None),
        })
    }

    async fn report(&self, subject: &Subject, advisories: &OpenAdvisories) -> Result<ScanReport, Failure> {
        let found = self.contents(subject).await?;
        let digest = found.digest.map(|digest| digest.to_string());
        let mut report = Scan {
            image: &found.name,
            identity: &found.identity,
            digest: digest.as_deref(),
            contents: &found.contents,
            instructions: &found.instructions,
            base: None,
            index: &advisories.index,
            index_digest: &advisories.digest.to_string(),
            terms: &self.assumptions.terms,
            statements: &self.assumptions.statements,
            ignores: &self.assumptions.ignores,
        }
        .report();
        if !found.tells_programs {
            report.verdict.coverage = None;
        }
        Ok(report)
    }
}

/// Leaves in the verdict what is new.
fn compare(mut report: ScanReport, base: Option<ScanReport>) -> Judged {
    let Some(base) = base else { return Judged { report, base: None } };
    report.verdict = Verdict::new_since(&report.verdict, &base.verdict);
    Judged { report, base: Some(Base { image: base.image, digest: base.digest }) }
}

/// Reads VEX documents, and tells what in them does not count.
pub(super) fn read_statements(files: &[PathBuf]) -> Result<(Statements, Vec<String>), Failure> {
    let mut statements = Statements::new();
    let mut remarks = Vec::new();
    for path in files {
        let place = path.display();
        let json = read_bounded(path, VEX_BYTES_MAX).map_err(|error| cannot("read", path, &error))?;
        let reading = statements.add(&json).map_err(|error| {
            Failure::usage(format!("cannot use the statements of `{place}`")).because(&error)
        })?;
        remarks
            .extend(reading.passed_over.iter().map(|why| format!("{place}: a part is passed over: {why}")));
    }
    Ok((statements, remarks))
}
