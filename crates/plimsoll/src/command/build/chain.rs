//! The steps from a Dockerfile to a signed image in a registry, one after the other.

use std::sync::Arc;
use std::time::Instant;

use plimsoll_attest::{PredicateType, SigningKey};
use plimsoll_build::Built;
use plimsoll_transport::{ImageName, Places, Target, WarningCollector};
use serde_json::value::RawValue;

use super::inputs::Inputs;
use super::outcome::{BuildReport, BuiltImage, StepDone, StepState, UsedBase};
use super::scanning::{bill, judge, judge_size, look_inside};
use super::told::Telling;
use super::{Build, Skipped, delivery, linting, vouching};
use crate::command::cp::read_name;
use crate::context::Context;
use crate::failure::Failure;
use crate::reading::WholeImage;
use crate::signing::wall_clock;
use crate::terminal::Step;

/// A build on its way.
pub(super) struct Chain<'b> {
    build: &'b Build,
    inputs: Inputs,
    names: Vec<ImageName>,
    key: Option<SigningKey>,
    places: Places,
    warnings: Arc<WarningCollector>,
    image: Option<BuiltImage>,
    steps: Vec<StepDone>,
    /// What is to be said about the image, with the step whose result it is.
    statements: Vec<(&'static str, PredicateType, Box<RawValue>)>,
    delivered: Vec<String>,
    scan_markdown: Option<String>,
}

impl<'b> Chain<'b> {
    /// Looks at everything that can be wrong before anything is built.
    pub(super) fn new(build: &'b Build, context: &mut Context) -> Result<Self, Failure> {
        let inputs = Inputs::read(build, context)?;
        let names =
            build.outputs.tags.iter().map(|text| read_name(text, context)).collect::<Result<Vec<_>, _>>()?;
        let warnings = Arc::new(WarningCollector::default());
        let places = build.registries.places(context, warnings.clone())?;
        let key = match &build.chain.key {
            Some(key) if !build.skips(Skipped::Sign) => Some(key.open(&build.chain.password, context)?),
            _ => None,
        };
        Ok(Self {
            build,
            inputs,
            names,
            key,
            places,
            warnings,
            image: None,
            steps: Vec::new(),
            statements: Vec::new(),
            delivered: Vec::new(),
            scan_markdown: None,
        })
    }

    pub(super) fn run(&mut self, context: &mut Context) -> Result<(), Failure> {
        let ended = self.steps(context);
        for (host, text) in self.warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        ended
    }

    fn steps(&mut self, context: &mut Context) -> Result<(), Failure> {
        self.lint(context)?;
        let started = wall_clock();
        let built = self.make(context)?;
        let staged = built.stage()?;
        let layout = ImageName::Layout {
            directory: staged.directory().to_owned(),
            target: Target::Digest(built.manifest.digest),
        };
        self.scan(&layout, &built, context)?;
        self.provenance(&built, started, context)?;
        self.sign(&layout, context)?;
        self.deliver(&layout, context)?;
        drop(staged);
        if let Err(error) = built.close() {
            context.terminal().warn(&format!("what was built long ago could not be taken away: {error}"));
        }
        Ok(())
    }

    fn lint(&mut self, context: &mut Context) -> Result<(), Failure> {
        let Some(timed) = self.begin("lint", Skipped::Lint, "judging the Dockerfile", context) else {
            return Ok(());
        };
        let (linted, refused) = linting::judge(self.build, &self.inputs, &timed.step)?;
        let statement = linted.predicate.map(|predicate| ("lint", PredicateType::TEST_RESULT, predicate));
        self.statements.extend(statement);
        self.end(timed, linted.sentence, refused)
    }

