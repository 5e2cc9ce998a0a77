//! deb-version(7): `[epoch:]upstream[-revision]`.
//!
//! Upstream version and revision are runs of other characters and of digits in turn. Each pair of runs is encoded as
//! the weights of its characters, [`END`], and the number.

use super::Refusal;
use super::cursor::Cursor;
use super::number::push_number;

const TILDE: u8 = 1;
/// The end of a run, and of the text: above a tilde, below all else.
const END: u8 = 2;
/// What is neither a letter nor a tilde stands above all letters.
const OTHER: u8 = 0x80;

pub(super) fn encode(version: &str, key: &mut Vec<u8>) -> Result<(), Refusal> {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    if epoch.is_empty() || !epoch.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("its epoch is not a number");
    }
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
    if upstream.is_empty() {
        return Err("it has no upstream version");
    }
    if revision.is_empty() {
        return Err("its revision is empty");
    }
    push_number(epoch.as_bytes(), key);
    push_runs(upstream, key);
    push_runs(revision, key);
    Ok(())
}

/// The first pair is written even if nothing stands there, so that no text and `0` are the same.
fn push_runs(text: &str, key: &mut Vec<u8>) {
    let mut rest = Cursor::new(text);
    loop {
        let run = rest.take_while(|byte| !byte.is_ascii_digit());
        key.extend(run.iter().map(|byte| weight(*byte)));
        key.push(END);
        push_number(rest.digits(), key);
        if rest.is_at_end() {
            break;
        }
    }
    key.push(END);
}

fn weight(byte: u8) -> u8 {
    match byte {
        b'~' => TILDE,
        b'a'..=b'z' | b'A'..=b'Z' => byte,
        other => other | OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Order, expect};

    #[test]
    fn a_tilde_is_below_the_end_and_letters_are_below_other_characters() {
        expect::ascending(Order::Dpkg, &["1.0~~", "1.0~~a", "1.0~", "1.0", "1.0a", "1.0+b1", "1.0.1"]);
        expect::ascending(Order::Dpkg, &["1~rc1-1", "1-1~bpo11+1", "1-1", "1-1+b1", "1-1+deb11u1", "1-2"]);
        expect::ascending(Order::Dpkg, &["1Z", "1a", "1+", "1."]);
    }

    #[test]
    fn digits_are_numbers_of_any_length() {
        expect::ascending(Order::Dpkg, &["1.9", "1.10", "1.18446744073709551615", "1.18446744073709551616"]);
        expect::same(Order::Dpkg, &["1.0", "1.00", "01.0", "1."]);
    }

    #[test]
    fn what_is_not_written_is_zero() {
        expect::same(Order::Dpkg, &["1.0", "0:1.0", "1.0-0", "00:1.0-000"]);
        expect::ascending(Order::Dpkg, &["1.0", "1.0-0.0", "1.0-1"]);
        expect::ascending(Order::Dpkg, &["99", "1:0", "2:0~"]);
    }

    #[test]
    fn the_last_hyphen_begins_the_revision() {
        expect::ascending(Order::Dpkg, &["1-9", "1-1-1", "1-1-2"]);
        expect::ascending(Order::Dpkg, &["0:1:2-3", "1:2-3"]);
    }

    #[test]
    fn what_dpkg_refuses_is_refused() {
        expect::refused(Order::Dpkg, &["a:1", ":1", "1:", "-1", "1-", "-1:2"]);
    }
}
