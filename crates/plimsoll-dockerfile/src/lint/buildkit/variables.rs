//! Checks that follow variables and settings through the instructions of a stage, in the order of the build.

use std::collections::BTreeSet;

use super::super::Subject;
use super::Checks;
use crate::expand::{Expanded, Variables as _, expand_raw};
use crate::graph::{BuildChoice, Scope, Source, Stage};
use crate::instruction::{Arguments, Instruction, Keyword};
use crate::parse::mount_fields;
use crate::span::Span;

/// What is known where an instruction stands.
#[derive(Clone, Default)]
struct State {
    variables: Scope,
    /// Arguments that are declared, with a value or without.
    declared: BTreeSet<String>,
    has_shell: bool,
    has_workdir: bool,
    is_windows: bool,
}

/// Where the last of an instruction stands that should be there once.
#[derive(Default)]
struct Once {
    cmd: Option<Span>,
    entrypoint: Option<Span>,
    healthcheck: Option<Span>,
}

pub(super) fn check(subject: &Subject<'_>, checks: &mut Checks) {
    let global = Scope::global(subject.document, BuildChoice::default());
    let mut done: Vec<State> = Vec::new();
    for stage in &subject.graph.stages {
        let state = begin(subject, stage, &done);
        let mut walk = Walk { subject, global: &global, checks, state, once: Once::default() };
        for (_, instruction) in subject.instructions(stage).skip(1) {
            if walk.instruction(instruction).is_none() {
                return;
            }
        }
        let state = walk.state;
        done.push(state);
    }
}

/// What a stage begins with: what its base left, or the path that every image has.
fn begin(subject: &Subject<'_>, stage: &Stage, done: &[State]) -> State {
    if let Source::Stage(base) = &stage.base {
        return done.get(*base).cloned().unwrap_or_default();
    }
    let mut state = State::default();
    let from = subject.instructions(stage).next().map(|(_, from)| from);
    state.is_windows =
        from.and_then(|from| from.flag("platform")).is_some_and(|platform| platform.starts_with("windows"));
    if !state.is_windows {
        state
            .variables
            .set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
    }
    state
}

struct Walk<'w, 'd> {
    subject: &'w Subject<'d>,
    global: &'w Scope,
    checks: &'w mut Checks,
    state: State,
    once: Once,
}

impl Walk<'_, '_> {
    /// Follows one instruction; nothing where the build would end with an error.
    fn instruction(&mut self, instruction: &Instruction) -> Option<()> {
        match instruction.keyword? {
            Keyword::Env => self.env(instruction)?,
            Keyword::Arg => self.arg(instruction)?,
            Keyword::Label => {
                for pair in instruction.pairs() {
                    self.expand(&pair.name.text, instruction)?;
                    self.expand(&pair.value.text, instruction)?;
                }
            }
            Keyword::Add | Keyword::Copy => self.copy(instruction)?,
            Keyword::Workdir => self.workdir(instruction)?,
            Keyword::User | Keyword::Stopsignal | Keyword::Volume => {
                for word in instruction.words() {
                    self.expand(&word.text, instruction)?;
                }
            }
            Keyword::Expose => self.expose(instruction)?,
            Keyword::Run => self.run(instruction)?,
            Keyword::Shell => self.state.has_shell = true,
            Keyword::Cmd | Keyword::Entrypoint => self.command(instruction),
            Keyword::Healthcheck => {
                let before = self.once.healthcheck.replace(instruction.span);
                self.twice(before, instruction);
            }
            Keyword::From | Keyword::Maintainer | Keyword::Onbuild => {}
        }
        Some(())
    }

    fn expand(&mut self, word: &str, instruction: &Instruction) -> Option<Expanded> {
        let expanded = self.state.variables.expand(word, self.subject.document.escape()).ok()?;
        self.report(&expanded, instruction);
        Some(expanded)
    }

