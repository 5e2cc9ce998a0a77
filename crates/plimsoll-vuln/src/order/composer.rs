//! Composer: a version is normalised, and PHP's `version_compare` decides.
//!
//! Normal are four numbers, or a date with its numbers as they are written, then a stability, its numbers and `dev`.
//! The name of a branch (`dev-main`) has no place in an order.

use super::Refusal;
use super::cursor::Cursor;
use super::number::push_number;

const DEV: u8 = 1;
const ALPHA: u8 = 2;
const BETA: u8 = 3;
const CANDIDATE: u8 = 4;
const END: u8 = 5;
const NUMBER: u8 = 6;
const PATCH: u8 = 7;

/// Of `1.0-stable` nothing but the numbers is left.
const STABLE: u8 = 0;

/// Every spelling of a stability, the longer ones before those that begin them.
const STABILITIES: [(&str, u8); 9] = [
    ("stable", STABLE),
    ("beta", BETA),
    ("b", BETA),
    ("rc", CANDIDATE),
    ("alpha", ALPHA),
    ("a", ALPHA),
    ("patch", PATCH),
    ("pl", PATCH),
    ("p", PATCH),
];

/// Above any number of a release; stands for the `x` of `1.x-dev`.
const ANY: &[u8] = b"9999999";

/// What begins with a longer number is a date.
const MAJOR_DIGITS_MAX: usize = 5;

/// How many numbers a version has that is not a date. What is not written is zero.
const NUMBERS: usize = 4;

pub(super) fn encode(version: &str, key: &mut Vec<u8>) -> Result<(), Refusal> {
    let version = without_alias(version);
    let is_branch = version.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("dev-"));
    if is_branch || matches!(version, "master" | "trunk" | "default") {
        return Err("it is the name of a branch");
    }
    let start = key.len();
    for push in [push_version, push_date, push_numeric_branch] {
        let mut rest = Cursor::new(version);
        rest.eat(b"vV");
        if push(&mut rest, key).is_some() && rest.is_at_end() {
            key.push(END);
            return Ok(());
        }
        key.truncate(start);
    }
    Err("it is neither numbers with a stability nor a date")
}

/// Drops ` as alias`, the flag of a stability (`@beta`), and build metadata.
fn without_alias(version: &str) -> &str {
    let version = version.split([' ', '@']).next().unwrap_or(version);
    version.split_once('+').map_or(version, |(version, _build)| version)
}

fn push_version(rest: &mut Cursor<'_>, key: &mut Vec<u8>) -> Option<()> {
    let mut count = 0;
    push_part(some(rest.digits()).filter(|digits| digits.len() <= MAJOR_DIGITS_MAX)?, key);
    while count < NUMBERS - 1 {
        let mut ahead = *rest;
        let Some(digits) = ahead.eat(b".").then(|| ahead.digits()).and_then(some) else { break };
        push_part(digits, key);
        *rest = ahead;
        count += 1;
    }
    (count..NUMBERS - 1).for_each(|_| push_part(b"0", key));
    push_modifier(rest, key);
    Some(())
}

/// `2010-01-02` and the like, which Composer does not fill up to four numbers.
fn push_date(rest: &mut Cursor<'_>, key: &mut Vec<u8>) -> Option<()> {
    push_part(some(rest.digits())?, key);
    loop {
        let mut ahead = *rest;
        let Some(digits) = ahead.eat(b".:-").then(|| ahead.digits()).and_then(some) else { break };
        push_part(digits, key);
        *rest = ahead;
    }
    push_modifier(rest, key);
    Some(())
}

/// `1.x-dev`, the branch of all versions that begin with 1.
fn push_numeric_branch(rest: &mut Cursor<'_>, key: &mut Vec<u8>) -> Option<()> {
    push_part(some(rest.digits())?, key);
    for _ in 1..NUMBERS {
        let mut ahead = *rest;
        let digits = ahead.eat(b".").then(|| ahead.digits()).and_then(some);
        if digits.is_some() || ahead.eat(b"xX*") {
            *rest = ahead;
        }
        push_part(digits.unwrap_or(ANY), key);
    }
    rest.eat(b".-");
    rest.eat_word("dev").then(|| key.push(DEV))
}

