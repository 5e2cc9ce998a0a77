use super::super::rule::installs;
use super::super::{Run, Subject};
use super::is_setting;
use crate::graph::Stage;
use crate::instruction::{Instruction, Keyword};
use crate::shell::Command;

/// A stage as a build: what its steps do, and what follows them.
pub(super) struct Steps<'d> {
    /// The commands that build, each with the directory that it runs in.
    pub(super) commands: Vec<Step>,
    /// Packages that are installed.
    pub(super) packages: Vec<String>,
    /// What the image needs besides, of what stands before the last step that builds.
    pub(super) repeated: Vec<&'d Instruction>,
    /// What stands behind it.
    pub(super) tail: Vec<&'d Instruction>,
    /// Whether somebody is named who runs the image.
    pub(super) names_user: bool,
    /// What the image runs: the first word, and the directory that it is looked for in.
    pub(super) program: Option<Step>,
    /// Where files of the context go that no command of the build names.
    pub(super) copied: Vec<String>,
}

/// A command and where it runs.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) directory: String,
    pub(super) words: Vec<String>,
}

/// Programs of a build that make nothing which the image runs without being told so.
const BUILDING: &[&str] = &[
    "apk",
    "apt",
    "apt-get",
    "autoconf",
    "autoreconf",
    "c++",
    "cargo",
    "cc",
    "cd",
    "chmod",
    "clang",
    "clang++",
    "cmake",
    "configure",
    "cp",
    "curl",
    "dnf",
    "dotnet",
    "echo",
    "export",
    "g++",
    "gcc",
    "git",
    "go",
    "gradle",
    "gradlew",
    "install",
    "javac",
    "make",
    "meson",
    "microdnf",
    "mkdir",
    "mv",
    "mvn",
    "mvnw",
    "ninja",
    "npm",
    "pip",
    "pip3",
    "pnpm",
    "python",
    "python3",
    "rm",
    "rustc",
    "rustup",
    "set",
    "strip",
    "tar",
    "tcc",
    "test",
    "true",
    "unzip",
    "uv",
    "wget",
    "yarn",
    "yum",
    "autogen.sh",
    "bootstrap",
    "[",
];

/// Programs that change who may run the image.
const USERS: &[&str] = &["adduser", "addgroup", "groupadd", "useradd"];

