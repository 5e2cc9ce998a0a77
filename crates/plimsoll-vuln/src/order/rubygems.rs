//! Gem::Version: segments of digits and of letters; a hyphen is a segment `pre`.
//!
//! A segment that is not there is zero, letters are below zero, and zeros at the end do not count. So a zero within
//! must tell what follows it: before letters it is just below the end, before a number just above.

use super::Refusal;
use super::cursor::Cursor;
use super::number::{is_zero, push_number};

const LETTERS: u8 = 1;
const ZERO_BEFORE_LETTERS: u8 = 2;
const END: u8 = 3;
const ZERO_BEFORE_NUMBER: u8 = 4;
const NUMBER: u8 = 5;

pub(super) fn encode(version: &str, key: &mut Vec<u8>) -> Result<(), Refusal> {
    if !version.starts_with(|first: char| first.is_ascii_digit()) {
        return Err("it does not begin with a number");
    }
    let mut segments = Segments { key, zeros: 0, is_pre_release: false };
    let mut rest = Cursor::new(version);
    while let Some(byte) = rest.peek() {
        match byte {
            b'0'..=b'9' => segments.number(rest.digits()),
            b'a'..=b'z' | b'A'..=b'Z' => segments.letters(rest.letters()),
            b'.' => {
                rest.next();
            }
            b'-' => {
                rest.next();
                segments.letters(b"pre");
            }
            _ => return Err("it has other characters than letters, digits, dots and hyphens"),
        }
    }
    key.push(END);
    Ok(())
}

struct Segments<'k> {
    key: &'k mut Vec<u8>,
    /// Zeros of which it is not known yet what follows.
    zeros: usize,
    is_pre_release: bool,
}

impl Segments<'_> {
    fn number(&mut self, digits: &[u8]) {
        if is_zero(digits) {
            self.zeros += 1;
            return;
        }
        self.push_zeros(ZERO_BEFORE_NUMBER);
        self.key.push(NUMBER);
        push_number(digits, self.key);
    }

    /// Zeros before the first letters are at the end of the release and do not count.
    fn letters(&mut self, letters: &[u8]) {
        if !self.is_pre_release {
            self.zeros = 0;
            self.is_pre_release = true;
        }
        self.push_zeros(ZERO_BEFORE_LETTERS);
        self.key.push(LETTERS);
        self.key.extend_from_slice(letters);
    }

    fn push_zeros(&mut self, mark: u8) {
        self.key.extend(std::iter::repeat_n(mark, std::mem::take(&mut self.zeros)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Order, expect};

    #[test]
    fn letters_are_below_numbers_and_below_nothing() {
        expect::ascending(
            Order::RubyGems,
            &["1.0.A", "1.0.a", "1.0.a.1", "1.0.a1.5", "1.0.b", "1.0.rc1", "1.0", "1.0.1"],
        );
        expect::ascending(Order::RubyGems, &["1.9.a", "1.9", "1.9.1", "1.10.beta", "1.10"]);
    }

    #[test]
    fn zeros_at_the_end_and_before_letters_do_not_count() {
        expect::same(Order::RubyGems, &["1", "1.0", "1.0.0", "01.00"]);
        expect::same(Order::RubyGems, &["1.a", "1.0.a", "1.0.0.a.0", "1.0a"]);
        expect::same(Order::RubyGems, &["0", "0.0"]);
    }

    #[test]
    fn zeros_within_a_pre_release_count() {
        expect::ascending(
            Order::RubyGems,
            &["1.a.b", "1.a.0.b", "1.a.0.0.b", "1.a", "1.a.0.0.1", "1.a.0.1", "1.a.0.2", "1.a.1"],
        );
    }

    #[test]
    fn a_hyphen_begins_a_pre_release() {
        expect::same(Order::RubyGems, &["1.0-1", "1.0.pre.1", "1.pre1"]);
        expect::ascending(Order::RubyGems, &["1.0-a", "1.0-1", "1.0"]);
    }

    #[test]
    fn what_is_no_version_is_refused() {
        expect::refused(Order::RubyGems, &["a", ".1", "1_2", "1+2", "1 2", "-1"]);
    }
}
