mod ignore_file;
mod judge;
pub(super) mod junit;
mod markdown;
mod outcome;
mod ruling;
pub(super) mod sarif;
mod subject;
mod table;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use plimsoll_analyser::Analyser;
use plimsoll_oci::Platform;
use plimsoll_server::now;
use plimsoll_transport::WarningCollector;
use plimsoll_vuln::feed::Terms;
use plimsoll_vuln::report::ScanReport;
use plimsoll_vuln::verdict::{Gate, IgnoreState, IgnoreUse};

use self::judge::{Assumptions, Judge, Judged};
pub(super) use self::outcome::Outcome;
use self::subject::Subject;
use crate::advisories::{AdvisoryArguments, AgeArguments};
use crate::analyser_role::analyser_config;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;

/// Judge an image by what is known against its components
///
/// Where the registry is a Plimsoll server, the verdict comes from it, and no advisories are needed here. Everything
/// else is analysed on this machine, and judged by the advisories of `plimsoll db`.
///
/// What nobody could judge is told with its reason, and passes no gate.
#[derive(Debug, Args)]
pub(crate) struct Scan {
    /// The image: a reference, oci:DIR[:TAG], docker-archive:FILE, rootfs:DIR, docker:REF or podman:REF; or
    /// sbom:FILE
    #[arg(value_name = "IMAGE")]
    subject: Subject,
    /// Exit with 1 on critical, high, medium, low, negligible, unknown, kev, any, fixable, not-evaluated,
    /// coverage<90, mismatch; joined by commas
    #[arg(long, value_name = "WORDS")]
    fail_on: Option<Gate>,
    /// Look only at what the image adds to this one
    #[arg(long, value_name = "IMAGE")]
    new_since: Option<Subject>,
    /// Let pass what could not be judged for want of advisories
    #[arg(long)]
    allow_gaps: bool,
    /// YAML list of findings that are accepted: id, purl, reason, owner, expires
    #[arg(long, value_name = "FILE")]
    ignore_file: Option<PathBuf>,
    /// OpenVEX statements; may be given several times
    #[arg(long = "vex", value_name = "FILE")]
    vex: Vec<PathBuf>,
    /// Which image of an index, such as linux/arm64; this machine's by default
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// Take only the verdict of the image's registry
    #[arg(long, conflicts_with = "offline")]
    server: bool,
    /// Judge on this machine, whatever the registry could say
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    advisories: AdvisoryArguments,
    #[command(flatten)]
    age: AgeArguments,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Scan {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        for subject in [Some(&self.subject), self.new_since.as_ref()].into_iter().flatten() {
            subject.say_what_was_filled_in(context);
        }
        let assumptions = self.assumptions(context)?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let step = context.terminal().step("judging the image");
        let judge = Judge {
            places: &places,
            analyser: Analyser::new(analyser_config(context.environment())),
            advisories: self.advisories.directory(context.environment()),
            assumptions: &assumptions,
            platform: self.platform.as_ref(),
            step: &step,
        };
        let judged =
            context.block_on(judge.judge(&self.subject, self.new_since.as_ref(), self.authority()))?;
        step.done();
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        say_what_does_not_count(&judged.report.verdict.ignores, context);
        let outcome = Outcome::of(judged, self.fail_on.as_ref(), self.allow_gaps);
        context.terminal().print(&outcome)?;
        outcome.into_result()
    }

    /// Who is asked for the verdict.
    fn authority(&self) -> judge::Authority {
        match (self.server, self.offline) {
            (true, _) => judge::Authority::Server,
            (_, true) => judge::Authority::ThisMachine,
            _ => judge::Authority::ServerIfAny,
        }
    }

    fn assumptions(&self, context: &mut Context) -> Result<Assumptions, Failure> {
        let ignores = self.ignore_file.as_deref().map(ignore_file::read).transpose()?.unwrap_or_default();
        let (statements, remarks) = judge::read_statements(&self.vex)?;
        remarks.iter().for_each(|remark| context.terminal().warn(remark));
        let now = Timestamp::from_millisecond(now().unix_ms()).unwrap_or_default();
        let terms = Terms { now, age_days_max: self.age.days_max() };
        Ok(Assumptions { ignores, statements, terms })
    }
}

/// Rules on what is known of an image.
pub(super) fn rule_on(report: ScanReport, gate: Option<&Gate>, allows_gaps: bool) -> Outcome {
    Outcome::of(Judged { report, base: None }, gate, allows_gaps)
}

/// An entry that does not count any more is said aloud: somebody relies on it.
fn say_what_does_not_count(ignores: &[IgnoreUse], context: &mut Context) {
    for IgnoreUse { ignore, state } in ignores {
        let (id, owner) = (&ignore.id, &ignore.owner);
        match state {
            IgnoreState::Expired => {
                let text = format!(
                    "`{id}` is ignored no more: its entry expired on {}; ask {owner}",
                    ignore.expires
                );
                context.terminal().warn(&text);
            }
            IgnoreState::Incomplete => {
                let text = format!("`{id}` is not ignored: its entry names no reason or no owner");
                context.terminal().warn(&text);
            }
            IgnoreState::Unused => {
                context.terminal().note(&format!("`{id}` is ignored, and not there: its entry can go"));
            }
            IgnoreState::Used(_) => {}
        }
    }
}
