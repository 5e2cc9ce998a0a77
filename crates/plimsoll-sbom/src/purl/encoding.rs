//! Percent-encoding as package URLs want it: letters, digits and `.-_~:` stand for themselves, and nothing else.

use std::fmt::{self, Write as _};

use super::ParsePurlError;

/// Writes text so that nothing in it can be taken for a separator.
pub(super) fn write(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

/// Writes text whose slashes separate.
pub(super) fn write_segments(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for (index, segment) in text.split('/').enumerate() {
        if index > 0 {
            f.write_str("/")?;
        }
        write(f, segment)?;
    }
    Ok(())
}

/// The text that was encoded. A percent sign that begins no escape stands for itself, as in every URL reader.
pub(super) fn decode(text: &str) -> Result<String, ParsePurlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = escaped_byte(rest);
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8(bytes).map_err(|_| ParsePurlError::Encoding(text.to_owned()))
}

fn escaped_byte(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*high)? << 4 | digit(*low)?)
}
