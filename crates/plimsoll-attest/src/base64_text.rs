use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD as WRITER};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD_READER: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL_SAFE_READER: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// Writes the standard alphabet with padding, as proto3's JSON does.
pub(crate) fn encode(bytes: &[u8]) -> String {
    WRITER.encode(bytes)
}

/// Reads the standard and the URL-safe alphabet, with and without padding: proto3's JSON and DSSE allow all four.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let is_url_safe = text.bytes().any(|byte| byte == b'-' || byte == b'_');
    if is_url_safe { URL_SAFE_READER.decode(text) } else { STANDARD_READER.decode(text) }.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read_and_mixed_ones_are_not() {
        for text in ["+/8=", "-_8=", "+/8", "-_8"] {
            assert_eq!(decode(text).unwrap(), [0xfb, 0xff], "{text}");
        }
        assert_eq!(decode("+_8="), None);
        assert_eq!(decode("a"), None);
    }
}
