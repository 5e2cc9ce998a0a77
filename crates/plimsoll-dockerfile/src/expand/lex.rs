use std::collections::BTreeSet;

use super::pattern::Pattern;
use super::{EXPANDED_BYTES_MAX, ExpandError, Expanded, NESTING_MAX, Variables};

/// How a text is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LexOptions {
    pub(crate) escape: char,
    /// Quotes mean something.
    pub(crate) has_quotes: bool,
    /// Quotes stay.
    pub(crate) keeps_quotes: bool,
    /// Escapes stay.
    pub(crate) keeps_escapes: bool,
    /// A variable that is not set stays as it is written.
    pub(crate) keeps_unknown: bool,
}

impl LexOptions {
    /// As the words of an instruction are read.
    pub(crate) fn of_words(escape: char) -> Self {
        Self { escape, has_quotes: true, keeps_quotes: false, keeps_escapes: false, keeps_unknown: false }
    }

    /// As here-documents are looked for, with or without their quotes.
    pub(crate) fn of_heredocs(keeps_quotes: bool, keeps_escapes: bool) -> Self {
        Self { escape: '\\', has_quotes: true, keeps_quotes, keeps_escapes, keeps_unknown: true }
    }
}

/// Replaces the variables of a text.
pub(super) fn expand(
    text: &str,
    options: LexOptions,
    variables: &dyn Variables,
) -> Result<Expanded, ExpandError> {
    let mut lexer = Lexer::of(text, options, variables);
    let text = lexer.until(None)?;
    Ok(Expanded { text, known: lexer.known, unknown: lexer.unknown })
}

/// The words of a text, none of whose variables is set, each with the byte where it begins.
pub(crate) fn split_words(text: &str, options: LexOptions) -> Result<Vec<(usize, String)>, ExpandError> {
    struct Nothing;
    impl Variables for Nothing {
        fn value(&self, _: &str) -> Option<&str> {
            None
        }
    }
    let mut lexer = Lexer::of(text, options, &Nothing);
    lexer.words = Some(Words::default());
    lexer.until(None)?;
    let mut words = lexer.words.unwrap_or_default();
    words.end();
    Ok(words.done)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    options: LexOptions,
    variables: &'t dyn Variables,
    known: BTreeSet<String>,
    unknown: BTreeSet<String>,
    depth: usize,
    words: Option<Words>,
}

/// Words as they are found.
#[derive(Default)]
struct Words {
    done: Vec<(usize, String)>,
    open: String,
    start: usize,
}

impl Words {
    fn add(&mut self, at: usize, text: &str, is_splitting: bool) {
        for c in text.chars() {
            if is_splitting && c.is_whitespace() {
                self.end();
                continue;
            }
            if self.open.is_empty() {
                self.start = at;
            }
            self.open.push(c);
        }
    }

    fn end(&mut self) {
        if !self.open.is_empty() {
            self.done.push((self.start, std::mem::take(&mut self.open)));
        }
    }
}

impl<'t> Lexer<'t> {
    fn of(text: &'t str, options: LexOptions, variables: &'t dyn Variables) -> Self {
        let (known, unknown) = (BTreeSet::new(), BTreeSet::new());
        Self { text, at: 0, options, variables, known, unknown, depth: 0, words: None }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Reads up to a character, which is taken away, or to the end.
    fn until(&mut self, stop: Option<char>) -> Result<String, ExpandError> {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            if text.len() > EXPANDED_BYTES_MAX {
                return Err(ExpandError::TooLarge);
            }
            if Some(c) == stop {
                self.next();
                return Ok(text);
            }
            let at = self.at;
            let (piece, is_splitting) = match c {
                '$' => (self.variable()?, true),
                '<' => (self.less_than(), false),
                '\'' if self.options.has_quotes => (self.single_quoted()?, false),
                '"' if self.options.has_quotes => (self.double_quoted()?, false),
                _ => match self.plain() {
                    Some(piece) => piece,
                    None => break,
                },
            };
            text.push_str(&piece);
            if let Some(words) = self.words.as_mut().filter(|_| self.depth == 0) {
                words.add(at, &piece, is_splitting);
            }
        }
        match stop {
            Some(stop) => Err(ExpandError::Open(stop)),
            None if text.len() > EXPANDED_BYTES_MAX && self.words.is_none() => Err(ExpandError::TooLarge),
            None => Ok(text),
        }
    }

