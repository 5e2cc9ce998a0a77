//! What an instruction may not be given (`BuildKit`'s `frontend/dockerfile/instructions`).

use std::collections::BTreeSet;

use super::mount::fields;
use crate::document::SyntaxError;
use crate::instruction::{Arguments, Flag, Instruction, Keyword};
use crate::span::Span;

/// The options of an instruction: with a value, on or off, and with a value several times.
struct Options {
    valued: &'static [&'static str],
    switches: &'static [&'static str],
    repeated: &'static [&'static str],
}

const NO_OPTIONS: Options = Options { valued: &[], switches: &[], repeated: &[] };

/// Adds what is wrong with an instruction, as far as it can be told without the rest of the file.
pub(super) fn check(instruction: &Instruction, errors: &mut Vec<SyntaxError>) {
    let found = problems(instruction);
    errors.extend(found.into_iter().map(|(message, span)| SyntaxError { message, span }));
    if let Arguments::Trigger(inner) = &instruction.arguments {
        check(inner, errors);
    }
}

type Problem = (String, Span);

fn problems(instruction: &Instruction) -> Vec<Problem> {
    let Some(keyword) = instruction.keyword else {
        let what = format!("there is no instruction `{}`", instruction.name.text);
        return vec![(what, instruction.name.span)];
    };
    let mut problems = flag_problems(keyword, instruction);
    let wrong = |what: &str| Some((format!("{} {what}", keyword.name()), instruction.span));
    let count = instruction.words().len();
    problems.extend(match keyword {
        Keyword::Add | Keyword::Copy if count < 2 => wrong("takes at least one source and a destination"),
        Keyword::Arg | Keyword::Expose | Keyword::Volume if count == 0 => {
            wrong("takes at least one argument")
        }
        Keyword::Maintainer | Keyword::Stopsignal | Keyword::User | Keyword::Workdir if count == 0 => {
            wrong("takes one argument")
        }
        Keyword::Env | Keyword::Label => pair_problem(instruction).and_then(wrong),
        Keyword::From => from_problem(instruction),
        Keyword::Healthcheck => health_problem(instruction).and_then(wrong),
        Keyword::Onbuild => trigger_problem(instruction).and_then(wrong),
        Keyword::Shell if !matches!(&instruction.arguments, Arguments::Json(words) if !words.is_empty()) => {
            wrong("takes a JSON array, such as [\"/bin/sh\", \"-c\"]")
        }
        Keyword::Arg if instruction.declared().any(|(name, ..)| name.is_empty()) => wrong("declares no name"),
        Keyword::Volume if instruction.words().iter().any(|word| word.text.trim().is_empty()) => {
            wrong("takes no empty path")
        }
        _ => None,
    });
    problems
}

fn pair_problem(instruction: &Instruction) -> Option<&'static str> {
    match &instruction.arguments {
        Arguments::Pairs(pairs) if pairs.iter().any(|pair| pair.name.text.is_empty()) => {
            Some("gives a value without a name")
        }
        Arguments::Pairs(_) => None,
        _ => Some("takes at least one name with a value"),
    }
}

fn from_problem(instruction: &Instruction) -> Option<Problem> {
    let words = instruction.words();
    match words {
        [_] => None,
        [_, between, name] if between.text.eq_ignore_ascii_case("as") => {
            (!is_stage_name(&name.text.to_lowercase())).then(|| {
                let what = format!(
                    "`{}` cannot name a stage: a letter comes first, then letters, digits, `-`, `_` and `.`",
                    name.text
                );
                (what, name.span)
            })
        }
        _ => Some(("FROM takes an image, or an image `AS` a name".to_owned(), instruction.span)),
    }
}

fn is_stage_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.'))
}

fn health_problem(instruction: &Instruction) -> Option<&'static str> {
    let Arguments::Healthcheck(kind, command) = &instruction.arguments else {
        return Some("takes CMD with a command, or NONE");
    };
    let has_command = match command.as_ref() {
        Arguments::Json(words) => !words.is_empty(),
        Arguments::Text(_) => true,
        _ => false,
    };
    match kind.text.to_ascii_uppercase().as_str() {
        "NONE" => has_command.then_some("NONE takes no arguments"),
        "CMD" => (!has_command).then_some("CMD has no command"),
        _ => Some("takes CMD with a command, or NONE"),
    }
}

fn trigger_problem(instruction: &Instruction) -> Option<&'static str> {
    let Arguments::Trigger(inner) = &instruction.arguments else { return Some("takes an instruction") };
    match inner.keyword {
        Some(Keyword::Onbuild) => Some("cannot hold another ONBUILD"),
        Some(Keyword::From | Keyword::Maintainer) => Some("cannot hold FROM or MAINTAINER"),
        _ => None,
    }
}

