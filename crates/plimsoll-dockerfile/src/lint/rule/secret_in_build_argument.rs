//! A secret is given to the build by `ARG` or `ENV`, and used.
//!
//! What an `ARG` holds is written into the image's history by every `RUN` behind it, and what `ENV` holds is in the config:
//! anybody who can pull the image reads it. It is told where a name says that it is a secret *and* a command of a stage that
//! ends in the image uses it. A name that nothing uses is no finding.

use crate::instruction::Keyword;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "secret-in-build-argument",
    severity: Severity::Error,
    is_default: true,
    source: include_str!("secret_in_build_argument.rs"),
    check,
};

/// Most names that are looked for.
const NAMES_MAX: usize = 100;
const WORDS: &[&str] = &["TOKEN", "PASSWORD", "PASSWD", "SECRET", "APIKEY", "CREDENTIAL", "CREDENTIALS"];
const NOT_SECRET: &[&str] = &["FILE", "PATH", "PUBLIC", "ID", "URL", "VERSION", "NAME", "DIR"];

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    for (_, stage) in subject.shipping() {
        let declared = subject.instructions(stage).flat_map(|(index, instruction)| {
            let arguments = instruction.declared().map(|(name, _, span)| (name.to_owned(), span));
            let variables = instruction.pairs().iter().filter(|_| instruction.is(Keyword::Env));
            let variables = variables.filter(|pair| !pair.value.text.trim_matches(['"', '\'']).is_empty());
            let variables =
                variables.map(|pair| (pair.name.text.clone(), pair.name.span.joined(pair.value.span)));
            let names: Vec<_> = arguments.chain(variables).collect();
            names.into_iter().map(move |(name, span)| (index, name, span))
        });
        for (index, name, span) in declared.filter(|(_, name, _)| is_secret(name)).take(NAMES_MAX) {
            let used = subject
                .runs_of(stage)
                .find(|run| run.index > index && uses(&subject.document.text(run.instruction.span), &name));
            if let Some(run) = used {
                let line = subject.document.position(run.instruction.span.start).line;
                let what = format!("what `{name}` holds can be read from the image: line {line} uses it");
                let help = format!(
                    "`RUN --mount=type=secret,id={},env={name} …` leaves no trace",
                    name.to_lowercase()
                );
                found.push(Found::at(span, what).help(help));
            }
        }
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    let words: Vec<&str> = name.split('_').collect();
    let is_key = name.ends_with("API_KEY") || name.ends_with("PRIVATE_KEY") || name.ends_with("ACCESS_KEY");
    (is_key || words.iter().any(|word| WORDS.contains(word)))
        && !words.last().is_some_and(|last| NOT_SECRET.contains(last))
}

fn uses(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let after = text.get(at + name.len()..).unwrap_or_default();
        let ends = !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        ends && (before.ends_with('$') || before.ends_with("${"))
    })
}
