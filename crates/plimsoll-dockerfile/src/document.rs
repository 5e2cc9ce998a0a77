//! A Dockerfile as it is written, without loss.

use crate::instruction::Instruction;
use crate::span::{LineIndex, Position, Span};

/// A Dockerfile: every byte of it, and what it says.
#[derive(Clone, Debug)]
pub struct Document {
    pub(crate) source: Vec<u8>,
    pub(crate) lines: LineIndex,
    pub(crate) parts: Vec<Part>,
    pub(crate) directives: Vec<Directive>,
    pub(crate) instructions: Vec<Instruction>,
    pub(crate) errors: Vec<SyntaxError>,
    pub(crate) empty_continuations: Vec<Span>,
    pub(crate) escape: u8,
}

/// A piece of the file. The parts of a file lie end to end, and hold every byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Where it is.
    pub span: Span,
}

/// What a piece of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// The mark that some editors put before everything.
    ByteOrderMark,
    /// A line that tells how to read the file.
    Directive,
    /// A comment, also between the lines of an instruction.
    Comment,
    /// A line without anything on it, also between the lines of an instruction.
    Blank,
    /// What an instruction says on one line.
    Code,
    /// The character that continues an instruction on the next line, with the blanks after it.
    Continuation,
    /// The lines of a here-document.
    HeredocBody,
    /// The line that ends a here-document.
    HeredocEnd,
    /// Blanks before anything else, and the end of a line.
    Space,
}

/// `# escape=`, `# syntax=` or `# check=` at the beginning of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it stands.
    pub span: Span,
}

/// What cannot be understood, and where. The rest of the file is read all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
}

impl Document {
    /// The bytes of the file.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// The bytes of the file, put together from its parts again.
    pub fn print(&self) -> Vec<u8> {
        self.parts.iter().flat_map(|part| part.span.of(&self.source)).copied().collect()
    }

    /// The pieces of the file, in their order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The lines at the beginning that tell how to read the file.
    pub fn directives(&self) -> &[Directive] {
        &self.directives
    }

    /// The value of a directive.
    pub fn directive(&self, name: &str) -> Option<&Directive> {
        self.directives.iter().find(|directive| directive.name == name)
    }

    /// The instructions, in their order. One that has an error is among them.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// What could not be understood.
    pub fn errors(&self) -> &[SyntaxError] {
        &self.errors
    }

    /// Lines without anything on them between the lines of an instruction.
    pub fn empty_continuations(&self) -> &[Span] {
        &self.empty_continuations
    }

    /// The character that escapes and continues: a backslash, or a backtick where the file says so.
    pub fn escape(&self) -> char {
        char::from(self.escape)
    }

    /// Where the lines of the file begin.
    pub fn lines(&self) -> &LineIndex {
        &self.lines
    }

    /// Where a byte stands, as people count.
    pub fn position(&self, offset: usize) -> Position {
        self.lines.position(&self.source, offset)
    }

    /// The text of a span, for people.
    pub fn text(&self, span: Span) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(span.of(&self.source))
    }
}
