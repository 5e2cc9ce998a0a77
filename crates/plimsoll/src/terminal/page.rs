use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Table;

/// A result being drawn for people.
///
/// Whatever is put on it is made printable first: an image's labels and paths may hold terminal commands.
pub(crate) struct Page {
    text: String,
    width: Option<usize>,
}

impl Page {
    /// A page of `width` columns, or as wide as its content.
    pub(super) fn new(width: Option<usize>) -> Self {
        Self { text: String::new(), width }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Whether nothing is to be cut: full digests, every row.
    pub(crate) fn is_wide(&self) -> bool {
        self.width.is_none()
    }

    /// Adds a line in bold, after an empty one unless it is the first.
    pub(crate) fn heading(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let bold = Style::new().bold();
        self.text.push_str(&format!("{bold}{}{bold:#}\n", self.fitted(text, 0)));
    }

    /// Adds a line, cut to the page.
    pub(crate) fn line(&mut self, text: &str) {
        let fitted = self.fitted(text, 0);
        self.text.push_str(&fitted);
        self.text.push('\n');
    }

    /// Adds a label in colour, and what it says, cut to the page.
    pub(crate) fn labelled(&mut self, label: &str, color: AnsiColor, text: &str) {
        let style = color.on_default().bold();
        let text = self.fitted(text, label.len() + 2);
        self.text.push_str(&format!("{style}{label}{style:#}: {text}\n"));
    }

    /// Adds a name with its value, cut to the page.
    pub(crate) fn fact(&mut self, name: &str, value: &str) {
        const NAME_WIDTH: usize = 14;
        let dim = Style::new().dimmed();
        let value = self.fitted(value, NAME_WIDTH + 1);
        self.text.push_str(&format!("{dim}{name:<NAME_WIDTH$}{dim:#} {value}\n"));
    }

    /// Adds a table.
    pub(crate) fn table(&mut self, table: &Table) {
        self.text.push_str(&table.draw(self.width));
    }

    fn fitted(&self, text: &str, used: usize) -> String {
        let text = printable(text);
        match self.width {
            Some(width) => cut(&text, width.saturating_sub(used)),
            None => text,
        }
    }
}

/// Replaces what a terminal would obey or hide: control characters, and marks that turn the direction of writing.
pub(super) fn printable(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect()
}

/// Shortens `text` to `width` columns, with a mark where something is missing.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shortened = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or_default();
        if used > width {
            break;
        }
        shortened.push(c);
    }
    shortened.push('…');
    shortened
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_command_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c");
    }

    #[test]
    fn text_is_cut_by_columns() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "abcd…");
        assert_eq!(cut("日本語", 5), "日本…");
    }
}
