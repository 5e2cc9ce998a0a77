//! Variables in a word, replaced as `BuildKit` does (`frontend/dockerfile/shell`).

mod lex;
mod pattern;

use std::collections::BTreeSet;

pub(crate) use lex::{LexOptions, split_words};

/// Longest text that a word may become: `ENV a=$a$a` doubles with each line.
pub const EXPANDED_BYTES_MAX: usize = 1 << 16;
/// How deep `${a:-${b}}` may go.
const NESTING_MAX: usize = 50;

/// What variables are known, and what they hold.
pub trait Variables {
    /// The value of a variable; nothing where it is not set.
    fn value(&self, name: &str) -> Option<&str>;
}

/// A word whose variables were replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// What became of it, without quotes.
    pub text: String,
    /// The variables in it that are set.
    pub known: BTreeSet<String>,
    /// The variables in it that are not set.
    pub unknown: BTreeSet<String>,
}

/// Why variables cannot be replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// A quote is not closed.
    #[error("a quote `{0}` is not closed")]
    OpenQuote(char),
    /// A `${` is not closed, or a `/` in it is missing.
    #[error("`{0}` is missing in a `${{…}}`")]
    Open(char),
    /// Nothing can stand so between braces.
    #[error("a `${{` is followed by `{0}`, which is no name")]
    NoName(char),
    /// There is no such modifier.
    #[error("`{0}` is no modifier of a variable")]
    Modifier(String),
    /// `${name?…}` of a variable that is not set, with its message.
    #[error("`{name}`: {message}")]
    Required {
        /// The variable.
        name: String,
        /// What the Dockerfile says about it.
        message: String,
    },
    /// A pattern cannot be read.
    #[error("the pattern `{0}` escapes what needs no escape")]
    Pattern(String),
    /// It is nested or grows beyond all sense.
    #[error(
        "the word becomes longer than {EXPANDED_BYTES_MAX} bytes, or is nested deeper than {NESTING_MAX}"
    )]
    TooLarge,
}

/// Replaces the variables of a word, and takes its quotes away. `escape` is the file's escape character.
pub fn expand(word: &str, escape: char, variables: &dyn Variables) -> Result<Expanded, ExpandError> {
    lex::expand(word, LexOptions::of_words(escape), variables)
}

/// Replaces the variables of a text in which quotes mean nothing, such as a here-document.
pub fn expand_raw(text: &str, variables: &dyn Variables) -> Result<Expanded, ExpandError> {
    lex::expand(text, LexOptions { has_quotes: false, ..LexOptions::of_words('\\') }, variables)
}

/// The variables that a word names, whatever they hold.
pub fn names(word: &str, escape: char) -> BTreeSet<String> {
    struct Nothing;
    impl Variables for Nothing {
        fn value(&self, _: &str) -> Option<&str> {
            None
        }
    }
    // A required variable that is missing ends the reading, and is itself the answer.
    match expand(word, escape, &Nothing) {
        Ok(expanded) => expanded.unknown,
        Err(ExpandError::Required { name, .. }) => BTreeSet::from([name]),
        Err(_) => BTreeSet::new(),
    }
}

impl Variables for std::collections::BTreeMap<String, String> {
    fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn with(word: &str) -> Result<String, ExpandError> {
        let pairs = [("a", "abcabc"), ("empty", ""), ("path", "/usr/local/bin"), ("v", "1.2.3")];
        let variables: BTreeMap<String, String> =
            pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        expand(word, '\\', &variables).map(|expanded| expanded.text)
    }

    #[test]
    fn every_modifier_does_what_the_shell_does() {
        for (word, text) in [
            ("$a-${a}", "abcabc-abcabc"),
            ("${none:-x}${none-y}${empty:-z}${empty-w}", "xyz"),
            ("${a:+x}${none+y}${empty+z}${empty:+w}", "xz"),
            ("${a#*b}|${a##*b}|${a%b*}|${a%%b*}", "cabc|c|abca|a"),
            ("${path##*/}", "bin"),
            ("${v/./-}${v//./-}", "1-2.31-2-3"),
            ("${v%.*}", "1.2"),
            ("${none:-${a}}", "abcabc"),
            ("'$a'\"$a\"", "$aabcabc"),
            ("\\$a \"\\$a\" '\\$a'", "$a $a \\$a"),
            ("$(x) $ 1$", "$(x) $ 1$"),
        ] {
            assert_eq!(with(word).as_deref(), Ok(text), "{word}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(with("'a"), Err(ExpandError::OpenQuote('\'')));
        assert_eq!(with("${a"), Err(ExpandError::Modifier(String::new())));
        assert_eq!(with("${a:-b"), Err(ExpandError::Open('}')));
        assert_eq!(with("${}"), Err(ExpandError::NoName('}')));
        assert!(matches!(with("${none?no}"), Err(ExpandError::Required { .. })));
        assert_eq!(with("${a^^}"), Err(ExpandError::Modifier("^".to_owned())));
    }

    #[test]
    fn growth_and_depth_have_limits() {
        let long = "x".repeat(EXPANDED_BYTES_MAX);
        let variables = BTreeMap::from([("a".to_owned(), long)]);
        assert_eq!(expand("$a$a", '\\', &variables), Err(ExpandError::TooLarge));
        let deep = format!("{}{}", "${a:-".repeat(10_000), "}".repeat(10_000));
        assert_eq!(expand(&deep, '\\', &variables), Err(ExpandError::TooLarge));
    }

    #[test]
    fn the_names_of_a_word_are_found() {
        assert_eq!(names("${a:-$b}/$c", '\\').into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
