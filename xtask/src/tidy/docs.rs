//! Each crate says in one sentence what it is for, and the map of the house stays short.

use std::path::Path;

use super::Problem;
use super::packages::Package;
use super::tree::Tree;

const MAP_LINES_MAX: usize = 150;

pub(super) fn check(tree: &Tree, packages: &[Package]) -> Vec<Problem> {
    let mut problems: Vec<Problem> =
        packages.iter().filter_map(|package| check_crate(tree, package)).collect();
    problems.extend(check_map(tree));
    problems
}

fn check_crate(tree: &Tree, package: &Package) -> Option<Problem> {
    let source = package.directory.join("src");
    let (path, text) = ["lib.rs", "main.rs"].iter().find_map(|name| {
        let path = source.join(name);
        tree.text_of(&path).map(|text| (path, text))
    })?;
    let opening = first_paragraph(text);
    let what = if opening.is_empty() {
        "the crate does not say what it is for"
    } else if !is_one_sentence(&opening) {
        "the crate's first paragraph is not one sentence"
    } else {
        return None;
    };
    Some(
        Problem::in_file(path, what, "begin the file with `//!` and one sentence, then a blank `//!` line")
            .at_line(1),
    )
}

/// The first paragraph of the crate's documentation, which begins in the first line of the file.
fn first_paragraph(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//! "));
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}

fn is_one_sentence(paragraph: &str) -> bool {
    let ends = |pair: &[char]| matches!(pair, ['.' | '!' | '?', ' ', next] if next.is_uppercase());
    let letters: Vec<char> = paragraph.chars().collect();
    paragraph.ends_with('.') && !letters.windows(3).any(ends)
}

fn check_map(tree: &Tree) -> Option<Problem> {
    let path = Path::new("ARCHITECTURE.md");
    let Some(text) = tree.text_of(path) else {
        return Some(Problem::in_file(path, "the map of the house is missing", "write it, true to the code"));
    };
    let lines = text.lines().count();
    (lines > MAP_LINES_MAX).then(|| {
        let what = format!("{lines} lines, more than the {MAP_LINES_MAX} that people read");
        Problem::in_file(path, what, "move reasons to docs/decisions and details to the crates")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(lib: &str) -> Vec<String> {
        let package = Package { name: "a".to_owned(), directory: "crates/a".into(), ..Package::default() };
        let tree = Tree::of(&[("crates/a/src/lib.rs", lib), ("ARCHITECTURE.md", "# Map\n")]);
        check(&tree, &[package]).into_iter().map(|problem| problem.what).collect()
    }

    #[test]
    fn one_sentence_may_be_broken_over_lines() {
        assert_eq!(
            whats("//! Where images come from\n//! and go to, e.g. registries.\n//!\n//! More. Text.\n"),
            [""; 0]
        );
    }

    #[test]
    fn a_crate_without_docs_is_found() {
        let found = ["the crate does not say what it is for"];
        assert_eq!(whats("use std::fmt;\n"), found);
        assert_eq!(whats("\n//! Too late.\n"), found);
    }

    #[test]
    fn two_sentences_are_one_too_many() {
        let found = ["the crate's first paragraph is not one sentence"];
        assert_eq!(whats("//! Keeps blobs. Also sends them.\n"), found);
        assert_eq!(whats("//! Keeps blobs\n"), found);
    }

    #[test]
    fn the_map_is_there_and_short() {
        assert_eq!(check(&Tree::of(&[]), &[]).len(), 1);
        assert_eq!(check(&Tree::of(&[("ARCHITECTURE.md", &"line\n".repeat(150))]), &[]), []);
        let problems = check(&Tree::of(&[("ARCHITECTURE.md", &"line\n".repeat(151))]), &[]);
        assert_eq!(problems[0].what, "151 lines, more than the 150 that people read");
    }
}
