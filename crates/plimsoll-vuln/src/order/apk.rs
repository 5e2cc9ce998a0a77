//! apk-package(5): `number{.number}{letter}{_suffix{number}}{~hash}{-rN}`.
//!
//! Each part begins with a mark. Where two versions differ in the kind of part, the mark decides: a pre-release suffix
//! is below the end, and a part that stands earlier in the form is above one that stands later.

use super::Refusal;
use super::cursor::Cursor;
use super::number::push_number;

const PRE_RELEASE: u8 = 1;
const END: u8 = 2;
const REVISION: u8 = 3;
const HASH: u8 = 4;
const SUFFIX_NUMBER: u8 = 5;
const SUFFIX: u8 = 6;
const LETTER: u8 = 7;
const NUMBER: u8 = 8;

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
    push_number(some(rest.digits(), "it does not begin with a number")?, key);
    while rest.eat(b".") {
        key.push(NUMBER);
        push_text_or_number(some(rest.digits(), "a number is missing in it")?, key);
    }
    if let Some(letter) = rest.next_if(|byte| byte.is_ascii_lowercase()) {
        key.extend([LETTER, letter]);
    }
    while rest.eat(b"_") {
        push_suffix(&mut rest, key)?;
    }
    if rest.eat(b"~") {
        let hash = rest.take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        key.push(HASH);
        key.extend_from_slice(some(hash, "its commit hash is empty")?);
    }
    if rest.eat(b"-") {
        if !rest.eat(b"r") {
            return Err("what follows its hyphen is no revision");
        }
        key.push(REVISION);
        push_number(some(rest.digits(), "its revision has no number")?, key);
    }
    key.push(END);
    if rest.is_at_end() { Ok(()) } else { Err("its parts are not in the order that apk knows") }
}

fn some<'a>(text: &'a [u8], why: Refusal) -> Result<&'a [u8], Refusal> {
    if text.is_empty() { Err(why) } else { Ok(text) }
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

fn push_suffix(rest: &mut Cursor<'_>, key: &mut Vec<u8>) -> Result<(), Refusal> {
    let word = rest.take_while(|byte| byte.is_ascii_lowercase());
    let found = (0..).zip(SUFFIXES).find(|(_, (suffix, _))| *suffix == word);
    let (rank, (_, mark)) = found.ok_or("it has a suffix that apk does not know")?;
    key.extend([mark, rank]);
    let digits = rest.digits();
    if !digits.is_empty() {
        key.push(SUFFIX_NUMBER);
        push_number(digits, key);
    }
    Ok(())
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
    fn what_apk_refuses_is_refused() {
        expect::refused(
            Order::Apk,
            &["a", ".1", "1.", "1..2", "1ab", "1a.1", "1_", "1_x", "1_rc1a", "1-1", "1-r", "1~"],
        );
        expect::refused(Order::Apk, &["1A", "1-r1_p1", "1~0a_p1", "1-r1-r2", "1:2", "1~xyz", "1-R1"]);
    }
}
