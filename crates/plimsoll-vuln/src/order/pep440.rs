//! Python's version specifiers (PEP 440), in the order of the packaging library.
//!
//! A version that PEP 440 does not know sorts before all that it knows, among its like as [`legacy`] says.

use super::Refusal;
use super::cursor::Cursor;
use super::number::{ABOVE_NUMBERS, BELOW_NUMBERS, is_zero, push_number};

mod legacy;

const LEGACY: u8 = 0;
const VALID: u8 = 1;

/// Where a pre-release may stand: a developmental release of the final one is below `a`, the final one above `rc`.
const DEVELOPMENT_ONLY: u8 = 1;
const ALPHA: u8 = 2;
const BETA: u8 = 3;
const CANDIDATE: u8 = 4;
const NO_PRE_RELEASE: u8 = 5;

/// Marks of local segments: text is below numbers, fewer segments below more.
const LOCAL_END: u8 = 0;
const LOCAL_TEXT: u8 = 1;
const LOCAL_NUMBER: u8 = 2;

/// Every spelling of a pre-release, the longer ones before those that begin them.
const PRE_RELEASES: [(&str, u8); 8] = [
    ("alpha", ALPHA),
    ("a", ALPHA),
    ("beta", BETA),
    ("b", BETA),
    ("preview", CANDIDATE),
    ("pre", CANDIDATE),
    ("rc", CANDIDATE),
    ("c", CANDIDATE),
];
const POST_RELEASES: [&str; 3] = ["post", "rev", "r"];

pub(super) fn encode(version: &str, key: &mut Vec<u8>) -> Result<(), Refusal> {
    let start = key.len();
    key.push(VALID);
    if push_valid(version, key).is_none() {
        key.truncate(start);
        key.push(LEGACY);
        legacy::push_parts(version, key);
    }
    Ok(())
}

/// `None` where PEP 440 does not know the version.
fn push_valid(version: &str, key: &mut Vec<u8>) -> Option<()> {
    let mut rest = Cursor::new(version);
    rest.eat(b"vV");
    push_epoch_and_release(&mut rest, key)?;
    let pre = pre_release(&mut rest);
    let post = post_release(&mut rest);
    let development = numbered(&mut rest, &["dev"]);
    match (pre, post, development) {
        (Some((phase, digits)), ..) => {
            key.push(phase);
            push_number(digits, key);
        }
        (None, None, Some(_)) => key.push(DEVELOPMENT_ONLY),
        (None, ..) => key.push(NO_PRE_RELEASE),
    }
    push_number_or(post, BELOW_NUMBERS, key);
    push_number_or(development, ABOVE_NUMBERS, key);
    push_local(&mut rest, key)?;
    rest.is_at_end().then_some(())
}

fn push_number_or(digits: Option<&[u8]>, absent: u8, key: &mut Vec<u8>) {
    match digits {
        Some(digits) => push_number(digits, key),
        None => key.push(absent),
    }
}

/// Zeros at the end of a release do not count.
fn push_epoch_and_release(rest: &mut Cursor<'_>, key: &mut Vec<u8>) -> Option<()> {
    let mut digits = some(rest.digits())?;
    if rest.eat(b"!") {
        push_number(digits, key);
        digits = some(rest.digits())?;
    } else {
        push_number(b"0", key);
    }
    let mut significant_end = key.len();
    loop {
        push_number(digits, key);
        if !is_zero(digits) {
            significant_end = key.len();
        }
        let mut ahead = *rest;
        let is_over = !ahead.eat(b".") || !ahead.peek().is_some_and(|byte| byte.is_ascii_digit());
        if is_over {
            break;
        }
        digits = ahead.digits();
        *rest = ahead;
    }
    key.truncate(significant_end);
    key.push(BELOW_NUMBERS);
    Some(())
}

fn some(digits: &[u8]) -> Option<&[u8]> {
    (!digits.is_empty()).then_some(digits)
}

fn pre_release<'a>(rest: &mut Cursor<'a>) -> Option<(u8, &'a [u8])> {
    PRE_RELEASES.iter().find_map(|(word, phase)| Some((*phase, numbered(rest, &[word])?)))
}

