//! Comments, and those at the beginning that tell how to read the file.

use crate::document::Directive;
use crate::instruction::Comment;
use crate::span::Span;

use super::words::{leading_space, trimmed};

const NAMES: &[&str] = &["check", "escape", "syntax"];

/// The directives of a file. They come before anything else, and each once.
#[derive(Default)]
pub(super) struct Directives {
    pub(super) found: Vec<Directive>,
    is_closed: bool,
}

impl Directives {
    /// No more directives can follow.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    /// The character that escapes.
    pub(super) fn escape(&self) -> u8 {
        let says = self.found.iter().find(|directive| directive.name == "escape");
        if says.is_some_and(|directive| directive.value == "`") { b'`' } else { b'\\' }
    }

    /// Reads a comment; whether it is a directive.
    pub(super) fn read(&mut self, source: &[u8], span: Span) -> Result<bool, String> {
        if self.is_closed {
            return Ok(false);
        }
        let Some((name, value)) = named(span.of(source)).filter(|(name, _)| NAMES.contains(&name.as_str()))
        else {
            self.close();
            return Ok(false);
        };
        if self.found.iter().any(|directive| directive.name == name) {
            return Err(format!("`{name}` is given twice; a directive stands once"));
        }
        if name == "escape" && !matches!(value.as_str(), "\\" | "`") {
            return Err(format!("`{value}` cannot be the escape character: it is a backslash or a backtick"));
        }
        self.found.push(Directive { name, value, span });
        Ok(true)
    }
}

/// `# name = value`; the name in lower case.
fn named(comment: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(comment.get(1..)?).into_owned();
    let (name, value) = text.trim_start().split_once('=')?;
    let name = name.trim_end();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c: char| c.is_ascii_alphanumeric());
    let value = value.trim();
    (is_name && !value.is_empty()).then(|| (name.to_ascii_lowercase(), value.to_owned()))
}

/// Adds a comment to those before the next instruction. An empty one parts what is before from it.
pub(super) fn collect(comments: &mut Vec<Comment>, source: &[u8], span: Span) {
    let bytes = Span::new(span.start + 1, span.end).of(source);
    let text = trimmed(bytes, leading_space(bytes));
    if text.is_empty() {
        comments.clear();
    } else {
        comments.push(Comment { text: String::from_utf8_lossy(text).into_owned(), span });
    }
}
