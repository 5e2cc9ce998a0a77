//! Where something stands in a file.

use serde::Serialize;

/// A range of bytes of the file: from `start`, up to and without `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// A place as people count: lines and columns from one, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line, from one.
    pub line: usize,
    /// The character in the line, from one.
    pub column: usize,
}

/// Where the lines of a file begin.
#[derive(Clone, Debug)]
pub struct LineIndex {
    starts: Vec<usize>,
}

impl Span {
    /// The span from `start` up to `end`; empty where `end` comes first.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end: end.max(start) }
    }

    /// The bytes of `source` in this span; none where the file is not so long.
    pub fn of(self, source: &[u8]) -> &[u8] {
        source.get(self.start..self.end).unwrap_or_default()
    }

    /// The smallest span that holds both.
    pub fn joined(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Whether it holds nothing.
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// Whether the two share a byte.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

impl LineIndex {
    /// Finds the lines of `source`.
    pub fn of(source: &[u8]) -> Self {
        let ends = memchr::memchr_iter(b'\n', source).map(|end| end + 1);
        Self { starts: std::iter::once(0).chain(ends).collect() }
    }

    /// The line, from one, in which a byte stands.
    pub fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// Where a byte of `source` stands.
    pub fn position(&self, source: &[u8], offset: usize) -> Position {
        let line = self.line_of(offset);
        let before = Span::new(self.start_of(line), offset).of(source);
        Position { line, column: String::from_utf8_lossy(before).chars().count() + 1 }
    }

    /// The bytes of a line, without its end. Lines are counted from one.
    pub fn line_span(&self, source: &[u8], line: usize) -> Span {
        let start = self.start_of(line).min(source.len());
        let end = self.starts.get(line).copied().unwrap_or(source.len());
        let text = Span::new(start, end).of(source);
        let trimmed = text.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        Span::new(start, end - trimmed)
    }

    fn start_of(&self, line: usize) -> usize {
        self.starts.get(line.saturating_sub(1)).copied().unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters() {
        let source = "FROM a\r\n# ü x\n".as_bytes();
        let index = LineIndex::of(source);
        assert_eq!(index.position(source, 5), Position { line: 1, column: 6 });
        assert_eq!(index.position(source, 13), Position { line: 2, column: 5 });
        assert_eq!(index.line_span(source, 1).of(source), b"FROM a");
        assert_eq!(index.line_span(source, 9).of(source), b"");
    }
}
