//! Semantic Versioning 2.0.0, as leniently as npm, Cargo and Go data need it.
//!
//! Beyond the specification: a `v` before it, fewer or more than three numbers, numbers of any size and with leading
//! zeros, a pre-release without its hyphen, and the releases of Go's toolchain (`go1.21rc2`), which are what the
//! versions of its standard library are. Build metadata, Go's `+incompatible` among it, does not count.

use super::Refusal;
use super::cursor::Cursor;
use super::number::{is_zero, push_number};
use super::pre_release::{push_glued, push_identifiers};

const PRE_RELEASE: u8 = 1;
const RELEASE: u8 = 2;
const FURTHER_NUMBER: u8 = 3;

/// How many numbers a version has by the specification. What is not written is zero.
const NUMBERS: usize = 3;

pub(super) fn encode(version: &str, key: &mut Vec<u8>) -> Result<(), Refusal> {
    let version = match version.strip_prefix("go") {
        Some(toolchain) => without_experiments(toolchain),
        None => version.trim_start_matches(['v', 'V', '=', ' ']),
    };
    let precedent = version.split_once('+').map_or(version, |(precedent, _build)| precedent);
    let pre_release_start = push_numbers(precedent, key)?;
    push_pre_release(precedent.get(pre_release_start..).unwrap_or_default(), key)
}

/// Of `go1.21.3 X:boringcrypto` and `go1.21.3-vendor`: what the standard library is.
fn without_experiments(toolchain: &str) -> &str {
    toolchain.split([' ', '-']).next().unwrap_or(toolchain)
}

/// Appends the numbers, and returns where they end in the text.
fn push_numbers(text: &str, key: &mut Vec<u8>) -> Result<usize, Refusal> {
    let mut rest = Cursor::new(text);
    let mut count = 0;
    // Further numbers count up to the last that is not zero.
    let mut significant_end = 0;
    loop {
        let digits = rest.digits();
        if digits.is_empty() {
            return Err(if count == 0 {
                "it does not begin with a number"
            } else {
                "a number is missing in it"
            });
        }
        if count >= NUMBERS {
            key.push(FURTHER_NUMBER);
        }
        push_number(digits, key);
        count += 1;
        if count <= NUMBERS || !is_zero(digits) {
            significant_end = key.len();
        }
        if !rest.eat(b".") {
            break;
        }
    }
    key.truncate(significant_end);
    (count..NUMBERS).for_each(|_| push_number(b"0", key));
    Ok(text.len() - rest.len())
}

fn push_pre_release(text: &str, key: &mut Vec<u8>) -> Result<(), Refusal> {
    if text.is_empty() {
        key.push(RELEASE);
        return Ok(());
    }
    key.push(PRE_RELEASE);
    match text.strip_prefix('-') {
        Some(identifiers) => push_identifiers(identifiers, std::convert::identity, key),
        None if text.starts_with(|first: char| first.is_ascii_alphabetic()) => {
            push_glued(text, std::convert::identity, key)
        }
        None => Err("neither a pre-release nor build metadata follows its numbers"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Order, expect};

    #[test]
    fn precedence_is_as_the_specification_gives_it() {
        expect::ascending(
            Order::SemVer,
            &[
                "1.0.0-1",
                "1.0.0-9",
                "1.0.0-10",
                "1.0.0-alpha",
                "1.0.0-alpha.1",
                "1.0.0-alpha.beta",
                "1.0.0-beta",
                "1.0.0-beta.2",
                "1.0.0-beta.11",
                "1.0.0-rc.1",
                "1.0.0",
                "1.0.1-0",
                "1.0.1",
                "1.2.0",
                "1.10.0",
                "2.0.0",
            ],
        );
        expect::ascending(Order::SemVer, &["1.0.0-A", "1.0.0-a", "1.0.0-a-", "1.0.0-a-1", "1.0.0-a0"]);
    }

    #[test]
    fn build_metadata_does_not_count() {
        expect::same(Order::SemVer, &["1.0.0", "1.0.0+1", "1.0.0+build.2-x"]);
        expect::same(Order::SemVer, &["v2.0.0+incompatible", "2.0.0", "v2"]);
        expect::same(Order::SemVer, &["1.0.0-rc.1+a", "1.0.0-rc.1+b"]);
    }

    #[test]
    fn short_and_long_forms_and_huge_numbers_are_read() {
        expect::same(Order::SemVer, &["1", "1.0", "v1.0.0", "=1.0.0", "1.0.0.0", "01.0.00"]);
        expect::ascending(
            Order::SemVer,
            &["1.2.3-pre", "1.2.3", "1.2.3.1-pre", "1.2.3.1", "1.2.3.1.1", "1.2.3.2"],
        );
        expect::ascending(Order::SemVer, &["1.2.18446744073709551615", "1.2.18446744073709551616", "1.3"]);
        expect::ascending(Order::SemVer, &["1.0.0-99999999999999999998", "1.0.0-99999999999999999999"]);
    }

    #[test]
    fn pseudo_versions_of_go_are_pre_releases() {
        expect::ascending(
            Order::SemVer,
            &[
                "v0.0.0-20190101000000-abcdefabcdef",
                "v0.0.0-20210101000000-000000000000",
                "v0.0.0",
                "v1.2.3-pre.0.20190101000000-abcdefabcdef",
                "v1.2.4-0.20190101000000-abcdefabcdef",
                "v1.2.4",
            ],
        );
    }

    #[test]
    fn releases_of_the_go_toolchain_are_read() {
        expect::ascending(
            Order::SemVer,
            &["go1.20.99", "go1.21beta1", "go1.21rc2", "go1.21rc10", "go1.21", "go1.21.3"],
        );
        expect::same(Order::SemVer, &["go1.21rc2", "1.21rc2", "1.21.0-rc.2"]);
        expect::same(Order::SemVer, &["go1.21", "1.21.0", "go1.21.0"]);
        expect::same(Order::SemVer, &["go1.21.3", "go1.21.3 X:boringcrypto", "go1.21.3-vendor", "1.21.3"]);
    }

    #[test]
    fn what_is_no_version_is_refused() {
        expect::refused(
            Order::SemVer,
            &["(devel)", "latest", "*", "1.x", "1.", "1..2", "1.0.0-", "1.0.0-a..b", "-1"],
        );
        expect::refused(Order::SemVer, &["1.0.0 - 2.0.0", "1.0.0 2.0.0", "1.0.0-a b", "go", "golang"]);
    }
}