/// The stability with its numbers, and `dev`; both may be missing.
fn push_modifier(rest: &mut Cursor<'_>, key: &mut Vec<u8>) {
    let start = key.len();
    rest.eat(b"._-");
    let stability = STABILITIES.iter().find(|(word, _)| rest.eat_word(word)).map(|(_, mark)| *mark);
    if let Some(mark) = stability {
        key.push(mark);
        push_stability_numbers(rest, key);
    }
    let mut ahead = *rest;
    ahead.eat(b".-");
    if ahead.eat_word("dev") {
        key.push(DEV);
        *rest = ahead;
    }
    if stability == Some(STABLE) {
        key.truncate(start);
    }
}

fn push_stability_numbers(rest: &mut Cursor<'_>, key: &mut Vec<u8>) {
    loop {
        let mut ahead = *rest;
        ahead.eat(b".-");
        let Some(digits) = some(ahead.digits()) else { break };
        push_part(digits, key);
        *rest = ahead;
    }
}

fn push_part(digits: &[u8], key: &mut Vec<u8>) {
    key.push(NUMBER);
    push_number(digits, key);
}

fn some(digits: &[u8]) -> Option<&[u8]> {
    (!digits.is_empty()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::super::{Order, expect};

    #[test]
    fn stabilities_follow_each_other() {
        expect::ascending(
            Order::Composer,
            &[
                "1.0-dev",
                "1.0-alpha-dev",
                "1.0-alpha",
                "1.0-alpha1",
                "1.0-alpha1.1",
                "1.0-alpha2",
                "1.0-beta",
                "1.0-RC1-dev",
                "1.0-RC1",
                "1.0-RC10",
                "1.0",
                "1.0-patch",
                "1.0-p1",
                "1.0-p2",
                "1.0.0.1",
                "1.0.1-dev",
                "1.1",
                "1.10",
            ],
        );
    }

    #[test]
    fn every_spelling_is_normalised() {
        expect::same(
            Order::Composer,
            &["1", "1.0", "v1.0.0", "V1.0.0.0", "1.0+build", "1.0-stable", "1.0@beta"],
        );
        expect::same(Order::Composer, &["1.0-b1", "1.0.BETA1", "1.0_beta.1", "1.0beta-1", "1.0.0-beta01"]);
        expect::same(Order::Composer, &["1.0-pl3", "1.0p3", "1.0-patch.3", "1.0-PL-3"]);
        expect::same(Order::Composer, &["1.0-rc1-dev", "1.0RC1.dev", "1.0.0.0-rc1dev as 2.0"]);
    }

    #[test]
    fn dates_keep_their_numbers() {
        expect::same(Order::Composer, &["2010-01-02", "2010:01:02", "v2010-01-02"]);
        expect::ascending(Order::Composer, &["20170610", "20170610-59", "20170610p-59"]);
        expect::ascending(
            Order::Composer,
            &["2010-01-02", "2010-01-02-10", "2010-1-3", "20100102", "20100102.1"],
        );
    }

    #[test]
    fn a_numeric_branch_is_above_its_releases() {
        expect::ascending(
            Order::Composer,
            &["1.0", "1.99.3", "1.x-dev", "2.0-dev", "2.3", "2.3.x-dev", "2.4", "2.X.dev"],
        );
        expect::same(Order::Composer, &["1.x-dev", "v1.*-dev", "1.x.x.x-dev"]);
    }

    #[test]
    fn branches_and_other_names_are_refused() {
        expect::refused(
            Order::Composer,
            &["dev-main", "DEV-1.0", "master", "1.x", "foo", "1.0-foo", "1.0.0.0..", "1.0.x"],
        );
    }
}