    fn make(&mut self, context: &mut Context) -> Result<Built, Failure> {
        let timed = Timed::begin("build", "building the image", context);
        let request = self.inputs.request(&self.build.inputs, context.environment())?;
        let watch = Arc::new(Telling(timed.step.clone()));
        let built =
            context.block_on(async { Ok(plimsoll_build::build(request, &self.places, watch).await?) });
        let built = match built {
            Ok(built) => built,
            Err(failure) => {
                return self.end(timed, failure.what.clone(), Some(failure.clone())).and(Err(failure));
            }
        };
        let bases = built.bases.iter().map(|base| UsedBase { name: base.name.clone(), digest: base.digest });
        self.image = Some(BuiltImage {
            manifest: built.manifest.clone(),
            config_digest: built.config,
            is_reproducible: built.is_assembled,
            builder: built.builder.clone(),
            bases: bases.collect(),
        });
        let by = built.builder.as_ref().map(|builder| format!(", with {builder}")).unwrap_or_default();
        self.end(timed, format!("{}{by}", built.manifest.digest.short()), None)?;
        Ok(built)
    }

    /// Lists what is inside, and judges it.
    fn scan(&mut self, layout: &ImageName, built: &Built, context: &mut Context) -> Result<(), Failure> {
        if [Skipped::Sbom, Skipped::Scan, Skipped::Budget].into_iter().all(|step| self.build.skips(step)) {
            ["sbom", "scan", "budget"].into_iter().for_each(|step| self.skip(step));
            return Ok(());
        }
        let timed = Timed::begin("sbom", "reading the layers", context);
        let inside = look_inside(layout, &self.places, &timed.step, context)?;
        let name = self.names.first().map_or_else(|| built.manifest.digest.to_string(), ImageName::to_string);
        if self.build.skips(Skipped::Sbom) {
            self.skip("sbom");
        } else {
            self.statements.push(("sbom", PredicateType::CYCLONEDX, bill(&inside, &name)?));
            self.end(timed, counted(inside.contents.components.len(), "component"), None)?;
        }
        self.judge(&inside, &name, built, context)?;
        self.budget(&inside, context)
    }

    fn judge(
        &mut self,
        inside: &WholeImage,
        name: &str,
        built: &Built,
        context: &mut Context,
    ) -> Result<(), Failure> {
        let Some(timed) = self.begin("scan", Skipped::Scan, "judging the image", context) else {
            return Ok(());
        };
        let judged = judge(self.build, inside, name, &built.manifest.digest, context)?;
        let kind = PredicateType::COSIGN_VULNERABILITIES;
        self.statements.extend(judged.predicate.map(|predicate| ("scan", kind, predicate)));
        self.scan_markdown = judged.markdown;
        let is_judged = judged.is_judged;
        let ended = self.end(timed, judged.sentence, judged.refused);
        if let Some(done) = self.steps.last_mut().filter(|_| !is_judged) {
            done.state = StepState::NotEvaluated;
        }
        ended
    }

    /// Judges size and surface, where the project has a budget.
    fn budget(&mut self, inside: &WholeImage, context: &mut Context) -> Result<(), Failure> {
        let Some(timed) = self.begin("budget", Skipped::Budget, "judging size and surface", context) else {
            return Ok(());
        };
        let to = self.names.iter().find(|name| matches!(name, ImageName::Registry { .. }));
        match judge_size(inside, to, &self.places, &timed.step, context)? {
            Some((told, refused)) => self.end(timed, told, refused),
            None => Ok(()),
        }
    }

    fn provenance(
        &mut self,
        built: &Built,
        started: jiff::Timestamp,
        context: &mut Context,
    ) -> Result<(), Failure> {
        let Some(timed) = self.begin("provenance", Skipped::Provenance, "saying how it was built", context)
        else {
            return Ok(());
        };
        let predicate = vouching::provenance(self.build, &self.inputs, built, started, context)?;
        self.statements.push(("provenance", PredicateType::PROVENANCE, predicate));
        let bases = counted(built.bases.len(), "base");
        let arguments = counted(self.inputs.arguments.len(), "argument");
        self.end(timed, format!("{bases}, {arguments}"), None)
    }

