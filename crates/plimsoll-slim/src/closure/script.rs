//! Scripts: the interpreter that starts one, and the programs that a shell script names.

use plimsoll_dockerfile::shell::Script;

use super::Closure;
use crate::file_system::NodeId;
use crate::{Cause, Reason};

/// Longest script that is read for what it runs.
const SCRIPT_BYTES_MAX: u64 = 1 << 20;

/// What Linux reads of the first line (`BINPRM_BUF_SIZE`).
const SHEBANG_BYTES_MAX: u64 = 256;

impl Closure<'_> {
    pub(super) fn examine_script(&mut self, id: NodeId) {
        let head = match self.head(id, SHEBANG_BYTES_MAX) {
            Ok(head) => head,
            Err(error) => return self.note(id, &error),
        };
        let node = self.system.node(id);
        if !node.is_executable() || self.is_mere_library(id) {
            return;
        }
        let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line.get(2..).unwrap_or_default()).into_owned();
        let words: Vec<&str> = line.split_whitespace().collect();
        let reason = Reason::new(Cause::Shebang, &node.path);
        let interpreter = interpreter(&words);
        for program in words.first().into_iter().chain(interpreter.iter()) {
            self.keep_program(program, &reason);
        }
        if interpreter.or(words.first().copied()).is_some_and(is_shell) {
            self.examine_shell_script(id);
        }
    }

    /// Whether a file came with a library: many of its modules begin with a line that nobody starts them by.
    fn is_mere_library(&self, id: NodeId) -> bool {
        let is_library =
            |reason: &Reason| matches!(reason.cause, Cause::StandardLibrary | Cause::Distribution);
        self.kept.files.get(&id).is_some_and(|reasons| reasons.iter().all(is_library))
    }

    fn examine_shell_script(&mut self, id: NodeId) {
        let node = self.system.node(id);
        if node.size_bytes > SCRIPT_BYTES_MAX {
            return self.note(id, &"it is too long for a script");
        }
        match self.head(id, SCRIPT_BYTES_MAX) {
            Ok(bytes) => {
                let reason = Reason::new(Cause::Script, &node.path);
                self.add_script(&String::from_utf8_lossy(&bytes), &reason);
            }
            Err(error) => self.note(id, &error),
        }
    }

    /// Keeps the programs that a shell script runs, and the files that it names by their full paths.
    pub(super) fn add_script(&mut self, text: &str, reason: &Reason) {
        let script = Script::parse(text);
        if script.lost_at.is_some() {
            self.kept.notes.push(format!("a shell script is understood in part only ({reason})"));
        }
        for command in &script.commands {
            if let Some(program) = command.program() {
                self.keep_program(program, reason);
            }
            let texts: Vec<&str> = command.words.iter().filter_map(|word| word.text.as_deref()).collect();
            for text in texts.iter().filter(|text| text.starts_with('/')) {
                if self.system.file(text.as_bytes()).is_some() {
                    self.keep_path(text.as_bytes(), reason);
                }
            }
        }
    }
}

/// The program that `env` looks up.
fn interpreter<'w>(words: &[&'w str]) -> Option<&'w str> {
    let (first, rest) = words.split_first()?;
    let is_env = first.ends_with("/env");
    rest.iter().copied().find(|word| is_env && !word.starts_with('-') && !word.contains('='))
}

fn is_shell(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    matches!(name, "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh")
}
