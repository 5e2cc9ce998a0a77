//! Maven's ComparableVersion, as Maven 3 has it.
//!
//! A version is a list of numbers and qualifiers; a hyphen, and each change between digits and letters, opens a list
//! within the list. As an inner list is always the last item, the lists are kept flat, with a token where one opens.
//! What a shorter list does not have counts as null: zero, or no qualifier.
//!
//! Maven's own comparison is no order: it finds `1-alpha` below `1`, `1` below `1.x.2`, and `1.x.2` below `1-alpha`.
//! The keys agree with it wherever it agrees with itself. Where it does not, being below or above the release decides,
//! which is what a reader of the versions expects.

use std::cmp::Ordering;

use super::Refusal;
use super::number::{is_zero, push_number};

mod token;

use token::{QUALIFIER_UNKNOWN, Token, tokens};

/// Marks in their order. A token stands on the side of the end on which all that follows from it compares to null.
/// Within a side, qualifiers are below lists, and lists below numbers.
const QUALIFIER_BELOW: u8 = 1;
const LIST_BELOW: u8 = 2;
const ZERO_BELOW: u8 = 3;
const END: u8 = 4;
const QUALIFIER_ABOVE: u8 = 5;
const LIST_ABOVE: u8 = 6;
const ZERO_ABOVE: u8 = 7;
const NUMBER: u8 = 8;

/// Added to the rank of a qualifier: no mark is as high, so that a mark ends the text of an unknown qualifier.
const RANKS: u8 = 0x10;

pub(super) fn encode(version: &str, key: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut marked: Vec<(Token<'_>, Option<u8>)> =
        tokens(version).into_iter().map(|token| (token, None)).collect();
    mark(&mut marked);
    for (token, mark) in marked {
        if let Some(mark) = mark {
            push_token(token, mark, key);
        }
    }
    key.push(END);
    Ok(())
}

/// Gives each token its mark, from the last to the first. Nulls at the end of a list, and lists left empty, get none.
fn mark(tokens: &mut [(Token<'_>, Option<u8>)]) {
    let mut following = Ordering::Equal;
    let mut is_list_end = true;
    for (token, mark) in tokens.iter_mut().rev() {
        let own = compare_to_null(*token);
        let is_dropped = own.is_eq()
            && match token {
                Token::Open => following.is_eq(),
                Token::Number(_) | Token::Qualifier(..) => is_list_end,
            };
        is_list_end = matches!(token, Token::Open) || (is_list_end && is_dropped);
        if !is_dropped {
            following = own.then(following);
            *mark = Some(mark_of(*token, following));
        }
    }
}

fn compare_to_null(token: Token<'_>) -> Ordering {
    match token {
        Token::Open => Ordering::Equal,
        Token::Number(digits) if is_zero(digits) => Ordering::Equal,
        Token::Number(_) => Ordering::Greater,
        Token::Qualifier(rank, _) => rank.cmp(&token::QUALIFIER_RELEASE),
    }
}

fn mark_of(token: Token<'_>, to_null: Ordering) -> u8 {
    let is_below = to_null.is_lt();
    match token {
        Token::Qualifier(..) if is_below => QUALIFIER_BELOW,
        Token::Qualifier(..) => QUALIFIER_ABOVE,
        Token::Open if is_below => LIST_BELOW,
        Token::Open => LIST_ABOVE,
        Token::Number(digits) if !is_zero(digits) => NUMBER,
        Token::Number(_) if is_below => ZERO_BELOW,
        Token::Number(_) => ZERO_ABOVE,
    }
}

fn push_token(token: Token<'_>, mark: u8, key: &mut Vec<u8>) {
    key.push(mark);
    match token {
        Token::Number(digits) if mark == NUMBER => push_number(digits, key),
        Token::Number(_) | Token::Open => {}
        Token::Qualifier(rank, text) => {
            key.push(RANKS + rank);
            if rank == QUALIFIER_UNKNOWN {
                key.extend(text.iter().map(u8::to_ascii_lowercase));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Order, expect};

    #[test]
    fn known_qualifiers_stand_around_the_release_and_others_above() {
        expect::ascending(
            Order::Maven,
            &[
                "1-alpha2snapshot",
                "1-alpha2",
                "1-alpha-123",
                "1-beta-2",
                "1-beta123",
                "1-m2",
                "1-m11",
                "1-rc",
                "1-cr2",
                "1-rc123",
                "1-SNAPSHOT",
                "1",
                "1-sp",
                "1-sp2",
                "1-sp123",
                "1-abc",
                "1-def",
                "1-pom-1",
                "1-1-snapshot",
                "1-1",
                "1-2",
                "1-123",
            ],
        );
    }

    #[test]
    fn numbers_after_a_dot_are_above_those_after_a_hyphen_and_qualifiers_below_both() {
        expect::ascending(
            Order::Maven,
            &["2.0-a", "2.0-1", "2.0.2", "2.0.123", "2.1.0", "2.1b", "2.1-c", "2.1-1", "2.1.0.1"],
        );
        expect::ascending(Order::Maven, &["1.9", "1.10", "1.18446744073709551615", "1.18446744073709551616"]);
    }

    #[test]
    fn nulls_at_the_end_of_each_list_do_not_count() {
        expect::same(
            Order::Maven,
            &["1", "1.0", "1.0.0", "1-0", "1.0-0", "1-ga", "1.Final", "1.0.RELEASE", "01", "1-"],
        );
        expect::same(Order::Maven, &["1-1", "1.0-1", "1.0.0-1.0"]);
        expect::same(Order::Maven, &["1x", "1.0.0-x", "1-X", "1.0.0x", "1.x", "1-x-ga"]);
        expect::same(Order::Maven, &["0", "0.0", "ga", "final-0"]);
    }

    #[test]
    fn letters_before_a_digit_are_short_for_qualifiers() {
        expect::same(Order::Maven, &["1a1", "1-alpha-1", "1.alpha1", "1-A1"]);
        expect::same(Order::Maven, &["1b2", "1-beta-2"]);
        expect::same(Order::Maven, &["1m3", "1-Milestone3", "1.0-MILESTONE-3"]);
        expect::ascending(Order::Maven, &["1-alpha", "1", "1-a"]);
        expect::same(Order::Maven, &["1-cr", "1-rc"]);
    }

    #[test]
    fn versions_of_real_projects_are_in_order() {
        expect::ascending(
            Order::Maven,
            &["4.1.0.Beta1", "4.1.0.CR1", "4.1.0.Final", "4.1.0.SP1", "4.1.1.Alpha1"],
        );
        expect::ascending(Order::Maven, &["2.9.10-pr1", "2.9.10.1"]);
        expect::ascending(Order::Maven, &["5.3.0.M1", "5.3.0.RC1", "5.3.0.RELEASE", "5.3.1"]);
        expect::ascending(Order::Maven, &["31.0-android", "31.0-jre", "31.0.1-android"]);
        expect::ascending(Order::Maven, &["2.0-beta9", "2.0-rc1", "2.0", "2.0.1", "2.3.2", "2.12.0"]);
    }

    #[test]
    fn where_maven_contradicts_itself_the_release_decides() {
        expect::ascending(Order::Maven, &["1-alpha", "1", "1.x.2"]);
        expect::ascending(Order::Maven, &["1.0.alpha.1", "1", "1-1"]);
    }
}
