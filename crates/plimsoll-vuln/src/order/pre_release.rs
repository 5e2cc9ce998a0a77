//! The pre-release of a semantic version: identifiers between dots (SemVer 2.0.0, section 11.4).
//!
//! Each identifier begins with a mark; the marks are below all characters, so that the next mark also ends the text of
//! an identifier.

use super::Refusal;
use super::number::push_number;

/// Fewer identifiers are below more.
const END: u8 = 1;
const NUMBER: u8 = 2;
const TEXT: u8 = 3;

/// Appends the identifiers of a pre-release; `fold` says what a capital letter counts as.
pub(super) fn push_identifiers(text: &str, fold: fn(u8) -> u8, key: &mut Vec<u8>) -> Result<(), Refusal> {
    for identifier in text.split('.') {
        push_identifier(identifier, fold, key)?;
    }
    key.push(END);
    Ok(())
}

/// Appends a pre-release that follows the numbers without a hyphen: in `1.21rc2` the identifiers are `rc` and `2`.
pub(super) fn push_glued(text: &str, fold: fn(u8) -> u8, key: &mut Vec<u8>) -> Result<(), Refusal> {
    let first_end = text.find('.').unwrap_or(text.len());
    let word_end = text.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(text.len());
    let digits = text.get(word_end..first_end).unwrap_or_default();
    let is_word_and_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (word, rest) = text.split_at(if is_word_and_number { word_end } else { 0 });
    if is_word_and_number {
        push_identifier(word, fold, key)?;
    }
    push_identifiers(rest, fold, key)
}

fn push_identifier(identifier: &str, fold: fn(u8) -> u8, key: &mut Vec<u8>) -> Result<(), Refusal> {
    if identifier.is_empty() {
        return Err("an identifier of its pre-release is empty");
    }
    if identifier.contains(' ') {
        return Err("there is a space within it");
    }
    if identifier.bytes().all(|byte| byte.is_ascii_digit()) {
        key.push(NUMBER);
        push_number(identifier.as_bytes(), key);
    } else {
        key.push(TEXT);
        key.extend(identifier.bytes().map(fold));
    }
    Ok(())
}
