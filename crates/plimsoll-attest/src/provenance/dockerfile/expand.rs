use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// Deepest nesting of defaults within defaults.
const DEPTH_MAX: usize = 8;
/// Longest value of a variable: names of images are far shorter.
const VALUE_BYTES_MAX: usize = 64 * 1024;

/// What a builder knows without being told, and this reader does not.
const OF_THE_PLATFORM: [&str; 8] = [
    "BUILDARCH",
    "BUILDOS",
    "BUILDPLATFORM",
    "BUILDVARIANT",
    "TARGETARCH",
    "TARGETOS",
    "TARGETPLATFORM",
    "TARGETVARIANT",
];

/// The variables that `FROM` sees.
pub(super) struct Variables<'a> {
    escape: char,
    given: &'a BTreeMap<String, String>,
    /// Declared ones; nothing for a value that could not be found out.
    declared: BTreeMap<String, Option<String>>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(escape: char, given: &'a BTreeMap<String, String>) -> Self {
        Self { escape, given, declared: BTreeMap::new() }
    }

    /// Takes the rest of an `ARG` instruction: names, some with a default, which the build's arguments overrule.
    pub(super) fn declare(&mut self, rest: &str) {
        for word in self.words(rest) {
            let (name, default) =
                word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            let value = match self.given.get(name) {
                Some(given) => Some(given.clone()),
                None if default.is_none() && self.is_of_platform(name) => None,
                None => default.map_or_else(|| Some(String::new()), |default| self.expand(default)),
            };
            self.declared.insert(name.to_owned(), value);
        }
    }

    /// The text of a word with its quotes and variables resolved; nothing if that takes what is not known.
    pub(super) fn expand(&self, word: &str) -> Option<String> {
        self.expand_in(&mut word.chars().peekable(), None, 0)
    }

    /// Splits at white space outside quotes.
    fn words<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let (mut words, mut start, mut quote, mut is_escaped) = (Vec::new(), 0, None, false);
        for (at, char) in text.char_indices() {
            match quote {
                _ if is_escaped => is_escaped = false,
                _ if char == self.escape && quote != Some('\'') => is_escaped = true,
                Some(open) if char == open => quote = None,
                None if char == '"' || char == '\'' => quote = Some(char),
                None if char.is_whitespace() => {
                    words.extend(text.get(start..at));
                    start = at + char.len_utf8();
                }
                _ => {}
            }
        }
        words.extend(text.get(start..));
        words.retain(|word| !word.is_empty());
        words
    }

    /// Reads on to `end`, which is taken too, or to the end of the text.
    fn expand_in(&self, chars: &mut Peekable<Chars<'_>>, end: Option<char>, depth: usize) -> Option<String> {
        let (mut text, mut quote) = (String::new(), None);
        while let Some(char) = chars.next() {
            match char {
                _ if quote.is_none() && Some(char) == end => return Some(text),
                '\'' if quote != Some('"') => quote = if quote.is_some() { None } else { Some(char) },
                _ if quote == Some('\'') => text.push(char),
                '"' => quote = if quote.is_some() { None } else { Some(char) },
                '$' => text.push_str(&self.variable(chars, depth)?),
                _ if char == self.escape => text.extend(chars.next()),
                _ => text.push(char),
            }
            if text.len() > VALUE_BYTES_MAX {
                return None;
            }
        }
        end.is_none().then_some(text)
    }

    /// What `$NAME` and `${NAME…}` stand for; the `$` is read already.
    fn variable(&self, chars: &mut Peekable<Chars<'_>>, depth: usize) -> Option<String> {
        let is_braced = chars.next_if_eq(&'{').is_some();
        let mut name = String::new();
        while let Some(char) = chars.next_if(|char| char.is_ascii_alphanumeric() || *char == '_') {
            name.push(char);
        }
        if !is_braced {
            return if name.is_empty() { Some("$".to_owned()) } else { self.value(&name) };
        }
        let or_empty = chars.next_if_eq(&':').is_some();
        let operator = chars.next()?;
        if operator == '}' && !or_empty {
            return self.value(&name);
        }
        if depth >= DEPTH_MAX {
            return None;
        }
        let other = self.expand_in(chars, Some('}'), depth + 1);
        let has_value = self.has_value(&name, or_empty)?;
        match (operator, has_value) {
            ('-', true) => self.value(&name),
            ('-', false) | ('+', true) => other,
            ('+', false) => Some(String::new()),
            // Patterns and errors are left to the builder.
            _ => None,
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        match self.declared.get(name) {
            Some(value) => value.clone(),
            None if self.is_of_platform(name) => self.given.get(name).cloned(),
            None => Some(String::new()),
        }
    }

    fn has_value(&self, name: &str, empty_is_none: bool) -> Option<bool> {
        let value = self.value(name)?;
        let is_set = self.declared.contains_key(name) || self.is_of_platform(name);
        Some(if empty_is_none { !value.is_empty() } else { is_set })
    }

    fn is_of_platform(&self, name: &str) -> bool {
        OF_THE_PLATFORM.contains(&name)
    }
}
