//! How long files and functions are: a report that never fails, since length is a question and not an answer.

use std::fmt::Write as _;

use super::tree::Tree;

const LONGEST_SHOWN: usize = 10;

/// Something with a length in lines.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Measured {
    place: String,
    lines: usize,
}

/// The report on product code: tests are not counted.
pub(super) fn report(tree: &Tree) -> String {
    let mut files = Vec::new();
    let mut functions = Vec::new();
    for file in tree.rust_files().filter(|file| !file.is_test()) {
        let text = file.product_text();
        files.push(Measured { place: file.path.display().to_string(), lines: text.lines().count() });
        functions.extend(functions_in(&file.path.display().to_string(), text));
    }
    format!("{}{}", section("file", files), section("function", functions))
}

fn section(noun: &str, mut measured: Vec<Measured>) -> String {
    measured.sort_by(|one, other| other.lines.cmp(&one.lines).then_with(|| one.place.cmp(&other.place)));
    let [median, ninetieth] = [50, 90].map(|percent| percentile(&measured, percent));
    let mut text = format!("{}s: {}; lines: median {median}, p90 {ninetieth}\n", noun, measured.len());
    for longest in measured.iter().take(LONGEST_SHOWN) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {:5} {}", longest.lines, longest.place);
    }
    text
}

/// The length that `percent` per cent of a list, sorted from the longest, do not exceed.
fn percentile(sorted: &[Measured], percent: usize) -> usize {
    let rank = (sorted.len() * (100 - percent)) / 100;
    sorted.get(rank).map_or(0, |measured| measured.lines)
}

/// Functions as rustfmt lays them out: the closing brace stands under the line that opens the item.
fn functions_in(place: &str, text: &str) -> Vec<Measured> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        if let Some(length) = lines[start..].iter().position(|line| ends_function(line, indent)) {
            functions.push(Measured { place: format!("{place}:{} {name}", start + 1), lines: length + 1 });
        }
    }
    functions
}

fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|word| {
        word.starts_with("pub")
            || matches!(*word, "const" | "async" | "unsafe" | "extern" | "crate)" | "super)")
    });
    (words.next()? == "fn").then_some(())?;
    words.next()?.split(['(', '<']).next()
}

/// Whether a function that begins at `indent` ends here: by its brace, on its own line, or without a body.
fn ends_function(line: &str, indent: usize) -> bool {
    let own_indent = line.len() - line.trim_start().len();
    own_indent == indent && (line.trim_end().ends_with('}') || line.trim_end().ends_with(';'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
impl A {
    pub(crate) async fn long<T>(
        a: T,
    ) -> T {
        if a {
            b
        }
    }

    fn short(&self) -> bool { true }
}

trait B {
    fn without_body(&self);
}
";

    #[test]
    fn functions_are_measured_from_signature_to_brace() {
        let found = functions_in("a.rs", SOURCE);
        let found: Vec<(&str, usize)> = found.iter().map(|f| (f.place.as_str(), f.lines)).collect();
        assert_eq!(found, [("a.rs:2 long", 7), ("a.rs:10 short", 1), ("a.rs:14 without_body", 1)]);
    }

    #[test]
    fn the_report_names_the_longest_first_and_leaves_tests_out() {
        let tree = Tree::of(&[
            ("crates/a/src/short.rs", "fn a() {\n}\n"),
            ("crates/a/src/long.rs", "fn b() {\n    c();\n}\n"),
            ("crates/a/tests/longest.rs", "fn d() {\n    c();\n    c();\n}\n"),
        ]);
        let report = report(&tree);
        assert!(
            report.starts_with("files: 2; lines: median 2, p90 3\n      3 crates/a/src/long.rs\n"),
            "{report}"
        );
        assert!(report.contains("functions: 2;") && !report.contains("longest.rs"), "{report}");
    }
}