fn options(keyword: Keyword, instruction: &Instruction) -> Options {
    match keyword {
        Keyword::Add => Options {
            valued: &["chown", "chmod", "checksum"],
            switches: &["link", "keep-git-dir", "unpack"],
            repeated: &["exclude"],
        },
        Keyword::Copy => Options {
            valued: &["chown", "chmod", "from"],
            switches: &["link", "parents"],
            repeated: &["exclude"],
        },
        Keyword::From => Options { valued: &["platform"], ..NO_OPTIONS },
        Keyword::Healthcheck if !is_none(instruction) => Options {
            valued: &["interval", "timeout", "start-period", "start-interval", "retries"],
            ..NO_OPTIONS
        },
        Keyword::Run => {
            Options { valued: &["network", "security"], switches: &[], repeated: &["mount", "device"] }
        }
        _ => NO_OPTIONS,
    }
}

fn is_none(instruction: &Instruction) -> bool {
    matches!(&instruction.arguments, Arguments::Healthcheck(kind, _) if kind.text.eq_ignore_ascii_case("none"))
}

fn flag_problems(keyword: Keyword, instruction: &Instruction) -> Vec<Problem> {
    // These take no options, and do not look whether they are given any.
    let is_blind = matches!(keyword, Keyword::Arg | Keyword::Stopsignal)
        || (keyword == Keyword::Healthcheck && is_none(instruction));
    if is_blind {
        return Vec::new();
    }
    let options = options(keyword, instruction);
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut problems = Vec::new();
    for flag in &instruction.flags {
        if let Some(what) = flag_problem(keyword, &options, &seen, flag) {
            problems.push((what, flag.span));
        }
        seen.insert(&flag.name);
    }
    problems
}

fn flag_problem(keyword: Keyword, options: &Options, seen: &BTreeSet<&str>, flag: &Flag) -> Option<String> {
    let name = flag.name.as_str();
    let is_switch = options.switches.contains(&name);
    let is_repeated = options.repeated.contains(&name);
    if !is_switch && !is_repeated && !options.valued.contains(&name) {
        return Some(format!("{} has no option `--{name}`", keyword.name()));
    }
    if seen.contains(name) && !is_repeated {
        return Some(format!("`--{name}` is given twice"));
    }
    let value = flag.value.as_deref();
    if is_switch {
        let is_known =
            value.is_none_or(|value| ["true", "false"].iter().any(|v| v.eq_ignore_ascii_case(value)));
        return (!is_known).then(|| format!("`--{name}` is `true` or `false`"));
    }
    let Some(value) = value else { return Some(format!("`--{name}` has no value")) };
    match name {
        "network" if !matches!(value, "default" | "none" | "host") => {
            Some(format!("`{value}` is no network: `default`, `none` and `host` are"))
        }
        "security" if !matches!(value, "sandbox" | "insecure") => {
            Some(format!("`{value}` is no security mode: `sandbox` and `insecure` are"))
        }
        "mount" => mount_problem(value),
        "interval" | "timeout" | "start-period" | "start-interval" if !is_duration(value) => {
            Some(format!("`{value}` is no duration, such as `30s` or `1m30s`"))
        }
        "retries" if !(value.is_empty() || value.parse::<i32>().is_ok_and(|count| count >= 0)) => {
            Some(format!("`{value}` is no number of retries"))
        }
        _ => None,
    }
}

fn mount_problem(value: &str) -> Option<String> {
    let Some(fields) = fields(value) else {
        return Some("a quote in `--mount` is out of place".to_owned());
    };
    let from = fields.iter().find_map(|field| {
        field.split_once('=').filter(|(key, _)| key.eq_ignore_ascii_case("from")).map(|(_, value)| value)
    })?;
    let has_variable = from.find('$').is_some_and(|at| at + 1 != from.len());
    has_variable.then(|| "`from` of a mount takes no variable: make a stage of the image first".to_owned())
}

/// A duration as Go writes it: numbers with units, such as `1h30m` or `1.5s`. Less than a millisecond is none.
fn is_duration(text: &str) -> bool {
    let text = text.strip_prefix('+').unwrap_or(text);
    if matches!(text, "" | "0" | "-0") {
        return true;
    }
    let mut rest = text;
    let mut milliseconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits).unwrap_or_default();
        let unit_length = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(unit_length).unwrap_or_default();
        let (Ok(number), Some(unit)) = (number.parse::<f64>(), unit_milliseconds(unit)) else { return false };
        milliseconds += number * unit;
        rest = next;
    }
    milliseconds == 0.0 || milliseconds >= 1.0
}

fn unit_milliseconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-6,
        "us" | "µs" | "μs" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 6e4,
        "h" => 3.6e6,
        _ => return None,
    })
}
