mod counterfactual;
mod files;
mod frame;
mod image;
mod junit;
mod manual;
mod measure;
mod report;
mod sarif;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use plimsoll_dockerfile::lint::{Fix, LintOptions, Profile, Safety, Severity, Verdict, apply, lint, patch};
use plimsoll_dockerfile::{Document, parse};
use plimsoll_slim::savings::Savings;

use self::counterfactual::Counterfactual;
pub(crate) use self::files::DOCKERFILE_BYTES_MAX;
pub(super) use self::files::{Dockerfile, find_one};
pub(super) use self::measure::{ignore_file, measure};
use self::report::{FileReport, LintReport};
use crate::context::Context;
use crate::failure::{Failure, Verdict as ExitVerdict};

/// Rounds in which fixes are made: one may bring another to light.
const FIX_ROUNDS_MAX: usize = 10;

/// Judge a Dockerfile by what ends in the image
///
/// Size and safety are asked of the stages that become the image, build time of the others. A line that is wrong hides
/// nothing behind it. A comment `# plimsoll: allow(RULE) reason` before an instruction allows it there; those of
/// hadolint and BuildKit count as well.
#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// Dockerfiles, or directories with one; the current directory by default
    #[arg(value_name = "DOCKERFILE|DIR")]
    paths: Vec<PathBuf>,
    /// The stage that is built; the last one by default
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,
    /// A value for an ARG; may be given several times
    #[arg(long = "build-arg", value_name = "NAME=VALUE", value_parser = super::sign::annotation)]
    build_args: Vec<(String, String)>,
    /// Whose rules are asked: Plimsoll's, or BuildKit's 22 checks by their names
    #[arg(long, value_enum, default_value_t)]
    profile: ProfileName,
    /// Ask a rule that is off by default; may be given several times
    #[arg(long = "with", value_name = "RULE")]
    also: Vec<String>,
    /// Do not ask a rule; may be given several times
    #[arg(long = "without", value_name = "RULE")]
    without: Vec<String>,
    /// Exit with 1 on findings of this severity or above: error, warning or note
    #[arg(long, value_name = "SEVERITY", default_value = "warning")]
    fail_on: Severity,
    /// The directory that is sent to the build, to be measured; that of the Dockerfile by default where a directory
    /// is given
    #[arg(long, value_name = "DIR")]
    context: Option<PathBuf>,
    /// Make the changes that are safe, and tell what is left
    #[arg(long, conflicts_with = "diff")]
    fix: bool,
    /// Print every change as a patch for `git apply`, also those to be looked at
    #[arg(long, visible_alias = "patch")]
    diff: bool,
    #[command(flatten)]
    measure: counterfactual::MeasureArguments,
    #[command(flatten)]
    image: image::ImageArguments,
    /// Print the manual page of a rule
    #[arg(long, value_name = "RULE", exclusive = true)]
    explain: Option<String>,
    /// List the rules
    #[arg(long, exclusive = true)]
    rules: bool,
}

/// Whose rules are asked.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ProfileName {
    #[default]
    Plimsoll,
    Buildkit,
}

