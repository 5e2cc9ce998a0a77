//! The part of a page that a command writes anew, between its marks.

use std::fs;
use std::path::Path;

/// Puts `section` between the marks in the file, or at its end when it has none.
pub(super) fn write(path: &Path, command: &str, section: &str) -> anyhow::Result<()> {
    let before = if path.exists() { fs::read_to_string(path)? } else { "# Benchmarks\n".to_owned() };
    fs::write(path, with_section(&before, command, section))?;
    Ok(())
}

fn with_section(text: &str, command: &str, section: &str) -> String {
    let [begin, end] = ["begin", "end"].map(|which| format!("<!-- bench:{command} {which} -->"));
    let marked = format!("{begin}\n{}\n{end}", section.trim_end());
    let place = text.find(&begin).zip(text.find(&end)).filter(|(begin, end)| begin < end);
    match place {
        Some((from, to)) => format!("{}{marked}{}", &text[..from], &text[to + end.len()..]),
        None => format!("{}\n\n{marked}\n", text.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_report_takes_the_place_of_the_first() {
        let once = with_section("# Benchmarks\n\nProse.\n", "registry", "first");
        let twice = with_section(&format!("{once}\nMore prose.\n"), "registry", "second");
        assert!(twice.starts_with("# Benchmarks\n\nProse.\n\n"), "{twice}");
        assert!(twice.contains("second") && !twice.contains("first"), "{twice}");
        assert!(twice.ends_with("\nMore prose.\n"), "{twice}");
    }

    #[test]
    fn commands_leave_each_others_part_alone() {
        let one = with_section("# Benchmarks\n", "registry", "first");
        let both = with_section(&one, "scan", "other");
        assert_eq!(both.matches("first").count() + both.matches("other").count(), 2, "{both}");
    }
}