/// `1.0.post2`, or `1.0-2` without a word.
fn post_release<'a>(rest: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let mut ahead = *rest;
    if ahead.eat(b"-")
        && let Some(digits) = some(ahead.digits())
    {
        *rest = ahead;
        return Some(digits);
    }
    numbered(rest, &POST_RELEASES)
}

/// One of the words and a number that may be missing, with one separator or none before each.
fn numbered<'a>(rest: &mut Cursor<'a>, words: &[&str]) -> Option<&'a [u8]> {
    let mut ahead = *rest;
    ahead.eat(b"-_.");
    words.iter().find(|word| ahead.eat_word(word))?;
    ahead.eat(b"-_.");
    let digits = ahead.digits();
    *rest = ahead;
    Some(digits)
}

fn push_local(rest: &mut Cursor<'_>, key: &mut Vec<u8>) -> Option<()> {
    if rest.eat(b"+") {
        loop {
            let segment = rest.take_while(|byte| byte.is_ascii_alphanumeric());
            push_local_segment(some(segment)?, key);
            if !rest.eat(b"-_.") {
                break;
            }
        }
    }
    key.push(LOCAL_END);
    Some(())
}

fn push_local_segment(segment: &[u8], key: &mut Vec<u8>) {
    if segment.iter().all(u8::is_ascii_digit) {
        key.push(LOCAL_NUMBER);
        push_number(segment, key);
    } else {
        key.push(LOCAL_TEXT);
        key.extend(segment.iter().map(u8::to_ascii_lowercase));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Order, expect};

    #[test]
    fn the_stages_of_a_release_follow_each_other() {
        expect::ascending(
            Order::Pep440,
            &[
                "1.0.dev0",
                "1.0.dev1",
                "1.0a1.dev2",
                "1.0a1",
                "1.0a1.post1.dev3",
                "1.0a1.post1",
                "1.0a2",
                "1.0a12",
                "1.0b1",
                "1.0rc1",
                "1.0",
                "1.0+abc",
                "1.0+abc.5",
                "1.0+abc.7",
                "1.0+5",
                "1.0+5.0",
                "1.0.post1.dev1",
                "1.0.post1",
                "1.0.post1+a",
                "1.0.1.dev1",
                "1.1",
                "1.1.1",
                "1.10",
                "1!0.1",
            ],
        );
    }

    #[test]
    fn zeros_at_the_end_of_a_release_do_not_count() {
        expect::same(Order::Pep440, &["1", "1.0", "1.0.0", "v1", "V1.00", "0!1", " 1.0 "]);
        expect::same(Order::Pep440, &["0", "0.0", "0!0"]);
        expect::ascending(Order::Pep440, &["1.0.0.dev1", "1.0", "1.0.0.1", "1.0.1"]);
    }

    #[test]
    fn every_spelling_of_a_stage_is_known() {
        expect::same(Order::Pep440, &["1.0a1", "1.0.ALPHA.1", "1.0-a-1", "1.0_alpha_01", "1.0Alpha1"]);
        expect::same(Order::Pep440, &["1.0rc0", "1.0c", "1.0pre", "1.0-preview", "1.0.rc.", "1.0RC"]);
        expect::same(Order::Pep440, &["1.0.post1", "1.0-1", "1.0r1", "1.0-rev-1", "1.0_POST_1"]);
        expect::same(Order::Pep440, &["1.0.dev", "1.0dev0", "1.0-DEV-0"]);
        expect::same(Order::Pep440, &["1.0b2-1", "1.0b2.post1"]);
        expect::same(Order::Pep440, &["1.0+ubuntu-1", "1.0+Ubuntu.1", "1.0+UBUNTU_01"]);
    }

    #[test]
    fn what_pep_440_does_not_know_is_below_all_that_it_knows() {
        expect::ascending(Order::Pep440, &["2004d", "2005g", "0.dev0", "0"]);
        expect::ascending(Order::Pep440, &["1.0+", "0.0.dev0"]);
    }

    #[test]
    fn numbers_of_any_length_are_read() {
        expect::ascending(
            Order::Pep440,
            &["20190101", "18446744073709551615", "18446744073709551616", "1!0"],
        );
    }
}
