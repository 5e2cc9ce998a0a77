//! Any bytes are read, and print back the same.

use plimsoll_dockerfile::lint::{LintOptions, Profile, apply, lint};
use plimsoll_dockerfile::{Document, instruction::Instruction, parse};
use proptest::prelude::*;

/// The parts lie end to end over the file, and every instruction's text is where it says.
fn holds(document: &Document) {
    let mut at = 0;
    for part in document.parts() {
        assert_eq!(part.span.start, at, "{part:?}");
        assert!(part.span.end > at, "{part:?}");
        at = part.span.end;
    }
    assert_eq!(at, document.source().len());
    assert_eq!(document.print(), document.source());
    let mut before = 0;
    for instruction in document.instructions() {
        assert!(instruction.span.start >= before, "{instruction:?}");
        before = instruction.span.end;
        within(instruction, document);
    }
    for error in document.errors() {
        assert!(error.span.end <= document.source().len(), "{error:?}");
    }
}

fn within(instruction: &Instruction, document: &Document) {
    assert!(instruction.span.end <= document.source().len());
    let spans = instruction
        .flags
        .iter()
        .map(|flag| flag.span)
        .chain(instruction.words().iter().map(|word| word.span))
        .chain(instruction.pairs().iter().flat_map(|pair| [pair.name.span, pair.value.span]))
        .chain(instruction.heredocs.iter().flat_map(|heredoc| [heredoc.named, heredoc.body]));
    for span in spans {
        assert!(
            span.start >= instruction.span.start && span.end <= instruction.span.end,
            "{span:?} {instruction:?}"
        );
    }
}

/// Pieces of which Dockerfiles and their traps are made.
const PIECES: &[&str] = &[
    "FROM ",
    "from a",
    "RUN ",
    "COPY --from=0 ",
    "ENV a=b",
    "ARG X",
    "ONBUILD ",
    "HEALTHCHECK CMD ",
    "SHELL ",
    "\n",
    "\r\n",
    "\r",
    "\\\n",
    "\\ \t\n",
    "`\n",
    "\\",
    "`",
    "# c\n",
    "#escape=`\n",
    "# syntax=x\n",
    " ",
    "\t",
    "\u{a0}",
    "<<EOF",
    "<<-\"E F\"",
    "3<<'x'",
    "EOF\n",
    "E F\n",
    "\tE F\n",
    "x\n",
    "[\"a\", \"b\\u00e9\"]",
    "[1]",
    "[",
    "]",
    "\"",
    "'",
    "${a:-b}",
    "${",
    "$a",
    "--mount=type=bind,from=x ",
    "--",
    "--x=\"y",
    "ü",
    "\u{feff}",
    "AS ",
    "b=c ",
    "<<",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_print_back_the_same(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        holds(&parse(bytes));
    }

    #[test]
    fn anything_like_a_dockerfile_prints_back_the_same(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60),
    ) {
        holds(&parse(pieces.concat()));
    }
}

#[test]
fn one_bad_line_hides_nothing() {
    let document = parse("FROM a\nFORM b\nENV x\nRUN <<EOF\nnever ended\nUSER c\nRUN [1]\n");
    let names: Vec<&str> = document.instructions().iter().map(|i| i.name.text.as_str()).collect();
    assert_eq!(names, ["FROM", "FORM", "ENV", "RUN", "USER", "RUN"]);
    let lines: Vec<usize> = document.errors().iter().map(|e| document.position(e.span.start).line).collect();
    assert_eq!(lines, [2, 3, 4, 7]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn anything_like_a_dockerfile_can_be_judged_and_changed(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60),
    ) {
        let source = pieces.concat().into_bytes();
        for profile in [Profile::Plimsoll, Profile::Buildkit] {
            let options = LintOptions { profile, ..LintOptions::default() };
            let document = parse(source.clone());
            let findings = lint(&document, options).findings;
            for finding in &findings {
                assert!(finding.span.end <= source.len(), "{finding:?}");
            }
            let fixes = findings.iter().filter_map(|finding| finding.fix.as_ref());
            holds(&parse(apply(&source, fixes).0));
        }
    }
}
