use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// A pattern over names: `*` stands for any characters, slashes included, and everything else for itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Pattern(String);

/// Longest accepted pattern.
const LENGTH_MAX: usize = 255;

impl Pattern {
    /// The pattern that matches every name.
    pub fn any() -> Self {
        Self("*".to_owned())
    }

    /// Whether `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        let mut pieces = self.0.split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else { return false };
        let mut between: Vec<&str> = pieces.collect();
        let Some(last) = between.pop() else { return rest.is_empty() };
        for piece in between {
            match rest.split_once(piece) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl Pattern {
    /// How many characters stand for themselves: of two patterns that match a name, the one with more is closer.
    pub fn literal_length(&self) -> usize {
        self.0.bytes().filter(|byte| *byte != b'*').count()
    }

    /// Whether some name matches both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let ends = |pattern: &'_ Self| pattern.0.bytes().map(Some).chain([None]).rev().collect::<Vec<_>>();
        let theirs = ends(other);
        // For what is left of `other` from each character on, the last end first: whether a name matches that and what
        // is left of `self`.
        let mut shorter = vec![false; theirs.len()];
        for our in ends(self) {
            let mut overlaps = Vec::with_capacity(theirs.len());
            let (mut without_theirs, mut without_both) = (false, false);
            for (their, without_ours) in theirs.iter().zip(shorter) {
                let here = match (our, *their) {
                    (None, None) => true,
                    (Some(b'*'), None) => without_ours,
                    (None, Some(b'*')) => without_theirs,
                    (Some(b'*'), Some(_)) | (Some(_), Some(b'*')) => without_ours || without_theirs,
                    (Some(our), Some(their)) => our == their && without_both,
                    _ => false,
                };
                overlaps.push(here);
                (without_theirs, without_both) = (here, without_ours);
            }
            shorter = overlaps;
        }
        shorter.last().copied().unwrap_or(false)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pattern is a name in which `*` stands for any characters, at most {LENGTH_MAX} characters")]
pub struct ParsePatternError;

impl FromStr for Pattern {
    type Err = ParsePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/*".contains(&byte);
        let well_formed = !text.is_empty() && text.len() <= LENGTH_MAX && text.bytes().all(is_name_byte);
        if well_formed { Ok(Self(text.to_owned())) } else { Err(ParsePatternError) }
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_overlap_where_a_name_matches_both() {
        let overlap = |one: &str, other: &str| {
            let (one, other) = (one.parse::<Pattern>().unwrap(), other.parse::<Pattern>().unwrap());
            assert_eq!(one.overlaps(&other), other.overlaps(&one), "{one} and {other}");
            one.overlaps(&other)
        };
        assert!(overlap("*", "a/b"));
        assert!(overlap("a", "a"));
        assert!(overlap("ab/*", "*/cd"));
        assert!(overlap("a*b*c", "a-*-c"));
        assert!(overlap("a*", "a"));
        assert!(overlap("**", "*"));
        assert!(!overlap("a", "b"));
        assert!(!overlap("ab", "a"));
        assert!(!overlap("team/*", "teams/*"));
        assert!(!overlap("*a", "*b"));
        assert!(!overlap("a*a", "a"));
    }

    proptest::proptest! {
        #[test]
        fn patterns_overlap_exactly_where_a_short_name_matches_both(one in "[ab*]{1,4}", other in "[ab*]{1,4}") {
            let (one, other) = (one.parse::<Pattern>().unwrap(), other.parse::<Pattern>().unwrap());
            // What two patterns of four characters have in common, they have in common with eight letters or fewer.
            let names = (1_u32..=8).flat_map(|length| (0..1_u32 << length).map(move |bits| (length, bits)));
            let mut names = names.map(|(length, bits)| -> String {
                (0..length).map(|place| if bits >> place & 1 == 1 { 'a' } else { 'b' }).collect()
            }).chain([String::new()]);
            proptest::prop_assert_eq!(one.overlaps(&other), names.any(|name| one.matches(&name) && other.matches(&name)));
        }
    }

    #[test]
    fn stars_stand_for_anything() {
        let matches = |pattern: &str, name: &str| pattern.parse::<Pattern>().unwrap().matches(name);
        assert!(matches("*", "a/b"));
        assert!(matches("team/*", "team/a/b"));
        assert!(!matches("team/*", "teams/a"));
        assert!(matches("a*b*c", "a-b-b-c"));
        assert!(!matches("a*b*c", "a-c-b"));
        assert!(matches("v1", "v1"));
        assert!(!matches("v1", "v12"));
        assert!(!matches("ab*ba", "aba"));
    }
}