impl<'d> Steps<'d> {
    pub(super) fn of(subject: &Subject<'d>, stage: &Stage) -> Option<Self> {
        let instructions: Vec<(usize, &'d Instruction)> = subject.instructions(stage).skip(1).collect();
        let run_of = |index: usize| subject.runs.iter().find(|run| run.index == index);
        let builds = |index: usize| run_of(index).is_some_and(|run| !is_of_users(run));
        let last = instructions.iter().rposition(|(index, _)| builds(*index))?;
        let mut steps = Self {
            commands: Vec::new(),
            packages: Vec::new(),
            repeated: Vec::new(),
            tail: instructions.iter().skip(last + 1).map(|(_, instruction)| *instruction).collect(),
            names_user: instructions.iter().any(|(_, instruction)| instruction.is(Keyword::User)),
            program: None,
            copied: Vec::new(),
        };
        let mut directory = "/".to_owned();
        let mut copies = Vec::new();
        for (place, (index, instruction)) in instructions.iter().enumerate() {
            let (run, is_before) = (run_of(*index), place < last);
            steps.add(instruction, run, &mut directory)?;
            let copies_files = instruction.is(Keyword::Copy) || instruction.is(Keyword::Add);
            if is_before && copies_files {
                copies.push((*instruction, target(instruction, &directory)?));
            }
            if is_before && (is_setting(instruction) || run.is_some_and(is_of_users)) {
                steps.repeated.push(*instruction);
            }
        }
        steps.keep_copies(copies);
        Some(steps)
    }

    /// Takes one step; nothing where it is not understood, or changes what the others mean.
    fn add(
        &mut self,
        instruction: &Instruction,
        run: Option<&Run<'_>>,
        directory: &mut String,
    ) -> Option<()> {
        match instruction.keyword? {
            Keyword::Workdir => {
                *directory = beneath(directory, plain(&instruction.words().first()?.text)?);
                Some(())
            }
            Keyword::Run if is_of_users(run?) => Some(()),
            Keyword::Run => self.add_run(run?, directory),
            Keyword::Entrypoint | Keyword::Cmd => {
                self.add_program(instruction, directory);
                Some(())
            }
            Keyword::Shell | Keyword::Onbuild | Keyword::Arg => None,
            _ => Some(()),
        }
    }

    fn add_run(&mut self, run: &Run<'_>, directory: &str) -> Option<()> {
        if run.script.lost_at.is_some() || run.script.commands.is_empty() {
            return None;
        }
        let mut here = directory.to_owned();
        for command in &run.script.commands {
            if !BUILDING.contains(&command.program()?) {
                return None;
            }
            let words = words(command)?;
            if let ([program, to], true) = (&words[..], command.program() == Some("cd")) {
                debug_assert_eq!(program, "cd");
                here = beneath(&here, plain(to)?);
            }
            self.commands.push(Step { directory: here.clone(), words });
        }
        let installed = installs(run).into_iter().flat_map(|install| install.packages);
        self.packages.extend(installed.map(|(name, _)| name));
        Some(())
    }

    /// `ENTRYPOINT` counts before `CMD`, and the last of each before the others.
    fn add_program(&mut self, instruction: &Instruction, directory: &str) {
        let words: Vec<String> = match instruction.shell_text() {
            Some(text) => text.text.split_whitespace().map(str::to_owned).collect(),
            None => instruction.words().iter().map(|word| word.text.clone()).collect(),
        };
        let is_first = self.program.is_none() || instruction.is(Keyword::Entrypoint);
        if is_first && !words.is_empty() {
            self.program = Some(Step { directory: directory.to_owned(), words });
        }
    }

    /// What is copied from the context and not read by the build is for the image.
    fn keep_copies(&mut self, copies: Vec<(&'d Instruction, String)>) {
        for (instruction, target) in copies {
            if instruction.flag("from").is_some() || !self.reads(&target) {
                self.copied.push(target);
                self.repeated.push(instruction);
            }
        }
    }

    /// Whether a command of the build works on a path: it names it, or runs in a directory that it lies in.
    fn reads(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let is_within = |whole: &str, part: &str| {
            part.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let works_in = |step: &Step| {
            step.directory != "/" && (is_within(&step.directory, path) || is_within(path, &step.directory))
        };
        let names = |step: &Step| step.words.iter().any(|word| is_within(path, word) || word.contains(path));
        self.commands.iter().any(|step| works_in(step) || names(step))
    }
}

fn is_of_users(run: &Run<'_>) -> bool {
    let programs = || run.script.commands.iter().filter_map(Command::program);
    let is_of = |program: &str| USERS.contains(&program) || matches!(program, "mkdir" | "chown" | "true");
    programs().any(|program| USERS.contains(&program)) && programs().all(is_of)
}

/// The words of a command from its program on; nothing where one is not known.
fn words(command: &Command) -> Option<Vec<String>> {
    let program = command.program()?.to_owned();
    let arguments = command.arguments().map(|word| word.text.clone().or_else(|| Some(word.written.clone())));
    std::iter::once(Some(program)).chain(arguments).collect()
}

/// Where `COPY` and `ADD` put files.
fn target(instruction: &Instruction, directory: &str) -> Option<String> {
    Some(beneath(directory, plain(&instruction.words().last()?.text)?))
}

/// A path without variables.
pub(super) fn plain(path: &str) -> Option<&str> {
    (!path.contains(['$', '`', '*', '?', '"', '\''])).then_some(path)
}

/// A path as it is meant in a directory.
pub(super) fn beneath(directory: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
