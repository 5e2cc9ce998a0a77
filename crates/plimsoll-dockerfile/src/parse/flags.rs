//! The options before the arguments (`BuildKit`'s `extractBuilderFlags`).

use std::ops::Range;

use super::arguments::Reading;
use crate::instruction::Flag;

/// The options at the beginning of a range, and where the rest begins.
pub(super) fn flags(reading: Reading<'_>, range: Range<usize>) -> (Vec<Flag>, usize) {
    let mut flags = Vec::new();
    let mut at = range.start;
    loop {
        let rest = reading.joined.bytes().get(at..range.end).unwrap_or_default();
        let space = rest.iter().take_while(|byte| matches!(byte, b'\t'..=b'\r' | b' ')).count();
        let rest = rest.get(space..).unwrap_or_default();
        at += space;
        if !rest.starts_with(b"--") {
            return (flags, at);
        }
        let (text, length) = unquoted(rest, reading.escape);
        let span = reading.joined.span(at..at + length);
        at += length;
        if text == "--" {
            return (flags, at);
        }
        let text = text.strip_prefix("--").unwrap_or(&text);
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        flags.push(Flag { name: name.to_owned(), value, span });
    }
}

/// A word without its quotes and escapes, and how long it is with them.
fn unquoted(bytes: &[u8], escape: u8) -> (String, usize) {
    let mut text = Vec::new();
    let mut quote = None;
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        if quote.is_none() && matches!(byte, b'\t'..=b'\r' | b' ') {
            break;
        }
        at += 1;
        if byte == escape {
            text.extend(bytes.get(at));
            at += 1;
            continue;
        }
        match quote {
            None if matches!(byte, b'\'' | b'"') => quote = Some(byte),
            Some(open) if open == byte => quote = None,
            _ => text.push(byte),
        }
    }
    (String::from_utf8_lossy(&text).into_owned(), at.min(bytes.len()))
}