    /// A character that means itself, or one that is escaped; nothing where an escape ends the text.
    fn plain(&mut self) -> Option<(String, bool)> {
        let c = self.next()?;
        if c != self.options.escape {
            return Some((c.to_string(), true));
        }
        let mut piece = String::new();
        if self.options.keeps_escapes {
            piece.push(c);
        }
        match self.next() {
            Some(escaped) => piece.push(escaped),
            None if piece.is_empty() => return None,
            None => {}
        }
        Some((piece, false))
    }

    fn single_quoted(&mut self) -> Result<String, ExpandError> {
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let length = rest.find('\'').ok_or(ExpandError::OpenQuote('\''))?;
        let inside = rest.get(..length).unwrap_or_default();
        self.at += length + 2;
        Ok(if self.options.keeps_quotes { format!("'{inside}'") } else { inside.to_owned() })
    }

    fn double_quoted(&mut self) -> Result<String, ExpandError> {
        let mut text = String::new();
        self.next();
        let quote = if self.options.keeps_quotes { "\"" } else { "" };
        text.push_str(quote);
        loop {
            match self.peek().ok_or(ExpandError::OpenQuote('"'))? {
                '"' => {
                    self.next();
                    text.push_str(quote);
                    return Ok(text);
                }
                '$' => text.push_str(&self.variable()?),
                _ => self.within_quotes(&mut text),
            }
            if text.len() > EXPANDED_BYTES_MAX {
                return Err(ExpandError::TooLarge);
            }
        }
    }

    /// One character between double quotes, where few can be escaped.
    fn within_quotes(&mut self, text: &mut String) {
        let Some(mut c) = self.next() else { return };
        if c == self.options.escape {
            if self.options.keeps_escapes {
                text.push(c);
            }
            match self.peek() {
                Some(next) if matches!(next, '"' | '$') || next == self.options.escape => {
                    self.next();
                    c = next;
                }
                Some(_) => {}
                None => return,
            }
        }
        text.push(c);
    }

    /// `<`, or `<<` with the blanks after it: the word of a here-document may follow.
    fn less_than(&mut self) -> String {
        self.next();
        if self.peek() != Some('<') {
            return "<".to_owned();
        }
        self.next();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches(['\t', '\r', ' ']).len();
        self.at += blanks;
        format!("<<{}", rest.get(..blanks).unwrap_or_default())
    }

