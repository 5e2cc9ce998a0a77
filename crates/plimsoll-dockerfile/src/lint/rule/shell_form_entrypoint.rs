//! A shell stands between the container and its program.
//!
//! `ENTRYPOINT app` runs `/bin/sh -c app`: signals to stop end at the shell, arguments behind the image's name are lost, and
//! the image needs a shell. Write an array. A `CMD` in this form is told of where no entrypoint is; text that needs a shell
//! (variables, `&&`) can say so itself with `exec`.

use super::super::{Edit, Fix, Safety};
use crate::instruction::Keyword;
use crate::shell::Script;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "shell-form-entrypoint",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("shell_form_entrypoint.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    let entrypoint = subject.last_shipped(Keyword::Entrypoint);
    let last = entrypoint.or_else(|| subject.last_shipped(Keyword::Cmd));
    let Some((index, instruction)) = last else { return };
    let Some(text) = instruction.shell_text() else { return };
    let has_shell = subject.shipping().any(|(_, stage)| {
        subject.instructions(stage).any(|(at, other)| at < index && other.is(Keyword::Shell))
    });
    if has_shell || text.text.trim_start().starts_with("exec ") {
        return;
    }
    if text.text.starts_with('[') {
        let what = format!(
            "what `{}` is given looks like an array and is no JSON, so a shell runs it",
            instruction.name.text
        );
        found.push(
            Found::at(text.span, what)
                .help("JSON takes double quotes, commas between, and a bracket at the end"),
        );
        return;
    }
    let what = format!("`{}` runs in a shell, which does not pass signals on", instruction.name.text);
    let array = as_array(&text.text);
    let help = match &array {
        Some(array) => format!("write {array}"),
        None => "begin it with `exec`, or put it into a script that ends with `exec`".to_owned(),
    };
    let fix = array.map(|array| Fix {
        title: "write an array".to_owned(),
        safety: Safety::Suggested,
        edits: vec![Edit::replace(text.span, array)],
    });
    found.push(Found::at(instruction.span, what).help(help).fix(fix));
}

/// The words of a simple command as JSON; nothing where the shell does more than to part them.
fn as_array(text: &str) -> Option<String> {
    let script = Script::parse(text);
    let [command] = script.commands.as_slice() else { return None };
    let is_simple = script.lost_at.is_none()
        && !text.contains(['>', '<', '&', '|', ';', '*', '?', '~', '$', '`', '(', '=', '#']);
    let words: Option<Vec<String>> = command.words.iter().map(|word| word.text.clone()).collect();
    let words = words.filter(|_| is_simple)?;
    let quoted: Vec<String> = words.iter().filter_map(|word| serde_json::to_string(word).ok()).collect();
    Some(format!("[{}]", quoted.join(", ")))
}
