//! The shell inside `RUN`: its commands, with their words, as far as they can be told without running it.
//!
//! It is read for rules that look for known programs, not to be run: what is not understood is left out and said so.

mod reader;

use std::ops::Range;

/// Longest script that is read.
pub const SCRIPT_BYTES_MAX: usize = 1 << 20;
/// Most commands of a script that are read.
pub const COMMANDS_MAX: usize = 2_000;

/// The commands of a script, in the order of the text, those of substitutions and functions among them.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The commands.
    pub commands: Vec<Command>,
    /// Where it stops to make sense, if it does: an open quote or bracket, or nesting without end.
    pub lost_at: Option<usize>,
}

/// One program with its arguments.
#[derive(Clone, Debug, Default)]
pub struct Command {
    /// Its words, without assignments and redirections.
    pub words: Vec<ShellWord>,
    /// How it follows the one before.
    pub joint: Joint,
    /// Whether its output goes into the next.
    pub is_piped: bool,
    /// Where it stands in the script.
    pub range: Range<usize>,
}

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellWord {
    /// What it is, where that is the same whenever it runs.
    pub text: Option<String>,
    /// As it is written, or what a variable put there.
    pub written: String,
    /// Where it stands in the script.
    pub range: Range<usize>,
}

/// How a command follows another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Joint {
    /// It is the first, or comes whatever the one before did.
    #[default]
    Next,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `|`
    Pipe,
}

impl Script {
    /// Reads a script.
    pub fn parse(text: &str) -> Self {
        if text.len() > SCRIPT_BYTES_MAX {
            return Self { commands: Vec::new(), lost_at: Some(0) };
        }
        reader::read(text)
    }

    /// The commands of a program, such as `apt-get`; wrappers such as `sudo` and `env` are looked through.
    pub fn of_program<'s>(&'s self, program: &'s str) -> impl Iterator<Item = &'s Command> {
        self.commands.iter().filter(move |command| command.program() == Some(program))
    }
}

/// Programs that run the program after them.
const WRAPPERS: &[&str] = &["sudo", "env", "exec", "time", "nice", "command", "eatmydata", "busybox"];

impl Command {
    /// The program, without its directory.
    pub fn program(&self) -> Option<&str> {
        let path = self.arguments_from(0).next()?.text.as_deref()?;
        Some(path.rsplit('/').next().unwrap_or(path))
    }

    /// The words after the program.
    pub fn arguments(&self) -> impl Iterator<Item = &ShellWord> {
        self.arguments_from(1)
    }

    /// The words after the program that are no options, such as `install`.
    pub fn operands(&self) -> impl Iterator<Item = &ShellWord> {
        self.arguments().filter(|word| !word.written.starts_with('-'))
    }

    /// Whether its first operand is this, as in `apt-get install`.
    pub fn does(&self, action: &str) -> bool {
        self.operands().next().is_some_and(|word| word.is(action))
    }

    /// Whether one of its words is this.
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|own| own.is(word))
    }

    fn arguments_from(&self, count: usize) -> impl Iterator<Item = &ShellWord> {
        let is_wrapper = |word: &ShellWord| word.text.as_deref().is_some_and(|text| WRAPPERS.contains(&text));
        let is_setting =
            |word: &ShellWord| word.written.split_once('=').is_some_and(|(name, _)| is_name(name));
        let mut wrapped = self.words.iter().peekable();
        let mut is_behind_wrapper = false;
        while wrapped.peek().is_some_and(|word| {
            is_wrapper(word) || (is_behind_wrapper && (is_setting(word) || word.written.starts_with('-')))
        }) {
            is_behind_wrapper = true;
            wrapped.next();
        }
        wrapped.skip(count)
    }
}

impl ShellWord {
    /// Whether it is this text.
    pub fn is(&self, text: &str) -> bool {
        self.text.as_deref() == Some(text)
    }
}

/// Whether a variable can be called so.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(script: &str) -> Vec<Vec<String>> {
        let script = Script::parse(script);
        assert_eq!(script.lost_at, None);
        let words = |command: &Command| command.words.iter().map(|word| word.written.clone()).collect();
        script.commands.iter().map(words).collect()
    }

    #[test]
    fn lists_pipes_and_groups_are_taken_apart() {
        assert_eq!(
            written("set -eux; apt-get update && (cd /x || exit 1) | tee 'a b' >/dev/null 2>&1 & wait"),
            [
                vec!["set", "-eux"],
                vec!["apt-get", "update"],
                vec!["cd", "/x"],
                vec!["exit", "1"],
                vec!["tee", "a b"],
                vec!["wait"]
            ]
        );
    }

    #[test]
    fn compound_commands_are_looked_into() {
        assert_eq!(
            written(
                "if [ -f a ]; then rm a; else for f in b c; do cat \"$f\"; done; fi; case $x in a|b) one;; *) two ;; esac"
            ),
            [vec!["[", "-f", "a", "]"], vec!["rm", "a"], vec!["cat", "$f"], vec!["one"], vec!["two"]]
        );
    }

    #[test]
    fn a_variable_with_a_known_value_becomes_its_words() {
        let script =
            Script::parse("buildDeps='gcc libc6-dev'; V=1; apt-get install -y $buildDeps \"x=$V\" $other");
        let texts: Vec<Option<&str>> =
            script.commands[0].words.iter().map(|word| word.text.as_deref()).collect();
        assert_eq!(
            texts,
            [Some("apt-get"), Some("install"), Some("-y"), Some("gcc"), Some("libc6-dev"), Some("x=1"), None]
        );
    }

    #[test]
    fn substitutions_are_commands_too() {
        assert_eq!(
            written("x=$(curl -s \"https://a/$(uname -m)\"); echo `date` # no comment"),
            [
                vec!["curl", "-s", "https://a/$(uname -m)"],
                vec!["uname", "-m"],
                vec!["echo", "`date`"],
                vec!["date"],
            ]
        );
    }

    #[test]
    fn wrappers_are_looked_through() {
        let script = Script::parse("sudo -E DEBIAN_FRONTEND=x /usr/bin/apt-get install y; env A=b make");
        let programs: Vec<Option<&str>> = script.commands.iter().map(Command::program).collect();
        assert_eq!(programs, [Some("apt-get"), Some("make")]);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        assert!(Script::parse("echo 'a").lost_at.is_some());
        assert!(Script::parse(&"$(".repeat(10_000)).lost_at.is_some());
        assert!(Script::parse(&"(".repeat(100_000)).lost_at.is_none());
    }
}
