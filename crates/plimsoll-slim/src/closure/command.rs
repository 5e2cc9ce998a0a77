//! Commands that start an image: what they run, and which files they name.

use std::collections::BTreeMap;

use plimsoll_image::Kind;
use plimsoll_oci::ImageConfig;

use super::Closure;
use crate::{Cause, Reason};

/// Where programs are looked for when the image says nothing.
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command that somebody will run in a container of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Who runs it.
    pub cause: Cause,
    /// Its words.
    pub words: Vec<String>,
}

/// What commands of an image run in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// The working directory.
    pub directory: String,
    /// The layers, counted from 0 at the base, that were copied from a build's context or another stage.
    pub copied_layers: Vec<usize>,
}

impl Setting {
    /// What an image's config says.
    pub fn of(config: &ImageConfig) -> Self {
        let pair =
            |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let instructions = config.layer_instructions();
        let copies = |(at, text): (usize, Option<String>)| {
            // The first layer is the base, however it came there.
            text.filter(|text| at > 0 && is_copy(text)).map(|_| at)
        };
        Self {
            environment: config.config.env.iter().filter_map(pair).collect(),
            directory: config
                .config
                .working_dir
                .clone()
                .filter(|path| !path.is_empty())
                .unwrap_or("/".into()),
            copied_layers: instructions.into_iter().enumerate().filter_map(copies).collect(),
        }
    }

    fn path_directories(&self) -> impl Iterator<Item = &str> {
        let path = self.environment.get("PATH").map_or(PATH_DEFAULT, String::as_str);
        path.split(':').filter(|directory| directory.starts_with('/'))
    }

    /// A path as seen from the working directory.
    pub(super) fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.directory) }
    }
}

/// Whether an instruction of a history copied files, as `BuildKit`, `docker build` and buildah write it.
fn is_copy(instruction: &str) -> bool {
    let text = instruction.trim_start_matches("/bin/sh -c #(nop)").trim_start();
    text.starts_with("COPY ") || text.starts_with("ADD ")
}

impl Closure<'_> {
    pub(super) fn add_command(&mut self, seed: &Seed) {
        let Some((program, arguments)) = seed.words.split_first() else { return };
        let reason = Reason::new(seed.cause, seed.words.join(" "));
        self.keep_program(program, &reason);
        if let Some(script) = script_of_shell(program, arguments) {
            self.add_script(script, &reason);
        }
        for argument in arguments {
            self.keep_argument(argument, &reason);
        }
    }

    /// Keeps a program, by its path or as the search path finds it.
    pub(super) fn keep_program(&mut self, program: &str, reason: &Reason) -> bool {
        if program.is_empty() {
            return false;
        }
        if program.contains('/') {
            let path = self.setting.absolute(program);
            return self.keep_path(path.as_bytes(), reason).is_some();
        }
        let found = self.setting.path_directories().find_map(|directory| {
            let path = format!("{directory}/{program}");
            let id = self.system.file(path.as_bytes())?;
            self.system.node(id).is_executable().then_some(path)
        });
        found.is_some_and(|path| self.keep_path(path.as_bytes(), reason).is_some())
    }

    /// Keeps a file that an argument names, alone or behind an equals sign.
    fn keep_argument(&mut self, argument: &str, reason: &Reason) {
        let named = argument.rsplit('=').next().unwrap_or(argument);
        if named.is_empty() || named.starts_with('-') {
            return;
        }
        let path = self.setting.absolute(named);
        let found = self.system.resolve(path.as_bytes()).end;
        let Some(id) = found.filter(|id| self.system.node(*id).path.contains(&b'/')) else { return };
        if self.system.node(id).is_file() || self.system.node(id).kind == Kind::Directory {
            self.keep_path(path.as_bytes(), reason);
        }
    }
}

/// The script behind `sh -c`.
fn script_of_shell<'a>(program: &str, arguments: &'a [String]) -> Option<&'a str> {
    let name = program.rsplit('/').next().unwrap_or(program);
    let is_shell = matches!(name, "sh" | "bash" | "dash" | "ash" | "busybox" | "zsh" | "ksh");
    let at = arguments.iter().position(|word| word.starts_with('-') && word.ends_with('c'))?;
    arguments.get(at + 1).filter(|_| is_shell).map(String::as_str)
}
