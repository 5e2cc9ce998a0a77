//! Where words begin and end.

use std::ops::Range;

use super::arguments::Reading;
use crate::instruction::Word;

/// Bytes of white space at the beginning, as Unicode has it.
pub(super) fn leading_space(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(width) = bytes.get(length..).and_then(space_width) {
        length += width;
    }
    length
}

/// The bytes from `start`, without white space at the end.
pub(super) fn trimmed(bytes: &[u8], start: usize) -> &[u8] {
    let mut rest = bytes.get(start..).unwrap_or_default();
    while let Some(width) = trailing_space(rest) {
        rest = rest.get(..rest.len() - width).unwrap_or_default();
    }
    rest
}

/// Where the character stands that continues a line: the last but blanks, and not itself escaped.
pub(super) fn continuation(line: &[u8], escape: u8) -> Option<usize> {
    let blanks = line.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let last = line.len().checked_sub(blanks + 1)?;
    let before = last.checked_sub(1).and_then(|before| line.get(before));
    (line.get(last) == Some(&escape) && before != Some(&escape)).then_some(last)
}

/// A blank that ends a word (`BuildKit`'s `reWhitespace`).
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x0b | 0x0c | b'\r' | b' ')
}

/// Shrinks a range to what is not white space at its ends.
pub(super) fn trim(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let text = bytes.get(range.clone()).unwrap_or_default();
    let space = leading_space(text);
    let start = range.start + space;
    start..start + trimmed(text, space).len()
}

/// Words between blanks.
pub(super) fn between_blanks(reading: Reading<'_>, range: Range<usize>) -> Vec<Word> {
    let bytes = reading.joined.bytes();
    let mut words = Vec::new();
    let mut start = range.start;
    for at in range.clone() {
        if !bytes.get(at).is_some_and(|byte| is_blank(*byte)) {
            continue;
        }
        if start < at {
            words.push(reading.word(start..at));
        }
        start = at + 1;
    }
    if start < range.end {
        words.push(reading.word(start..range.end));
    }
    words
}

/// A word that may hold quotes, and where it stands in the text.
pub(super) struct QuotedWord {
    pub(super) range: Range<usize>,
    pub(super) word: Word,
}

/// Words between white space that is neither quoted nor escaped. Quotes and escapes stay in them.
pub(super) fn quoted(reading: Reading<'_>, range: Range<usize>) -> Vec<QuotedWord> {
    let bytes = reading.joined.bytes();
    let mut words = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let rest = bytes.get(at..range.end).unwrap_or_default();
        let space = leading_space(rest);
        if space > 0 {
            at += space;
            continue;
        }
        let length = quoted_length(rest, reading.escape);
        let mut word = reading.word(at..at + length);
        // An escape that escapes nothing is left out.
        if at + length == range.end && ends_in_bare_escape(rest, reading.escape) {
            word.text.pop();
        }
        if !word.text.is_empty() {
            words.push(QuotedWord { range: at..at + length, word });
        }
        at += length;
    }
    words
}

fn quoted_length(bytes: &[u8], escape: u8) -> usize {
    let mut quote = None;
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        if quote.is_none() && space_width(bytes.get(at..).unwrap_or_default()).is_some() {
            break;
        }
        if byte == escape && quote != Some(b'\'') {
            at += 1 + bytes.get(at + 1..).map_or(0, character_width);
            continue;
        }
        match quote {
            None if matches!(byte, b'\'' | b'"') => quote = Some(byte),
            Some(open) if open == byte => quote = None,
            _ => {}
        }
        at += 1;
    }
    at.min(bytes.len())
}

fn ends_in_bare_escape(bytes: &[u8], escape: u8) -> bool {
    let mut quote = None;
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        if byte == escape && quote != Some(b'\'') {
            if at + 1 == bytes.len() {
                return true;
            }
            at += 2;
            continue;
        }
        match quote {
            None if matches!(byte, b'\'' | b'"') => quote = Some(byte),
            Some(open) if open == byte => quote = None,
            _ => {}
        }
        at += 1;
    }
    false
}

fn character_width(bytes: &[u8]) -> usize {
    let first = bytes.get(..4.min(bytes.len())).unwrap_or_default();
    match first.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()) {
        Some(c) => c.len_utf8(),
        None => bytes.len().min(1),
    }
}

fn space_width(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    if first.is_ascii() {
        return matches!(first, b'\t'..=b'\r' | b' ').then_some(1);
    }
    let c = bytes.get(..4.min(bytes.len()))?.utf8_chunks().next()?.valid().chars().next()?;
    c.is_whitespace().then(|| c.len_utf8())
}

fn trailing_space(bytes: &[u8]) -> Option<usize> {
    let last = *bytes.last()?;
    if last.is_ascii() {
        return matches!(last, b'\t'..=b'\r' | b' ').then_some(1);
    }
    let widths = 2..=4.min(bytes.len());
    widths
        .into_iter()
        .find(|width| space_width(bytes.get(bytes.len() - width..).unwrap_or_default()) == Some(*width))
}
