//! The text form of keys (RFC 7468), read leniently: lines of any width, text around it.

use crate::base64_text::{decode, encode};

/// Columns of base64, as OpenSSL and Go write them.
const COLUMNS: usize = 64;

/// What a PEM text holds first.
pub(crate) struct Pem {
    /// What it says to be, such as `PUBLIC KEY`.
    pub(crate) label: String,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn read(text: &str) -> Option<Pem> {
    const BEGIN: &str = "-----BEGIN ";
    let (_, after) = text.split_once(BEGIN)?;
    let (label, after) = after.split_once("-----")?;
    let (body, _) = after.split_once(&format!("-----END {label}-----"))?;
    let base64: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    Some(Pem { label: label.to_owned(), bytes: decode(&base64)? })
}

pub(crate) fn write(label: &str, bytes: &[u8]) -> String {
    let base64 = encode(bytes);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(COLUMNS));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_also_with_text_around_it() {
        let text = write("THING", &[7; 100]);
        assert!(text.lines().all(|line| line.len() <= COLUMNS), "{text}");
        let read = read(&format!("a note\n{text}\nanother")).unwrap();
        assert_eq!((read.label.as_str(), read.bytes), ("THING", vec![7; 100]));
    }

    #[test]
    fn a_text_that_breaks_off_is_not_read() {
        assert!(read("-----BEGIN THING-----\nAAAA\n").is_none());
        assert!(read("-----BEGIN THING-----\nAA%A\n-----END THING-----").is_none());
    }
}
