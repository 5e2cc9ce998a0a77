//! rpm-version(7): `[epoch:]version[-release]`.
//!
//! Version and release are segments of letters or digits; other characters only separate them. Each segment begins
//! with a mark, and the marks are below all letters, so that the next mark also ends a segment of letters.

use super::Refusal;
use super::cursor::Cursor;
use super::number::push_number;

const TILDE: u8 = 1;
const END: u8 = 2;
const CARET: u8 = 3;
const LETTERS: u8 = 4;
const DIGITS: u8 = 5;

/// A version without a release is encoded without one: its key begins the keys of all its releases, and is below them.
pub(super) fn encode(version: &str, key: &mut Vec<u8>) -> Result<(), Refusal> {
    let (epoch, rest) = split_epoch(version);
    push_number(epoch.as_bytes(), key);
    match rest.rsplit_once('-') {
        Some((version, release)) => {
            push_segments(version, key);
            push_segments(release, key);
        }
        None => push_segments(rest, key),
    }
    Ok(())
}

/// The epoch is what stands before a colon, if that is digits or nothing; else the colon is a separator like others.
fn split_epoch(version: &str) -> (&str, &str) {
    let split = version.split_once(':');
    split.filter(|(epoch, _)| epoch.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or(("0", version))
}

fn push_segments(text: &str, key: &mut Vec<u8>) {
    let mut rest = Cursor::new(text);
    while let Some(byte) = rest.peek() {
        match byte {
            b'0'..=b'9' => {
                key.push(DIGITS);
                push_number(rest.digits(), key);
                continue;
            }
            b'a'..=b'z' | b'A'..=b'Z' => {
                key.push(LETTERS);
                key.extend_from_slice(rest.letters());
                continue;
            }
            b'~' => key.push(TILDE),
            b'^' => key.push(CARET),
            _ => {}
        }
        rest.next();
    }
    key.push(END);
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::super::{Order, compare_to_bound, expect};

    #[test]
    fn a_tilde_is_below_the_end_and_a_caret_just_above() {
        expect::ascending(Order::Rpm, &["1.0~rc1", "1.0~rc2", "1.0", "1.0^git1", "1.0^git2", "1.0.1", "1.1"]);
        expect::ascending(
            Order::Rpm,
            &["1.0~rc1~git1", "1.0~rc1", "1.0~rc1^git1", "1.0^git1~pre", "1.0^git1"],
        );
    }

    #[test]
    fn digits_are_above_letters_and_more_segments_above_fewer() {
        expect::ascending(Order::Rpm, &["1.a", "1.b", "1.0", "1.0.a", "1.0.0"]);
        expect::ascending(Order::Rpm, &["2a", "2ab", "2b", "2.0.1a", "2.0.1.0", "10xyz"]);
        expect::ascending(Order::Rpm, &["A", "a", "aa", "ab", "0", "20101121", "20101122"]);
    }

    #[test]
    fn separators_and_leading_zeros_do_not_count() {
        expect::same(Order::Rpm, &["1.2.3", "1_2_3", "1..2+3", "01.002.3", "1.2.3."]);
        expect::same(Order::Rpm, &["1a2", "1.a.2", "1a.2"]);
    }

    #[test]
    fn no_epoch_is_epoch_zero() {
        expect::same(Order::Rpm, &["1.0-1", "0:1.0-1", ":1.0-1", "00:1.0-1"]);
        expect::ascending(Order::Rpm, &["9-9", "1:0-0", "2:0-0"]);
    }

    #[test]
    fn a_bound_without_a_release_is_about_the_version_alone() {
        expect::ascending(
            Order::Rpm,
            &["1.2", "1.2-", "1.2-1.el9", "1.2-2.el9", "1.2^1-1.el9", "1.2.1-1.el9"],
        );
        let compare = |version: &str, bound: &str| {
            let [version, bound] = [version, bound].map(|text| Order::Rpm.key(text).unwrap());
            compare_to_bound(version.as_bytes(), bound.as_bytes())
        };
        assert_eq!(compare("1.2-7.el9", "1.2"), Ordering::Equal);
        assert_eq!(compare("1.2-7.el9", "0:1.2-8"), Ordering::Less);
        assert_eq!(compare("1.2.0-7.el9", "1.2"), Ordering::Greater);
        assert_eq!(compare("1.2~rc1-7.el9", "1.2"), Ordering::Less);
        assert_eq!(compare("1:1.2-7.el9", "1.2"), Ordering::Greater);
    }
}
