//! apk-package(5): `number{.number}{letter}{_suffix{number}}{~hash}{-rN}`.
//!
//! Each part begins with a mark. Where two versions differ in the kind of part, the mark decides: a pre-release suffix
//! is below the end, and a part that stands earlier in the form is above one that stands later.
//!
//! What does not have this form has a place too, as in apk itself: from the part that does not fit nothing counts, and
//! that part is just below the end. Alpine's own security data has such versions (`10.2.22.r0`). Numbers after the
//! letter are read as apk 2 did; packages had them (`6.0.2p1-r0`), though apk 3 does not know them any more.

use super::Refusal;
use super::cursor::Cursor;
use super::number::push_number;

const PRE_RELEASE: u8 = 1;
const MISFIT: u8 = 2;
const END: u8 = 3;
const REVISION: u8 = 4;
const HASH: u8 = 5;
const SUFFIX_NUMBER: u8 = 6;
const SUFFIX: u8 = 7;
const LETTER: u8 = 8;
const NUMBER: u8 = 9;

/// What stands where a number has its count of digits, if the digits begin with a zero and compare as text.
const TEXT_OF_DIGITS: u8 = 0;

/// Suffixes in their order, with the marks that they begin with.
const SUFFIXES: [(&[u8], u8); 9] = [
    (b"alpha", PRE_RELEASE),
    (b"beta", PRE_RELEASE),
    (b"pre", PRE_RELEASE),
    (b"rc", PRE_RELEASE),
    (b"cvs", SUFFIX),
    (b"svn", SUFFIX),
    (b"git", SUFFIX),
    (b"hg", SUFFIX),
    (b"p", SUFFIX),
];

pub(super) fn encode(version: &str, key: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut rest = Cursor::new(version);
    push_number(some(rest.digits()).ok_or("it does not begin with a number")?, key);
    let fits = push_parts(&mut rest, key).is_some() && rest.is_at_end();
    key.push(if fits { END } else { MISFIT });
    Ok(())
}

/// `None` where a part does not have its form.
fn push_parts(rest: &mut Cursor<'_>, key: &mut Vec<u8>) -> Option<()> {
    push_dotted_numbers(rest, key)?;
    while let Some(letter) = rest.next_if(|byte| byte.is_ascii_lowercase()) {
        key.extend([LETTER, letter]);
        let Some(digits) = some(rest.digits()) else { break };
        key.push(NUMBER);
        push_number(digits, key);
        push_dotted_numbers(rest, key)?;
    }
    while rest.eat(b"_") {
        push_suffix(rest, key)?;
    }
    if rest.eat(b"~") {
        let hash = some(rest.take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))?;
        key.push(HASH);
        key.extend_from_slice(hash);
    }
    if rest.eat(b"-") {
        let digits = rest.eat(b"r").then(|| rest.digits()).and_then(some)?;
        key.push(REVISION);
        push_number(digits, key);
    }
    Some(())
}

fn push_dotted_numbers(rest: &mut Cursor<'_>, key: &mut Vec<u8>) -> Option<()> {
    while rest.eat(b".") {
        let digits = some(rest.digits())?;
        key.push(NUMBER);
        push_text_or_number(digits, key);
    }
    Some(())
}

fn some(text: &[u8]) -> Option<&[u8]> {
    (!text.is_empty()).then_some(text)
}

/// After the first, a number with a leading zero compares as text: it is below all that have none.
fn push_text_or_number(digits: &[u8], key: &mut Vec<u8>) {
    if digits.starts_with(b"0") {
        key.push(TEXT_OF_DIGITS);
        key.extend_from_slice(digits);
    } else {
        push_number(digits, key);
    }
}

fn push_suffix(rest: &mut Cursor<'_>, key: &mut Vec<u8>) -> Option<()> {
    let word = rest.take_while(|byte| byte.is_ascii_lowercase());
    let found = (0..).zip(SUFFIXES).find(|(_, (suffix, _))| *suffix == word);
    let (rank, (_, mark)) = found?;
    key.extend([mark, rank]);
    let digits = rest.digits();
    if !digits.is_empty() {
        key.push(SUFFIX_NUMBER);
        push_number(digits, key);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::{Order, expect};

    #[test]
    fn suffixes_stand_below_and_above_the_release() {
        expect::ascending(
            Order::Apk,
            &[
                "1.0_alpha",
                "1.0_alpha1",
                "1.0_alpha1_p1",
                "1.0_beta",
                "1.0_pre2",
                "1.0_pre10",
                "1.0_rc",
                "1.0",
            ],
        );
        expect::ascending(
            Order::Apk,
            &[
                "1.0",
                "1.0-r1",
                "1.0~1234abc",
                "1.0_cvs",
                "1.0_svn1",
                "1.0_git20200101",
                "1.0_hg",
                "1.0_p",
                "1.0_p1",
            ],
        );
        expect::ascending(
            Order::Apk,
            &["1.0_p1", "1.0_p10", "1.0a", "1.0b", "1.0b_p1", "1.0.0", "1.0.1", "1.1"],
        );
    }

    #[test]
    fn suffixes_may_follow_each_other() {
        expect::ascending(
            Order::Apk,
            &["1.0_rc1_alpha", "1.0_rc1", "1.0_rc1_git1", "1.0_rc2", "1.0_p1_rc1", "1.0_p1"],
        );
    }

    #[test]
    fn a_leading_zero_makes_a_number_text() {
        expect::ascending(Order::Apk, &["1.0", "1.00", "1.01", "1.010", "1.02", "1.1", "1.2", "1.10"]);
        expect::same(Order::Apk, &["1.0", "01.0", "001.0"]);
        expect::same(Order::Apk, &["1.1_rc1-r1", "1.1_rc01-r01"]);
    }

    #[test]
    fn the_revision_counts_last() {
        expect::ascending(
            Order::Apk,
            &["1.2.3_rc1-r9", "1.2.3", "1.2.3-r0", "1.2.3-r2", "1.2.3-r10", "1.2.3~0a-r0"],
        );
        expect::ascending(Order::Apk, &["1.2~0a", "1.2~0a-r1", "1.2~0a1", "1.2~0b"]);
    }

    #[test]
    fn nothing_counts_from_a_part_that_does_not_fit() {
        expect::ascending(Order::Apk, &["1.0.4_rc1", "1.0.4.-r0", "1.0.4", "1.0.4-r0", "1.0.4.0"]);
        expect::same(
            Order::Apk,
            &["1.0.", "1.0..2", "1.0.r2", "1.0-1", "1.0-r", "1.0_", "1.0_x", "1.0~", "1.0:2", "1.0A"],
        );
        expect::same(Order::Apk, &["1-r1_p1", "1-r1-r2", "1-r1a"]);
    }

    #[test]
    fn a_number_may_follow_the_letter() {
        expect::ascending(
            Order::Apk,
            &["6.0.2", "6.0.2p", "6.0.2p1-r0", "6.0.2p1-r1", "6.0.2p2", "6.0.2p10", "6.0.3"],
        );
    }

    #[test]
    fn what_begins_with_no_number_is_refused() {
        expect::refused(Order::Apk, &["a", ".1", "v1", "-r1"]);
    }
}
