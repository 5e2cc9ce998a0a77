//! NuGetVersion: up to four numbers, then a semantic version's pre-release in which capitals do not count.

use super::Refusal;
use super::cursor::Cursor;
use super::number::push_number;
use super::pre_release::push_identifiers;

const PRE_RELEASE: u8 = 1;
const RELEASE: u8 = 2;

/// Major, minor, patch and revision. What is not written is zero.
const NUMBERS: usize = 4;

pub(super) fn encode(version: &str, key: &mut Vec<u8>) -> Result<(), Refusal> {
    let precedent = version.split_once('+').map_or(version, |(precedent, _build)| precedent);
    let (numbers, pre_release) = match precedent.split_once('-') {
        Some((numbers, pre_release)) => (numbers, Some(pre_release)),
        None => (precedent, None),
    };
    push_numbers(numbers, key)?;
    match pre_release {
        Some(identifiers) => {
            key.push(PRE_RELEASE);
            push_identifiers(identifiers, |byte| byte.to_ascii_lowercase(), key)
        }
        None => {
            key.push(RELEASE);
            Ok(())
        }
    }
}

fn push_numbers(text: &str, key: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut rest = Cursor::new(text);
    let mut count = 0;
    loop {
        let digits = rest.digits();
        if digits.is_empty() {
            return Err("a number is missing in it");
        }
        push_number(digits, key);
        count += 1;
        if count == NUMBERS || !rest.eat(b".") {
            break;
        }
    }
    (count..NUMBERS).for_each(|_| push_number(b"0", key));
    if rest.is_at_end() { Ok(()) } else { Err("it is not four numbers at most and a pre-release") }
}

#[cfg(test)]
mod tests {
    use super::super::{Order, expect};

    #[test]
    fn four_numbers_count() {
        expect::ascending(
            Order::NuGet,
            &["1.0.0-a", "1.0.0.0", "1.0.0.1-a", "1.0.0.1", "1.0.0.10", "1.0.1", "1.1", "2"],
        );
        expect::same(Order::NuGet, &["1", "1.0", "1.0.0", "1.0.0.0", "1.00.0+build", "01.0"]);
    }

    #[test]
    fn capitals_do_not_count() {
        expect::same(Order::NuGet, &["1.0.0-Beta.1", "1.0.0-beta.1", "1.0-BETA.01"]);
        expect::ascending(
            Order::NuGet,
            &["1.0-2", "1.0-10", "1.0-Alpha", "1.0-alpha.1", "1.0-BETA", "1.0-rc", "1.0"],
        );
    }

    #[test]
    fn what_is_no_version_is_refused() {
        expect::refused(
            Order::NuGet,
            &["1.0.0.0.0", "1.", "a", "1.a", "1.0-", "1.0-a..b", "v", "1.0beta", "+1"],
        );
    }
}
