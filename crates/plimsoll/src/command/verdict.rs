use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use plimsoll_attest::{
    BUNDLE_BYTES_MAX, Bundle, Fact, Statement, SummaryExpectation, Trust, VerificationResult,
    VerificationSummary, verify_bundle,
};
use plimsoll_oci::{Digest, Reference, TagOrDigest};
use plimsoll_transport::{Access, ImageName, WarningCollector};
use serde::Serialize;

use super::cp::read_name;
use crate::advisories::read_bounded;
use crate::context::Context;
use crate::failure::{Failure, Verdict as Outcome};
use crate::places::RegistryArguments;
use crate::signing::wall_clock;
use crate::terminal::{Page, Report};
use crate::trust::read_key;

/// How old a verdict may be if nobody says.
const MAX_AGE_DEFAULT: SignedDuration = SignedDuration::from_mins(10);

/// Ask an image's server whether it passes the rules of its project
///
/// The answer is signed and fresh: one fetch and one signature, in place of all evidence. It is refused when it is about
/// another image, repository or gate, or older than it may be. The server's key comes from `plimsoll trust export`.
///
/// Exits with 1 when the image does not pass or the answer cannot be acted on, and with 3 when there is none.
#[derive(Debug, Args)]
#[command(override_usage = "plimsoll verdict [OPTIONS] --key FILE IMAGE")]
pub(crate) struct Verdict {
    /// The image in a registry
    image: String,
    /// At this gate of the project [default: at all of them]
    #[arg(long, value_name = "NAME")]
    gate: Option<String>,
    /// The public key of the server's verdicts
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// How old the answer may be, such as 90s or 10m [default: what the project says, else 10m]
    #[arg(long, value_name = "TIME")]
    max_age: Option<SignedDuration>,
    /// Write the signed answer to this file too
    #[arg(long, value_name = "FILE", conflicts_with = "bundle")]
    save: Option<PathBuf>,
    /// Judge the answer in this file, and ask nobody
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Verdict {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let ImageName::Registry { reference, .. } = read_name(&self.image, context)? else {
            return Err(Failure::usage(format!("`{}` is in no registry", self.image))
                .help(format!("plimsoll verify {} --key FILE", self.image)));
        };
        let trust = Trust::of_key("server", read_key(&self.key)?);
        let json = match &self.bundle {
            Some(file) => self.read(file)?,
            None => self.ask(&reference, context)?,
        };
        if let Some(file) = &self.save {
            std::fs::write(file, &json).map_err(|error| {
                Failure::not_evaluated("cannot write").because(&error).at(file.display().to_string())
            })?;
        }
        let now = wall_clock();
        let (digest, fact) = self.open(&json, &reference, &trust, now)?;
        let summary =
            VerificationSummary::of(&fact).ok_or_else(|| self.refused("it is no verification summary"))?;
        let refusal = summary.check(&self.expected(&reference, now)).err();
        let shown = Shown::of(&self.image, digest, self.gate.as_deref(), &summary, now, refusal.is_none());
        context.terminal().print(&shown)?;
        refusal.map_or(Ok(()), |refusal| Err(self.refused(refusal)))
    }

    fn expected<'e>(&'e self, reference: &'e Reference, now: Timestamp) -> SummaryExpectation<'e> {
        SummaryExpectation {
            gate: self.gate.as_deref(),
            repository: reference.repository.as_str(),
            max_age: self.max_age,
            max_age_default: MAX_AGE_DEFAULT,
            now,
        }
    }

    fn read(&self, file: &std::path::Path) -> Result<Vec<u8>, Failure> {
        read_bounded(file, BUNDLE_BYTES_MAX).map_err(|error| {
            Failure::not_evaluated("cannot read the verdict").because(&error).at(file.display().to_string())
        })
    }

    fn ask(&self, reference: &Reference, context: &mut Context) -> Result<Vec<u8>, Failure> {
        let warnings = Arc::new(WarningCollector::default());
        let registries = self.registries.places(context, warnings)?.registries;
        let repository = registries.repository(&reference.registry, &reference.repository, &Access::Pull);
        let target = reference.target();
        let answer = context.block_on(async {
            repository.verdict(&target, self.gate.as_deref()).await.map_err(Failure::from)
        })?;
        Ok(answer.to_vec())
    }

    /// The fact that the answer proves, and the image that it is about.
    fn open(
        &self,
        json: &[u8],
        reference: &Reference,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<(Digest, Fact), Failure> {
        let digest = match reference.target() {
            TagOrDigest::Digest(digest) => digest,
            // A tag means what the registry says it does; the answer says what that is.
            TagOrDigest::Tag(_) => self.subject_of(json)?,
        };
        let fact = verify_bundle(json, &digest, trust, now).map_err(|refusal| self.refused(refusal))?;
        Ok((digest, fact))
    }

    fn subject_of(&self, json: &[u8]) -> Result<Digest, Failure> {
        let bundle = Bundle::parse(json).map_err(|error| self.refused(error))?;
        let statement = Statement::parse(&bundle.envelope.payload).map_err(|error| self.refused(error))?;
        let subject = statement.subjects.first().and_then(|subject| subject.digest.get("sha256"));
        let digest = subject.and_then(|hash| format!("sha256:{hash}").parse().ok());
        digest.ok_or_else(|| self.refused("it names no image"))
    }

    fn refused(&self, why: impl std::fmt::Display) -> Failure {
        Failure::new(Outcome::GateFailed, "no verdict that this image passes")
            .at(self.image.clone())
            .because(&std::io::Error::other(why.to_string()))
            .help(format!("plimsoll verify {}", self.image))
    }
}

/// What the server says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'s> {
    api_version: &'static str,
    kind: &'static str,
    image: &'s str,
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<&'s str>,
    /// Whether the image may pass: the answer says so, and may be acted on.
    passes: bool,
    age_seconds: i64,
    summary: &'s VerificationSummary,
}

impl<'s> Shown<'s> {
    fn of(
        image: &'s str,
        digest: Digest,
        gate: Option<&'s str>,
        summary: &'s VerificationSummary,
        now: Timestamp,
        passes: bool,
    ) -> Self {
        let age_seconds = now.duration_since(summary.time_verified).as_secs();
        Self {
            api_version: "plimsoll/v1",
            kind: "Verdict",
            image,
            digest,
            gate,
            passes,
            age_seconds,
            summary,
        }
    }
}

impl Report for Shown<'_> {
    fn draw(&self, page: &mut Page) {
        let digest = if page.is_wide() { self.digest.to_string() } else { self.digest.short() };
        page.line(&format!("{} is {digest}", self.image));
        let at = self.gate.map(|gate| format!(" at the gate {gate}")).unwrap_or_default();
        let summary = self.summary;
        let (mark, says) = match summary.verification_result {
            VerificationResult::Passed => ("✓", "passes"),
            VerificationResult::Failed => ("✗", "does not pass"),
        };
        page.line(&format!("{mark} {} says that it {says}{at}", summary.verifier.id));
        page.line(&format!("  by {}, {} seconds ago", summary.policy.uri, self.age_seconds));
        for missing in &summary.missing {
            page.line(&format!("  missing: {missing}"));
        }
    }
}
