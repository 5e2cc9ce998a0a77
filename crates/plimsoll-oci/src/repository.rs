use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// The name of a repository inside a registry, such as `team/app` (distribution-spec, "Pulling manifests", `<name>`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RepositoryName(String);

/// Longest accepted name: clients limit `host/name` to 255 characters.
const LENGTH_MAX: usize = 255;

impl RepositoryName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not a repository name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a repository name is lower-case words joined by `.`, `_`, `__` or `-`, in parts joined by `/`, at most \
     {LENGTH_MAX} characters"
)]
pub struct ParseRepositoryNameError;

impl FromStr for RepositoryName {
    type Err = ParseRepositoryNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let well_formed = name.len() <= LENGTH_MAX && name.split('/').all(is_path_component);
        if well_formed { Ok(Self(name.to_owned())) } else { Err(ParseRepositoryNameError) }
    }
}

/// Whether `part` matches `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_path_component(part: &str) -> bool {
    let is_word_byte = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut rest = part.as_bytes();
    loop {
        let word = rest.iter().take_while(|byte| is_word_byte(byte)).count();
        if word == 0 {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let separator = rest.iter().take_while(|byte| !is_word_byte(byte)).count();
        let (between, after) = rest.split_at(separator);
        let is_separator = matches!(between, b"." | b"_" | b"__") || between.iter().all(|byte| *byte == b'-');
        if !is_separator {
            return false;
        }
        rest = after;
    }
}

impl<'de> Deserialize<'de> for RepositoryName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_grammar_are_taken() {
        for name in ["a", "library/debian", "a.b_c__d-e---f/0", "x/y/z"] {
            assert!(name.parse::<RepositoryName>().is_ok(), "{name}");
        }
    }

    #[test]
    fn path_tricks_are_refused() {
        let long = "a".repeat(256);
        for name in [
            "", "/", "a/", "/a", "a//b", "..", "a/../b", "A", "a.", ".a", "a..b", "a___b", "a%2fb", "a\0",
            &long,
        ] {
            assert_eq!(name.parse::<RepositoryName>(), Err(ParseRepositoryNameError), "{name:?}");
        }
    }
}