impl Lint {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        if let Some(rule) = &self.explain {
            return manual::explain(rule, context);
        }
        if self.rules {
            return manual::list(context);
        }
        self.check_names()?;
        let mut judged = Vec::new();
        for dockerfile in files::find(&self.paths, self.context.as_deref())? {
            judged.push(self.judge(dockerfile, context)?);
        }
        if self.diff {
            let patches: Vec<Vec<u8>> = judged
                .iter()
                .map(|(file, document, verdict)| patch(&file.name, document.source(), fixes(verdict, None)))
                .collect();
            return context.terminal().print_raw(&patches.concat());
        }
        let mut reports: Vec<FileReport> = judged
            .iter()
            .map(|(file, document, verdict)| FileReport::of(&file.name, document, verdict))
            .collect();
        if let Some(image) = self.image.read(context)? {
            let savings =
                judged.iter().map(|(_, document, verdict)| image.savings(document, &verdict.findings));
            reports = reports
                .into_iter()
                .zip(savings)
                .map(|(report, savings)| report.with_savings(savings))
                .collect();
        }
        if self.measure.measure {
            let measured: Vec<_> = judged
                .iter()
                .map(|(file, document, verdict)| self.build_changes(file, document, verdict, context))
                .collect::<Result<_, _>>()?;
            reports = reports
                .into_iter()
                .zip(measured)
                .map(|(report, savings)| report.with_savings(savings))
                .collect();
        }
        let report = LintReport::of(reports, self.fail_on);
        context.terminal().print(&report)?;
        match report.failing() {
            0 => Ok(()),
            1 => Err(Failure::new(ExitVerdict::GateFailed, "1 finding")),
            count => Err(Failure::new(ExitVerdict::GateFailed, format!("{count} findings"))),
        }
    }

    /// What the change of each finding saves, measured.
    fn build_changes(
        &self,
        file: &Dockerfile,
        document: &Document,
        verdict: &Verdict,
        context: &mut Context,
    ) -> Result<Vec<Option<Savings>>, Failure> {
        let counterfactual = Counterfactual {
            arguments: &self.measure,
            image: &self.image,
            dockerfile: file,
            target: self.target.as_deref(),
            build_args: &self.build_args.iter().cloned().collect(),
        };
        counterfactual.savings(document.source(), &verdict.findings, context)
    }

    fn judge(
        &self,
        dockerfile: Dockerfile,
        context: &mut Context,
    ) -> Result<(Dockerfile, Document, Verdict), Failure> {
        let arguments: BTreeMap<String, String> = self.build_args.iter().cloned().collect();
        let measured =
            dockerfile.context.as_deref().map(|directory| measure::measure(directory, &dockerfile.path));
        let measured = measured.transpose()?;
        let options = LintOptions {
            profile: self.profile.into(),
            target: self.target.as_deref(),
            arguments: Some(&arguments),
            also: &self.also,
            without: &self.without,
            context: measured.as_ref(),
        };
        let mut document = parse(dockerfile.read()?);
        self.check_target(&document, &dockerfile, options)?;
        let mut verdict = lint(&document, options);
        let mut made = 0;
        for _ in 0..FIX_ROUNDS_MAX {
            let (fixed, count) = apply(document.source(), fixes(&verdict, Some(Safety::Safe)));
            if !self.fix || count == 0 {
                break;
            }
            made += count;
            document = parse(fixed);
            verdict = lint(&document, options);
        }
        if made > 0 {
            dockerfile.write(document.source())?;
            let changes = if made == 1 { "1 change was".to_owned() } else { format!("{made} changes were") };
            context.terminal().note(&format!("{changes} made in `{}`", dockerfile.name));
        }
        Ok((dockerfile, document, verdict))
    }

    fn check_target(
        &self,
        document: &Document,
        file: &Dockerfile,
        options: LintOptions<'_>,
    ) -> Result<(), Failure> {
        use plimsoll_dockerfile::graph::{BuildChoice, Graph};
        let choice = BuildChoice { target: options.target, ..BuildChoice::default() };
        let is_there = options.target.is_none() || Graph::of(document, choice).target.is_some();
        let name = options.target.unwrap_or_default();
        is_there.then_some(()).ok_or_else(|| Failure::usage(format!("`{}` has no stage `{name}`", file.name)))
    }

    fn check_names(&self) -> Result<(), Failure> {
        let known = plimsoll_dockerfile::lint::names(self.profile.into());
        let unknown = self.also.iter().chain(&self.without).find(|name| !known.contains(name.as_str()));
        match unknown {
            None => Ok(()),
            Some(name) => {
                Err(Failure::usage(format!("no rule is called `{name}`")).help("plimsoll lint --rules"))
            }
        }
    }
}

/// The changes that the findings come with, of one kind or of all.
fn fixes(verdict: &Verdict, safety: Option<Safety>) -> impl Iterator<Item = &Fix> {
    let fixes = verdict.findings.iter().filter_map(|finding| finding.fix.as_ref());
    fixes.filter(move |fix| safety.is_none_or(|safety| fix.safety == safety))
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Plimsoll => Self::Plimsoll,
            ProfileName::Buildkit => Self::Buildkit,
        }
    }
}
