use super::steps::{Step, Steps, beneath, plain};

/// A file or directory that the build makes for the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) path: String,
    pub(super) is_directory: bool,
}

impl Output {
    fn file(path: String) -> Self {
        Self { path, is_directory: false }
    }

    fn directory(path: String) -> Self {
        Self { path, is_directory: true }
    }

    fn holds(&self, path: &str) -> bool {
        let rest = path.strip_prefix(&self.path);
        rest.is_some_and(|rest| rest.is_empty() || self.is_directory && rest.starts_with('/'))
    }

    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// Compilers whose `-o` names what they make.
const COMPILERS: &[&str] = &["c++", "cc", "clang", "clang++", "g++", "gcc", "go", "rustc", "tcc"];

/// Directories that a shell looks for programs in, and what the image's own system has there.
const SYSTEM: &[&str] = &["/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"];

/// What the steps make that the image runs or may need; nothing where what it runs is not among it.
pub(super) fn of(steps: &Steps<'_>) -> Option<Vec<Output>> {
    let mut outputs: Vec<Output> = Vec::new();
    for output in steps.commands.iter().filter_map(output) {
        if !outputs.iter().any(|other| other.holds(&output.path)) {
            outputs.retain(|other| !output.holds(&other.path));
            outputs.push(output);
        }
    }
    let program = program(steps, &outputs)?;
    outputs.extend(program);
    outputs.retain(|output| !is_of_passage(output));
    (!outputs.is_empty()).then_some(outputs)
}

/// The program that the image runs, where no output holds it yet; nothing at all where it is not known to be made here.
fn program(steps: &Steps<'_>, outputs: &[Output]) -> Option<Option<Output>> {
    let Some(Step { directory, words }) = &steps.program else { return Some(None) };
    let word = plain(words.first()?)?;
    if !word.contains('/') {
        let is_made = outputs.iter().any(|output| output.is_directory || output.name() == word);
        return is_made.then_some(None);
    }
    let path = beneath(directory, word);
    let is_made = outputs.iter().any(|output| output.holds(&path));
    let is_copied = steps.copied.iter().any(|target| path.starts_with(target.as_str()));
    if is_made || is_copied {
        return Some(None);
    }
    let is_of_system = SYSTEM.iter().any(|place| path.starts_with(place));
    // A build in the directory of the sources makes it there: `cargo build`, `make`.
    let is_built = steps
        .commands
        .iter()
        .any(|step| step.directory != "/" && path.starts_with(&format!("{}/", step.directory)));
    (is_built && !is_of_system).then(|| Some(Output::file(path)))
}

/// What one command makes.
fn output(step: &Step) -> Option<Output> {
    let program = step.words.first()?.as_str();
    let has = |word: &str| step.words.iter().any(|own| own == word);
    match program {
        _ if COMPILERS.contains(&program) && !has("-c") => {
            if program == "go" && has("install") {
                return Some(Output::directory("/go/bin".to_owned()));
            }
            option(step, "-o").map(|path| Output::file(beneath(&step.directory, path)))
        }
        "make" | "ninja" if has("install") => Some(Output::directory(prefix(step))),
        "cmake" if has("--install") => Some(Output::directory(prefix(step))),
        "cargo" if has("install") => {
            let root = option(step, "--root").unwrap_or("/usr/local/cargo");
            Some(Output::directory(beneath(&beneath(&step.directory, root), "bin")))
        }
        "python" | "python3" if has("venv") => {
            Some(Output::directory(beneath(&step.directory, plain(step.words.last()?)?)))
        }
        "uv" if has("venv") => Some(Output::directory(beneath(&step.directory, plain(step.words.last()?)?))),
        "cp" | "mv" | "install" => {
            let target = plain(step.words.last()?)?;
            let is_elsewhere = target.starts_with('/') && step.words.len() > 2;
            is_elsewhere.then(|| Output::file(beneath("/", target)))
        }
        _ => None,
    }
}

/// The value of an option, behind it or joined to it.
fn option<'s>(step: &'s Step, name: &str) -> Option<&'s str> {
    let mut words = step.words.iter();
    while let Some(word) = words.next() {
        if word == name {
            return plain(words.next()?);
        }
        if let Some(value) = word.strip_prefix(name).filter(|value| !value.is_empty()) {
            return plain(value.trim_start_matches('='));
        }
    }
    None
}

/// Where `make install` puts things.
fn prefix(step: &Step) -> String {
    let given = step.words.iter().find_map(|word| {
        let value = word.strip_prefix("PREFIX=").or_else(|| word.strip_prefix("prefix="));
        value.or_else(|| word.strip_prefix("DESTDIR=")).and_then(plain)
    });
    beneath("/", given.unwrap_or("/usr/local"))
}

/// Whether it is only there on the way to something else.
fn is_of_passage(output: &Output) -> bool {
    let ends = [".o", ".a", ".d"].iter().any(|end| output.path.ends_with(end));
    ends || output.path.starts_with("/tmp/") || output.path == "/"
}
