//! The text of an instruction, put together from the lines that it was continued over.

use std::borrow::Cow;
use std::ops::Range;

use crate::span::Span;

/// What an instruction says when its continuations are taken out, and where each byte of it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    text: Vec<u8>,
    /// Where the first line of it is in the file; most instructions have no other.
    first: usize,
    /// The other lines.
    pieces: Vec<Piece>,
}

/// Bytes that stand together both here and in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    here: usize,
    in_file: usize,
}

impl Joined {
    /// Adds the bytes that `span` of `source` holds.
    pub(crate) fn push(&mut self, source: &[u8], span: Span) {
        if self.text.is_empty() {
            self.first = span.start;
        } else if !span.is_empty() {
            self.pieces.push(Piece { here: self.text.len(), in_file: span.start });
        }
        self.text.extend_from_slice(span.of(source));
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// The bytes of a range, as text; what is not UTF-8 is replaced.
    pub fn text(&self, range: Range<usize>) -> Cow<'_, str> {
        String::from_utf8_lossy(self.text.get(range).unwrap_or_default())
    }

    /// Where a range stands in the file: from its first byte to its last, with what lies between.
    pub fn span(&self, range: Range<usize>) -> Span {
        let start = self.in_file(range.start);
        let end = if range.end > range.start { self.in_file(range.end - 1) + 1 } else { start };
        Span::new(start, end)
    }

    fn in_file(&self, offset: usize) -> usize {
        let position = self.pieces.partition_point(|piece| piece.here <= offset);
        match position.checked_sub(1).and_then(|last| self.pieces.get(last)) {
            Some(piece) => piece.in_file + (offset - piece.here),
            None => self.first + offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_over_two_lines_spans_what_lies_between() {
        let source = b"RUN a \\\n# no\n b";
        let mut joined = Joined::default();
        joined.push(source, Span::new(0, 6));
        joined.push(source, Span::new(13, 15));
        assert_eq!(joined.bytes(), b"RUN a  b");
        assert_eq!(joined.span(4..8), Span::new(4, 15));
        assert_eq!(joined.span(7..8), Span::new(14, 15));
        assert_eq!(joined.span(8..8), Span::new(15, 15));
    }
}