    fn variable(&mut self) -> Result<String, ExpandError> {
        self.next();
        if self.peek() != Some('{') {
            let name = self.name();
            if name.is_empty() {
                return Ok("$".to_owned());
            }
            return Ok(match self.value(&name) {
                None if self.options.keeps_unknown => format!("${name}"),
                value => value.unwrap_or_default(),
            });
        }
        self.next();
        match self.peek() {
            None => return Err(ExpandError::Open('}')),
            Some(c @ ('{' | '}' | ':')) => return Err(ExpandError::NoName(c)),
            Some(_) => {}
        }
        let name = self.name();
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(ExpandError::TooLarge);
        }
        let value = self.modified(&name);
        self.depth -= 1;
        value
    }

    /// What stands behind the name between braces.
    fn modified(&mut self, name: &str) -> Result<String, ExpandError> {
        let modifier = self.next();
        match modifier {
            Some('}') => Ok(match self.value(name) {
                None if self.options.keeps_unknown => format!("${{{name}}}"),
                value => value.unwrap_or_default(),
            }),
            Some(':') => match self.next() {
                Some(c @ ('-' | '+' | '?')) => self.alternative(name, c, true),
                other => {
                    Err(ExpandError::Modifier(other.map_or_else(|| ":".to_owned(), |c| format!(":{c}"))))
                }
            },
            Some(c @ ('-' | '+' | '?')) => self.alternative(name, c, false),
            Some(c @ ('#' | '%')) => self.trimmed(name, c),
            Some('/') => self.replaced(name),
            other => Err(ExpandError::Modifier(other.map(String::from).unwrap_or_default())),
        }
    }

    /// `${name-word}`, `${name+word}` and `${name?word}`; with `:` an empty value counts as none.
    fn alternative(
        &mut self,
        name: &str,
        modifier: char,
        is_empty_none: bool,
    ) -> Result<String, ExpandError> {
        let word = self.with_escapes(false, |lexer| lexer.until(Some('}')))?;
        let value = self.value(name);
        if value.is_none() && self.options.keeps_unknown {
            let colon = if is_empty_none { ":" } else { "" };
            return Ok(format!("${{{name}{colon}{modifier}{word}}}"));
        }
        let present = value.clone().filter(|value| !(is_empty_none && value.is_empty()));
        match (modifier, present) {
            ('+', Some(_)) | ('-', None) => Ok(word),
            ('+', None) => Ok(String::new()),
            (_, Some(value)) => Ok(value),
            (_, None) => {
                let state = if value.is_some() { "empty" } else { "unset" };
                let message = if word.is_empty() { format!("it may not be {state}") } else { word };
                Err(ExpandError::Required { name: name.to_owned(), message })
            }
        }
    }

    /// `${name#pattern}` and `${name%pattern}`; twice the sign takes the longest away.
    fn trimmed(&mut self, name: &str, sign: char) -> Result<String, ExpandError> {
        let word = self.with_escapes(true, |lexer| lexer.until(Some('}')))?;
        let value = self.value(name);
        if value.is_none() && self.options.keeps_unknown {
            return Ok(format!("${{{name}{sign}{word}}}"));
        }
        let value = value.unwrap_or_default();
        let longest = word.strip_prefix(sign);
        let pattern = Pattern::parse(longest.unwrap_or(&word))?;
        Ok(match sign {
            '#' => pattern.without_prefix(&value, longest.is_some()),
            _ => pattern.without_suffix(&value, longest.is_some()),
        })
    }

    /// `${name/pattern/replacement}`; `//` replaces all.
    fn replaced(&mut self, name: &str) -> Result<String, ExpandError> {
        let is_all = self.peek() == Some('/');
        if is_all {
            self.next();
        }
        let word = self.with_escapes(true, |lexer| lexer.until(Some('/')))?;
        let replacement = self.with_escapes(true, |lexer| lexer.until(Some('}')))?;
        match self.value(name) {
            None if self.options.keeps_unknown => Ok(format!("${{{name}/{word}/{replacement}}}")),
            value => Ok(Pattern::parse(&word)?.replace(&value.unwrap_or_default(), &replacement, is_all)),
        }
    }

    /// Reads a word between braces. What stands before it on the same word is lost to the words, as in `BuildKit`.
    fn with_escapes<T>(&mut self, keeps: bool, read: impl FnOnce(&mut Self) -> T) -> T {
        if let Some(words) = &mut self.words {
            words.open.clear();
        }
        let before = std::mem::replace(&mut self.options.keeps_escapes, keeps);
        let value = read(self);
        self.options.keeps_escapes = before;
        value
    }

    /// A name, a number, or one of the shell's own parameters.
    fn name(&mut self) -> String {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length_while = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let length = match rest.chars().next() {
            Some(c) if c.is_numeric() => length_while(char::is_numeric),
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => 1,
            _ => length_while(|c| c.is_alphanumeric() || c == '_'),
        };
        self.at += length;
        rest.get(..length).unwrap_or_default().to_owned()
    }

    fn value(&mut self, name: &str) -> Option<String> {
        let value = self.variables.value(name).map(str::to_owned);
        let seen = if value.is_some() { &mut self.known } else { &mut self.unknown };
        seen.insert(name.to_owned());
        value
    }
}
