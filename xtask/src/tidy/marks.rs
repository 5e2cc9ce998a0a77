//! Nothing is left over: no mark of unfinished work, no test that does not run, no silenced lint without a reason.

use super::Problem;
use super::tree::{TextFile, Tree};

/// Words that say "not done". They are written apart so that this file passes its own check.
const MARKS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

/// Code that says "not done".
const CODE: &[(&str, &str)] = &[
    (concat!("to", "do!("), "write the code, or return an error that names what is not supported"),
    (concat!("un", "implemented!("), "write the code, or return an error that names what is not supported"),
    (concat!("#[ig", "nore"), "assert today's answer, or move the test to the slow ones"),
];

const ALLOW: [&str; 2] = [concat!("#[al", "low("), concat!("#![al", "low(")];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let written = tree.files.iter().filter(|file| file.is_rust() || file.is_script());
    written.flat_map(|file| lines_with_marks(file).into_iter().chain(silent_allows(file))).collect()
}

fn lines_with_marks(file: &TextFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let mark = MARKS.iter().find(|mark| holds_word(line, mark));
        let mark = mark.map(|mark| (*mark, "finish it, or write down in docs/decisions why not"));
        let code = CODE.iter().find(|(code, _)| line.contains(code)).copied();
        for (found, help) in mark.into_iter().chain(code) {
            let what = format!("`{found}` is left over");
            problems.push(Problem::in_file(&file.path, what, help).at_line(index + 1));
        }
    }
    problems
}

fn holds_word(line: &str, word: &str) -> bool {
    let is_part =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !is_part(before) && !is_part(after)
    })
}

fn silent_allows(file: &TextFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    for opening in ALLOW {
        for (start, _) in file.text.match_indices(opening) {
            let rest = &file.text[start..];
            let attribute = rest.split_inclusive(")]").next().unwrap_or(rest);
            if !attribute.contains("reason") {
                let line = file.text[..start].matches('\n').count() + 1;
                let what = "a lint is silenced without a reason";
                let help = "use `#[expect(…, reason = \"…\")]`, or mend what the lint found";
                problems.push(Problem::in_file(&file.path, what, help).at_line(line));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_found(path: &str, text: &str) -> Vec<Option<usize>> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn each_mark_is_found_where_it_stands() {
        for mark in MARKS {
            assert_eq!(lines_found("a.rs", &format!("fn a() {{}}\n// {mark}: later\n")), [Some(2)], "{mark}");
        }
        for (code, _) in CODE {
            assert_eq!(lines_found("a.rs", &format!("\n\n{code}")), [Some(3)], "{code}");
        }
    }

    #[test]
    fn a_mark_inside_a_word_is_none() {
        let text = format!("let {}_LIST = 1; // sha256:{}abc\n", MARKS[0], MARKS[2]);
        assert_eq!(lines_found("a.rs", &text), []);
    }

    #[test]
    fn scripts_are_read_and_prose_is_not() {
        let text = format!("#!/bin/sh\n# {}\n", MARKS[1]);
        assert_eq!(lines_found("scripts/run", &text), [Some(2)]);
        assert_eq!(lines_found("docs/style.md", MARKS[1]), []);
    }

    #[test]
    fn an_allow_gives_its_reason() {
        let silent = format!("fn a() {{}}\n{}dead_code)]\nfn b() {{}}\n", ALLOW[0]);
        assert_eq!(lines_found("a.rs", &silent), [Some(2)]);
        let explained = format!("{}\n    dead_code,\n    reason = \"read by the linker\"\n)]\n", ALLOW[1]);
        assert_eq!(lines_found("a.rs", &explained), []);
    }
}
