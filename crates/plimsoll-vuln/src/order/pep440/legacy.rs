//! Versions from before PEP 440, in the order that setuptools gave them.
//!
//! The version falls into runs of digits, runs of letters, `-`, and what stands between. Runs of digits are filled up
//! with zeros to eight; other parts get a `*` before them, so that they are below digits; parts compare as text.

/// Up to this many digits compare as a number.
const PADDED_DIGITS: usize = 8;
const ZERO: &[u8] = b"00000000";
/// The last part of every version: `*c` and the like come before it and `*post` after it.
const FINAL: &[u8] = b"*final";
/// What a hyphen becomes.
const HYPHEN: &[u8] = b"*final-";
/// Below all characters, so that a part is below those that it begins, and few parts below more.
const END: u8 = 0;

pub(super) fn push_parts(version: &str, key: &mut Vec<u8>) {
    let lower = version.to_ascii_lowercase();
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for part in split(lower.as_bytes()).filter_map(compared).chain([FINAL.to_vec()]) {
        if part.starts_with(b"*") {
            drop_insignificant(&part, &mut parts);
        }
        parts.push(part);
    }
    for part in parts {
        key.extend_from_slice(&part);
        key.push(END);
    }
    key.push(END);
}

/// A hyphen before a pre-release does not count, nor do zeros at the end of a series of numbers.
fn drop_insignificant(part: &[u8], parts: &mut Vec<Vec<u8>>) {
    if part < FINAL {
        drop_trailing(HYPHEN, parts);
    }
    drop_trailing(ZERO, parts);
}

fn drop_trailing(unwanted: &[u8], parts: &mut Vec<Vec<u8>>) {
    while parts.pop_if(|part| part == unwanted).is_some() {}
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Digits,
    Letters,
    Dot,
    Hyphen,
    Other,
}

fn kind(byte: u8) -> Kind {
    match byte {
        b'0'..=b'9' => Kind::Digits,
        b'a'..=b'z' => Kind::Letters,
        b'.' => Kind::Dot,
        b'-' => Kind::Hyphen,
        _ => Kind::Other,
    }
}

fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.chunk_by(|left, right| {
        kind(*left) == kind(*right) && matches!(kind(*left), Kind::Digits | Kind::Letters | Kind::Other)
    })
}

/// The part as it is compared; `None` for a dot, which only separates.
fn compared(part: &[u8]) -> Option<Vec<u8>> {
    let replaced: &[u8] = match part {
        b"." => return None,
        b"pre" | b"preview" | b"rc" => b"c",
        b"dev" => b"@",
        b"-" => return Some(HYPHEN.to_vec()),
        digits if digits.first().is_some_and(u8::is_ascii_digit) => {
            let fill = PADDED_DIGITS.saturating_sub(digits.len());
            return Some([&ZERO[..fill.min(ZERO.len())], digits].concat());
        }
        other => other,
    };
    Some([b"*", replaced].concat())
}

#[cfg(test)]
mod tests {
    use super::super::super::{Order, expect};

    #[test]
    fn stages_are_below_the_final_release_and_patches_above() {
        expect::ascending(
            Order::Pep440,
            &["1.0-dev-x", "1.0-alpha-x", "1.0-rc-x", "1.0-z", "1.0-1-z", "1.1-z"],
        );
        expect::ascending(Order::Pep440, &["0.7.2-r1-x", "0.7.3-r1-x", "0.7.10-r1-x"]);
        expect::ascending(Order::Pep440, &["2004d", "2004e", "2005d", "2005dd", "2005e"]);
    }

    #[test]
    fn zeros_and_hyphens_before_a_stage_do_not_count() {
        expect::same(Order::Pep440, &["1.0.0-rc-x", "1-rc-x", "1.0.0rc-x", "1-C-X", "1-preview-x"]);
        expect::ascending(Order::Pep440, &["1-x", "1.0.1-x", "10-x"]);
    }

    #[test]
    fn more_than_eight_digits_compare_as_text() {
        expect::ascending(Order::Pep440, &["100000000z", "99999999z"]);
    }
}
