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
