//! BuildKit's 22 checks: here and by BuildKit itself.

use std::collections::BTreeSet;

use plimsoll_dockerfile::ignore::IgnoreFile;
use plimsoll_dockerfile::lint::{Context, LintOptions, Profile, lint};
use plimsoll_dockerfile::parse;

use crate::fixtures::{fixtures, of_others};
use crate::oracle::Oracle;

type Verdicts = BTreeSet<(String, usize)>;

/// What BuildKit says; nothing where it ends with an error. It asks about images that nobody can ask for here.
fn theirs(oracle: &mut Oracle, source: &[u8]) -> Option<Verdicts> {
    let answer = oracle.read(source);
    let is_judged = answer.error.is_empty() && answer.meaning.is_empty() && answer.lint_error.is_empty();
    let warnings = answer.warnings.filter(|_| is_judged).or_else(|| is_judged.then(Vec::new))?;
    let asked = warnings.into_iter().filter(|warning| warning.rule != "InvalidBaseImagePlatform");
    Some(asked.map(|warning| (warning.rule, warning.line)).collect())
}

fn ours(source: &[u8]) -> Verdicts {
    let document = parse(source);
    let options = LintOptions { profile: Profile::Buildkit, ..LintOptions::default() };
    let findings = lint(&document, options).findings;
    let place = |span: plimsoll_dockerfile::Span, rule: &str| {
        let mut instructions = document.instructions().iter().filter(|i| i.span.start <= span.start);
        match instructions.next_back().filter(|_| rule == "NoEmptyContinuation") {
            // BuildKit tells the line at which it has read the whole instruction.
            Some(instruction) => document.lines().line_of(instruction.span.end.max(1) - 1),
            None => document.position(span.start).line,
        }
    };
    findings.iter().map(|f| (f.rule.to_owned(), place(f.span, f.rule))).collect()
}

#[test]
fn the_checks_of_fixtures_are_those_of_buildkit() {
    let Some(mut oracle) = Oracle::start() else { return };
    let mut seen = BTreeSet::new();
    for (name, source) in fixtures() {
        let Some(theirs) = theirs(&mut oracle, &source) else { continue };
        assert_eq!(ours(&source), theirs, "{name}");
        seen.extend(theirs.into_iter().map(|(rule, _)| rule));
    }
    // The others need an image, a directory, or end the build.
    assert_eq!(seen.len(), 19, "{seen:?}");
}

#[test]
fn a_base_that_is_none_without_arguments_is_told_before_the_build_ends() {
    let Some(mut oracle) = Oracle::start() else { return };
    let source = include_bytes!("../fixtures/bad-default");
    let verdict = ("InvalidDefaultArgInFrom".to_owned(), 2);
    let answer = oracle.read(source);
    assert!(!answer.lint_error.is_empty());
    let theirs = answer.warnings.unwrap_or_default().into_iter().map(|warning| (warning.rule, warning.line));
    assert!(theirs.into_iter().any(|theirs| theirs == verdict));
    assert!(ours(source).contains(&verdict));
}

#[test]
fn what_the_ignore_file_leaves_out_cannot_be_copied() {
    let found = |patterns: &[u8]| {
        let ignore = IgnoreFile::parse(patterns).unwrap();
        let context = Context { ignore: Some(ignore), ..Context::default() };
        let options =
            LintOptions { profile: Profile::Buildkit, context: Some(&context), ..LintOptions::default() };
        let document = parse("FROM a\nCOPY a/b.md /x\nADD c /x\nCOPY --from=x a /\nCOPY . /y\n");
        let findings = lint(&document, options).findings;
        let copies = findings.iter().filter(|finding| finding.rule == "CopyIgnoredFile");
        copies.map(|finding| document.position(finding.span.start).line).collect::<Vec<_>>()
    };
    assert_eq!(found(b"**/*.md\nc"), [2, 3]);
    assert_eq!(found(b"*"), [2, 3, 5]);
    // Where something is taken back, BuildKit says nothing either.
    assert_eq!(found(b"*\n!a"), Vec::<usize>::new());
}

#[test]
fn the_checks_of_files_of_others_are_those_of_buildkit() {
    let Some(mut oracle) = Oracle::start() else { return };
    let (mut judged, mut verdicts, mut differing) = (0, 0, Vec::new());
    for (name, source) in of_others() {
        let Some(theirs) = theirs(&mut oracle, &source) else { continue };
        judged += 1;
        verdicts += theirs.len();
        let ours = ours(&source);
        if ours != theirs {
            let only_theirs: Vec<_> = theirs.difference(&ours).collect();
            let only_ours: Vec<_> = ours.difference(&theirs).collect();
            differing.push(format!("{name}: theirs {only_theirs:?}, ours {only_ours:?}"));
        }
    }
    println!("{judged} files, {verdicts} verdicts, {} files differ", differing.len());
    assert!(differing.is_empty(), "{differing:#?}");
}
