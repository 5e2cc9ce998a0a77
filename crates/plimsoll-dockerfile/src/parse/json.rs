//! The JSON form of a command: an array of strings, as Go's `encoding/json` takes it.

use std::ops::Range;

use super::arguments::Reading;
use crate::instruction::Word;

/// What a text that may be a JSON array is.
pub(super) enum Json {
    /// An array of strings.
    Strings(Vec<Word>),
    /// An array with something else in it, which no instruction takes.
    Others,
    /// Not JSON, so a command for the shell.
    Not,
}

/// Reads a range as a JSON array.
pub(super) fn array(reading: Reading<'_>, range: Range<usize>) -> Json {
    let bytes = reading.joined.bytes().get(range.clone()).unwrap_or_default();
    let start = super::words::leading_space(bytes);
    if bytes.get(start) != Some(&b'[') {
        return Json::Not;
    }
    let Some(strings) = strings(bytes, start + 1) else {
        return others(bytes.get(start..).unwrap_or_default());
    };
    let word = |(at, text): (Range<usize>, String)| {
        let span = reading.joined.span(range.start + at.start..range.start + at.end);
        Word { text, span }
    };
    Json::Strings(strings.into_iter().map(word).collect())
}

fn others(bytes: &[u8]) -> Json {
    // What is not UTF-8 is replaced, as Go does inside strings.
    let text = String::from_utf8_lossy(bytes);
    match serde_json::from_str::<Vec<serde::de::IgnoredAny>>(&text) {
        Ok(_) => Json::Others,
        Err(_) => Json::Not,
    }
}

/// The strings of an array from behind its `[`; nothing where it is not one of strings alone up to the end.
fn strings(bytes: &[u8], start: usize) -> Option<Vec<(Range<usize>, String)>> {
    let mut strings = Vec::new();
    let mut at = start + blanks(bytes, start);
    if bytes.get(at) == Some(&b']') {
        return is_end(bytes, at + 1).then_some(strings);
    }
    loop {
        let (text, length) = string(bytes.get(at..)?)?;
        strings.push((at..at + length, text));
        at += length;
        at += blanks(bytes, at);
        match bytes.get(at)? {
            b',' => at += 1 + blanks(bytes, at + 1),
            b']' => return is_end(bytes, at + 1).then_some(strings),
            _ => return None,
        }
    }
}

fn is_end(bytes: &[u8], at: usize) -> bool {
    at + blanks(bytes, at) == bytes.len()
}

fn blanks(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}

/// A string at the beginning, with its length in bytes.
fn string(bytes: &[u8]) -> Option<(String, usize)> {
    let mut text = Vec::new();
    let mut at = 1;
    if bytes.first() != Some(&b'"') {
        return None;
    }
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        match byte {
            b'"' => return Some((String::from_utf8_lossy(&text).into_owned(), at)),
            0..=0x1f => return None,
            b'\\' => {
                let (c, length) = escaped(bytes.get(at..)?)?;
                text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                at += length;
            }
            byte => text.push(byte),
        }
    }
}

/// What an escape stands for, and its length without the backslash.
fn escaped(bytes: &[u8]) -> Option<(char, usize)> {
    let c = match bytes.first()? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(bytes),
        _ => return None,
    };
    Some((c, 1))
}

/// `uXXXX`, or two of them for one character. Half a pair stands for U+FFFD.
fn unicode(bytes: &[u8]) -> Option<(char, usize)> {
    let high = hexadecimal(bytes.get(1..5)?)?;
    if let Some(c) = char::from_u32(high) {
        return Some((c, 5));
    }
    let low = bytes.get(5..7).filter(|mark| mark == b"\\u").and_then(|_| hexadecimal(bytes.get(7..11)?));
    let pair =
        low.and_then(|low| char::decode_utf16([u16::try_from(high).ok()?, u16::try_from(low).ok()?]).next());
    match pair {
        Some(Ok(c)) => Some((c, 11)),
        _ => Some((char::REPLACEMENT_CHARACTER, 5)),
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u32::from_str_radix(text, 16).ok()
}