    /// Attaches to the image what is said about it. Nothing is said that nobody signs.
    fn sign(&mut self, layout: &ImageName, context: &mut Context) -> Result<(), Failure> {
        let Some(timed) = self.begin("sign", Skipped::Sign, "signing", context) else { return Ok(()) };
        let Some(key) = self.key.take() else {
            context.terminal().warn("nothing is signed, and nothing said about the image: there is no --key");
            self.skip("sign");
            return Ok(());
        };
        let statements = std::mem::take(&mut self.statements);
        let count = statements.len();
        for (step, kind, predicate) in statements {
            let evidence = vouching::attest(layout, &key, &kind, &predicate, &self.places, context)?;
            if let Some(done) = self.steps.iter_mut().find(|done| done.name == step) {
                done.evidence = Some(evidence);
            }
        }
        let signature = vouching::sign(layout, &key, &self.places, context)?;
        self.end(
            timed,
            format!("{} and the image, with key {}", counted(count, "statement"), key.public().id()),
            None,
        )?;
        if let Some(done) = self.steps.last_mut() {
            done.evidence = Some(signature);
        }
        Ok(())
    }

    fn deliver(&mut self, layout: &ImageName, context: &mut Context) -> Result<(), Failure> {
        if self.build.outputs.load {
            self.load(layout, context)?;
        }
        let is_kept_here = self.build.outputs.load && !self.build.outputs.push;
        if self.names.is_empty() || is_kept_here {
            return Ok(());
        }
        let Some(timed) = self.begin("push", Skipped::Push, "pushing", context) else { return Ok(()) };
        let mut manifests = 0;
        for to in self.names.clone() {
            match delivery::deliver(layout, &to, &self.places, &timed.step, context) {
                Ok(report) => manifests = report.evidence_manifests,
                Err(failure) => return self.end(timed, failure.what.clone(), Some(failure)),
            }
            self.delivered.push(to.to_string());
        }
        self.end(timed, format!("with {}", counted(manifests, "referrer")), None)
    }

    fn load(&mut self, layout: &ImageName, context: &mut Context) -> Result<(), Failure> {
        let timed = Timed::begin("load", "loading", context);
        let references = self.names.iter().filter_map(|name| match name {
            ImageName::Registry { reference, .. } => Some(Some(reference)),
            _ => None,
        });
        let references: Vec<_> = references.collect();
        let references = if references.is_empty() { vec![None] } else { references };
        let mut program = "";
        for reference in references {
            program = delivery::load(layout, reference, &self.places, &timed.step, context)?;
        }
        self.end(timed, format!("into {program}"), None)
    }

    /// Begins a step, unless it is to be left out.
    fn begin(&mut self, name: &'static str, step: Skipped, label: &str, context: &Context) -> Option<Timed> {
        if self.build.skips(step) {
            self.skip(name);
            return None;
        }
        Some(Timed::begin(name, label, context))
    }

    fn skip(&mut self, name: &'static str) {
        let told = "left out".to_owned();
        self.steps.push(StepDone { name, state: StepState::Skipped, told, milliseconds: 0, evidence: None });
    }

    /// Ends a step, and the build with it where something is in the way.
    fn end(&mut self, timed: Timed, told: String, refused: Option<Failure>) -> Result<(), Failure> {
        let milliseconds = u64::try_from(timed.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let state = if refused.is_some() { StepState::Failed } else { StepState::Done };
        self.steps.push(StepDone { name: timed.name, state, told, milliseconds, evidence: None });
        match refused {
            Some(failure) => Err(failure),
            None => {
                timed.step.done();
                Ok(())
            }
        }
    }

    pub(super) fn report(self, failure: Option<&Failure>) -> BuildReport {
        BuildReport {
            api_version: "plimsoll/v1",
            kind: "Build",
            image: self.image,
            names: self.delivered,
            steps: self.steps,
            failure: failure.map(|failure| failure.what.clone()),
            scan_markdown: self.scan_markdown,
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A step that runs.
struct Timed {
    name: &'static str,
    step: Step,
    started: Instant,
}

impl Timed {
    fn begin(name: &'static str, label: &str, context: &Context) -> Self {
        Self { name, step: context.step(label), started: Instant::now() }
    }
}
