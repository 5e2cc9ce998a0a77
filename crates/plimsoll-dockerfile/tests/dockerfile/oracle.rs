//! The same reading by `github.com/moby/buildkit`. `scripts/need-peers` builds the program from `tests/go-oracle`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use plimsoll_dockerfile::ignore::IgnoreFile;
use plimsoll_dockerfile::instruction::{Arguments, Flag, Instruction};
use plimsoll_dockerfile::{Document, parse};
use plimsoll_peers::find_peer;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde::Deserialize;

use crate::fixtures::{fixtures, of_others};

pub(crate) struct Oracle {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    pub(crate) error: String,
    pub(crate) meaning: String,
    instructions: Option<Vec<Told>>,
    pub(crate) warnings: Option<Vec<Warning>>,
    pub(crate) lint_error: String,
    pub(crate) ignored: bool,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
struct Told {
    name: String,
    flags: Option<Vec<String>>,
    args: Option<Vec<String>>,
    json: bool,
    heredocs: Option<Vec<ToldHeredoc>>,
    start: usize,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
struct ToldHeredoc {
    name: String,
    content: String,
    expand: bool,
    chomp: bool,
    descriptor: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Warning {
    pub(crate) rule: String,
    pub(crate) line: usize,
}

impl Oracle {
    pub(crate) fn start() -> Option<Self> {
        let mut command = find_peer("dockerfile-oracle")?.command();
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (questions, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Some(Self { process, questions, answers: BufReader::new(answers) })
    }

    pub(crate) fn read(&mut self, source: &[u8]) -> Answer {
        self.ask(&base64_of(source))
    }

    pub(crate) fn ask(&mut self, question: &str) -> Answer {
        writeln!(self.questions, "{question}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn fixtures_are_read_as_buildkit_reads_them() {
    let Some(mut oracle) = Oracle::start() else { return };
    let fixtures = fixtures();
    assert!(fixtures.len() > 10);
    for (name, source) in fixtures {
        agree(&mut oracle, &name, &source);
    }
}

#[test]
fn dockerfiles_of_others_are_read_as_buildkit_reads_them() {
    let Some(mut oracle) = Oracle::start() else { return };
    let (mut files, mut accepted) = (0, 0);
    for (name, source) in of_others() {
        files += 1;
        accepted += usize::from(agree(&mut oracle, &name, &source));
    }
    println!("{files} files, {accepted} of them accepted by both");
}

/// Text like Dockerfiles, with most of what trips readers up. BuildKit takes some characters beyond ASCII apart where it
/// looks at bytes; those are not among them.
const PIECES: &[&str] = &[
    "FROM a\n",
    "FROM --platform=$X b AS c\n",
    "RUN ",
    "RUN --mount=type=cache,target=/x ",
    "COPY a b",
    "COPY --from=0 x y",
    "ENV a=b ",
    "ENV a b c",
    "LABEL \"x y\"=z",
    "ARG X=1 Y",
    "ONBUILD RUN x",
    "HEALTHCHECK --interval=3s CMD x",
    "USER x ",
    "HEALTHCHECK NONE",
    "SHELL [\"a\"]",
    "CMD [\"a\", \"b\\u00e9\"]",
    "CMD a ",
    "ENTRYPOINT [x]",
    "EXPOSE 80/tcp 1",
    "VOLUME [\"a\"]",
    "WORKDIR /a b",
    "MAINTAINER x",
    "STOPSIGNAL 9",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\\\n",
    "\\ \t\n",
    "`\n",
    "\\",
    "# c\n",
    " # check=skip=x\n",
    "# escape=`\n",
    "#\n",
    " ",
    "\t",
    "\u{3000}",
    "<<EOF",
    "<<-\"E F\"",
    "3<<'x'",
    "<< EOF",
    "EOF\n",
    "E F\n",
    "\tE F\n",
    "x\n",
    "[1]",
    "[",
    "]",
    "\"",
    "'",
    "${a:-b}",
    "${",
    "$a",
    "$(x)",
    "--x=\"y z\" ",
    "-- ",
    "b=c ",
    "x",
];

#[test]
fn texts_made_by_chance_are_read_as_buildkit_reads_them() {
    let Some(mut oracle) = Oracle::start() else { return };
    let mut runner = TestRunner::default();
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 1..25);
    let mut accepted = 0;
    for round in 0..4_000 {
        let pieces = pieces.new_tree(&mut runner).unwrap().current();
        let text = if round % 2 == 0 { pieces.concat() } else { format!("FROM a\n{}", pieces.join("\n")) };
        accepted += usize::from(agree(&mut oracle, &format!("{text:?}"), text.as_bytes()));
    }
    println!("4000 texts, {accepted} of them accepted by both");
}

/// Whether BuildKit accepts the file. Everything that it reads in it is read here; what it refuses is refused.
fn agree(oracle: &mut Oracle, name: &str, source: &[u8]) -> bool {
    let answer = oracle.read(source);
    let document = parse(source);
    assert_eq!(document.print(), source, "{name}");
    if !answer.error.is_empty() {
        // Go's scanner takes no line of 64 KiB; that is no error here.
        let is_refused = !document.errors().is_empty() || answer.error.contains("line greater than max");
        assert!(is_refused, "{name}: BuildKit says {}", answer.error);
        return false;
    }
    let mut told = answer.instructions.unwrap_or_default();
    told.iter_mut().for_each(|told| told.flags.take_if(|flags| flags.is_empty()).map_or((), drop));
    let read: Vec<Told> = document.instructions().iter().map(|i| as_told(i, &document)).collect();
    assert_eq!(read, told, "{name}");
    if answer.meaning.is_empty() {
        assert_eq!(document.errors(), [], "{name}");
    }
    answer.meaning.is_empty()
}

fn as_told(instruction: &Instruction, document: &Document) -> Told {
    let heredocs = instruction.heredocs.iter().map(|heredoc| ToldHeredoc {
        name: heredoc.delimiter.clone(),
        content: document.text(heredoc.body).into_owned(),
        expand: heredoc.is_expanded,
        chomp: heredoc.strips_tabs,
        descriptor: heredoc.descriptor,
    });
    Told {
        name: instruction.name.text.clone(),
        flags: some(instruction.flags.iter().map(flag).collect()),
        args: some(arguments(instruction)),
        json: instruction.arguments.is_json(),
        heredocs: some(heredocs.collect()),
        start: document.lines().line_of(instruction.span.start),
    }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn flag(flag: &Flag) -> String {
    match &flag.value {
        Some(value) => format!("--{}={value}", flag.name),
        None => format!("--{}", flag.name),
    }
}

fn arguments(instruction: &Instruction) -> Vec<String> {
    if instruction.keyword.is_none() {
        return vec![String::new()];
    }
    of(&instruction.arguments)
}

fn of(arguments_: &Arguments) -> Vec<String> {
    match arguments_ {
        Arguments::None => Vec::new(),
        Arguments::Words(words) | Arguments::Json(words) => {
            words.iter().map(|word| word.text.clone()).collect()
        }
        Arguments::Text(word) => vec![word.text.clone()],
        Arguments::Pairs(pairs) => pairs
            .iter()
            .flat_map(|pair| {
                let sign = if pair.has_equals { "=" } else { "" };
                [pair.name.text.clone(), pair.value.text.clone(), sign.to_owned()]
            })
            .collect(),
        Arguments::Healthcheck(kind, command) => [vec![kind.text.clone()], of(command)].concat(),
        Arguments::Trigger(inner) => {
            let flags = inner.flags.iter().map(flag).collect();
            [vec![inner.name.text.clone()], flags, arguments(inner)].concat()
        }
    }
}

pub(crate) fn base64_of(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = (0..3).fold(0, |number, at| number << 8 | u32::from(*chunk.get(at).unwrap_or(&0)));
        for at in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// Pieces of patterns and paths.
const PATTERN_PIECES: &[&str] = &[
    "a", "b", ".md", "/", "/", "*", "**", "**/", "?", "[ab]", "[^a]", "\\*", "!", "..", ".", "\n", "\n!",
    "#", " ",
];

#[test]
fn patterns_made_by_chance_ignore_what_docker_ignores() {
    let Some(mut oracle) = Oracle::start() else { return };
    let mut runner = TestRunner::default();
    let pattern = prop::collection::vec(prop::sample::select(PATTERN_PIECES), 1..10);
    let path = prop::collection::vec(prop::sample::select(&["a", "b", ".md", "/", "/", "*"][..]), 1..8);
    let mut ignored = 0;
    for _ in 0..5_000 {
        let patterns = pattern.new_tree(&mut runner).unwrap().current().concat();
        let path = path.new_tree(&mut runner).unwrap().current().concat();
        let path = path.trim_start_matches('/');
        if path.is_empty() {
            continue;
        }
        let answer =
            oracle.ask(&format!("{} {}", base64_of(patterns.as_bytes()), base64_of(path.as_bytes())));
        match IgnoreFile::parse(patterns.as_bytes()) {
            Ok(file) if answer.error.is_empty() => {
                assert_eq!(file.ignores(path), answer.ignored, "{patterns:?} {path:?}");
                ignored += usize::from(answer.ignored);
            }
            Ok(_) => panic!("{patterns:?}: Docker says {}", answer.error),
            Err(error) => assert!(!answer.error.is_empty(), "{patterns:?}: {error}"),
        }
    }
    println!("{ignored} of 5000 ignored by both");
}