    fn report(&mut self, expanded: &Expanded, instruction: &Instruction) {
        const OF_BUILDKIT: &[&str] = &["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];
        let is_known =
            |name: &&String| self.state.declared.contains(*name) || OF_BUILDKIT.contains(&name.as_str());
        for name in expanded.unknown.iter().filter(|name| !is_known(name)) {
            self.checks.add("UndefinedVar", instruction.span, format!("nothing sets `${name}`"));
        }
    }

    fn env(&mut self, instruction: &Instruction) -> Option<()> {
        let mut set = Vec::new();
        for pair in instruction.pairs() {
            let name = self.expand(&pair.name.text, instruction)?.text;
            set.push((name, self.expand(&pair.value.text, instruction)?.text));
        }
        for (name, value) in set {
            self.secret("ENV", &name, instruction);
            self.state.variables.set(&name, value);
        }
        Some(())
    }

    fn arg(&mut self, instruction: &Instruction) -> Option<()> {
        for (name, default, _) in instruction.declared() {
            self.secret("ARG", name, instruction);
            let value = match default {
                Some(default) => Some(self.expand(default, instruction)?.text),
                None => self.global.value(name).map(str::to_owned),
            };
            if let Some(value) = value {
                self.state.variables.set(name, value);
            }
            self.state.declared.insert(name.to_owned());
        }
        Some(())
    }

    fn secret(&mut self, keyword: &str, name: &str, instruction: &Instruction) {
        const SECRET: &[&str] = &[
            "apikey",
            "auth",
            "credential",
            "credentials",
            "key",
            "password",
            "pword",
            "passwd",
            "secret",
            "token",
        ];
        const HARMLESS: &[&str] = &["public", "file", "version"];
        let lower = name.to_lowercase();
        let has = |words: &[&str]| lower.split('_').any(|word| words.contains(&word));
        if has(SECRET) && !has(HARMLESS) {
            let what = format!("`{keyword} {name}` is called like a secret, and the image keeps it");
            self.checks.add("SecretsUsedInArgOrEnv", instruction.span, what);
        }
    }

    fn copy(&mut self, instruction: &Instruction) -> Option<()> {
        for name in ["chown", "chmod", "checksum"] {
            self.expand(instruction.flag(name).unwrap_or_default(), instruction)?;
        }
        let (target, sources) = instruction.words().split_last()?;
        for word in sources {
            let is_heredoc = instruction.heredocs.iter().any(|heredoc| heredoc.named == word.span);
            if !is_heredoc {
                let source = self.expand(&word.text, instruction)?.text;
                self.ignored(&source, instruction);
            }
        }
        self.expand(&target.text, instruction)?;
        for heredoc in instruction.heredocs.iter().filter(|heredoc| heredoc.is_expanded) {
            let body = self.subject.document.text(heredoc.body).into_owned();
            let expanded = expand_raw(&body, &self.state.variables).ok()?;
            self.report(&expanded, instruction);
        }
        Some(())
    }

    /// A source that the ignore file leaves out. Where that takes files back, nobody can tell.
    fn ignored(&mut self, source: &str, instruction: &Instruction) {
        let ignore = self.subject.context.and_then(|context| context.ignore.as_ref());
        let Some(ignore) = ignore.filter(|ignore| !ignore.has_exceptions()) else { return };
        let is_remote = source.contains("://") || source.starts_with("git@");
        if instruction.flag("from").is_some() || is_remote {
            return;
        }
        let source = crate::ignore::clean(source);
        let is_root = matches!(source.as_str(), "." | "/");
        let is_ignored = if is_root { ignore.ignores_everything() } else { ignore.ignores(&source) };
        if is_ignored {
            let what = format!("`{source}` is left out of the context by the ignore file");
            self.checks.add("CopyIgnoredFile", instruction.span, what);
        }
    }

    fn workdir(&mut self, instruction: &Instruction) -> Option<()> {
        let path = self.expand(&instruction.words().first()?.text, instruction)?.text;
        let has_drive = path.get(1..2) == Some(":") || path.starts_with('\\');
        let is_absolute = path.starts_with('/') || (self.state.is_windows && has_drive);
        if !self.state.has_workdir && !is_absolute {
            let what = format!("where `{path}` is depends on the base image");
            self.checks.add("WorkdirRelativePath", instruction.span, what);
        }
        self.state.has_workdir = true;
        Some(())
    }

    fn expose(&mut self, instruction: &Instruction) -> Option<()> {
        for word in instruction.words() {
            let ports = self.state.variables.expand(&word.text, self.subject.document.escape()).ok()?.text;
            for port in ports.split_whitespace() {
                let (address, container) = port.rsplit_once(':').unwrap_or(("", port));
                let protocol = container.split_once('/').map_or("", |(_, protocol)| protocol);
                if protocol != protocol.to_lowercase() {
                    let what = format!("the protocol of `{port}` is not in small letters");
                    self.checks.add("ExposeProtoCasing", instruction.span, what);
                }
                if !address.trim_matches(':').is_empty() {
                    let what = format!("`{port}` names more than a port of the container");
                    self.checks.add("ExposeInvalidFormat", instruction.span, what);
                }
            }
        }
        Some(())
    }

    fn run(&mut self, instruction: &Instruction) -> Option<()> {
        for flag in instruction.flags("mount") {
            for field in flag.value.as_deref().and_then(mount_fields).unwrap_or_default() {
                if let Some((_, value)) = field.split_once('=') {
                    self.expand(value, instruction)?;
                }
            }
        }
        Some(())
    }

    fn command(&mut self, instruction: &Instruction) {
        let last = if instruction.is(Keyword::Cmd) { &mut self.once.cmd } else { &mut self.once.entrypoint };
        let before = last.replace(instruction.span);
        self.twice(before, instruction);
        if !matches!(instruction.arguments, Arguments::Json(_)) && !self.state.has_shell {
            let what = format!("a shell runs this {}, and does not pass signals on", instruction.name.text);
            self.checks.add("JSONArgsRecommended", instruction.span, what);
        }
    }

    fn twice(&mut self, before: Option<Span>, instruction: &Instruction) {
        if let Some(span) = before {
            let line = self.subject.document.position(instruction.span.start).line;
            let what = format!("it does nothing: another {} stands on line {line}", instruction.name.text);
            self.checks.add("MultipleInstructionsDisallowed", span, what);
        }
    }
}
