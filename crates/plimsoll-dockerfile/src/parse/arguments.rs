//! The name, options and arguments of an instruction. Each instruction has its own way to read them.

use std::ops::Range;

use super::TRIGGER_DEPTH_MAX;
use super::flags::flags;
use super::json::{Json, array};
use super::words::{QuotedWord, between_blanks, is_blank, quoted, trim};
use crate::document::SyntaxError;
use crate::instruction::{Arguments, Instruction, Keyword, Pair, Word};
use crate::joined::Joined;
use crate::span::Span;

/// The text that is read, and the character that escapes in it.
#[derive(Clone, Copy)]
pub(super) struct Reading<'j> {
    pub(super) joined: &'j Joined,
    pub(super) escape: u8,
}

impl Reading<'_> {
    /// The text of a range, with its place.
    pub(super) fn word(self, range: Range<usize>) -> Word {
        Word { text: self.joined.text(range.clone()).into_owned(), span: self.joined.span(range) }
    }
}

/// Reads an instruction from a range of the text.
pub(super) fn instruction(
    reading: Reading<'_>,
    range: Range<usize>,
    errors: &mut Vec<SyntaxError>,
    depth: usize,
) -> Instruction {
    let bytes = reading.joined.bytes();
    let whole = trim(bytes, range);
    let text = bytes.get(whole.clone()).unwrap_or_default();
    let name_end = whole.start + text.iter().take_while(|byte| !is_blank(**byte)).count();
    let blanks = bytes.get(name_end..whole.end).unwrap_or_default();
    let rest = name_end + blanks.iter().take_while(|byte| is_blank(**byte)).count();
    let name = reading.word(whole.start..name_end);
    let (flags, rest) = flags(reading, rest..whole.end);
    let keyword = Keyword::of_name(&name.text);
    let span = reading.joined.span(whole.clone());
    let mut form = Form { reading, errors, depth, span };
    let arguments = form.read(keyword, trim(bytes, rest..whole.end));
    let (heredocs, comments) = (Vec::new(), Vec::new());
    Instruction { span, keyword, name, flags, arguments, heredocs, comments, joined: Joined::default() }
}

struct Form<'j, 'e> {
    reading: Reading<'j>,
    errors: &'e mut Vec<SyntaxError>,
    depth: usize,
    span: Span,
}

impl Form<'_, '_> {
    fn read(&mut self, keyword: Option<Keyword>, range: Range<usize>) -> Arguments {
        let Some(keyword) = keyword.filter(|_| !range.is_empty()) else { return Arguments::None };
        match keyword {
            Keyword::Add | Keyword::Copy | Keyword::Volume => self.json_or(range, between_words),
            Keyword::Cmd | Keyword::Entrypoint | Keyword::Run | Keyword::Shell => {
                self.json_or(range, one_text)
            }
            Keyword::Expose | Keyword::From => between_words(self.reading, range),
            Keyword::Arg => {
                words_or_none(quoted(self.reading, range).into_iter().map(|quoted| quoted.word).collect())
            }
            Keyword::Env | Keyword::Label => self.pairs(keyword, range),
            Keyword::Healthcheck => self.healthcheck(range),
            Keyword::Onbuild => self.trigger(range),
            Keyword::Maintainer | Keyword::Stopsignal | Keyword::User | Keyword::Workdir => {
                one_text(self.reading, range)
            }
        }
    }

    fn json_or(
        &mut self,
        range: Range<usize>,
        otherwise: fn(Reading<'_>, Range<usize>) -> Arguments,
    ) -> Arguments {
        match array(self.reading, range.clone()) {
            Json::Strings(words) => Arguments::Json(words),
            Json::Not => otherwise(self.reading, range),
            Json::Others => {
                let span = self.reading.joined.span(range.clone());
                self.error("a command as a JSON array holds strings only", span);
                otherwise(self.reading, range)
            }
        }
    }

    fn pairs(&mut self, keyword: Keyword, range: Range<usize>) -> Arguments {
        let words = quoted(self.reading, range.clone());
        let Some(first) = words.first() else { return Arguments::None };
        if !first.word.text.contains('=') {
            return self.old_pair(keyword, range);
        }
        let mut pairs = Vec::new();
        for word in words {
            match pair(self.reading, &word) {
                Some(pair) => pairs.push(pair),
                None => {
                    let what =
                        format!("`{}` has no `=`: {} takes name=value", word.word.text, keyword.name());
                    self.error(&what, word.word.span);
                }
            }
        }
        Arguments::Pairs(pairs)
    }

    /// `ENV name value with blanks`, the form without `=`.
    fn old_pair(&mut self, keyword: Keyword, range: Range<usize>) -> Arguments {
        let bytes = self.reading.joined.bytes();
        let length = |from: usize, blank: bool| {
            let rest = bytes.get(from..range.end).unwrap_or_default();
            from + rest.iter().take_while(|byte| is_blank(**byte) == blank).count()
        };
        let name_end = length(range.start, false);
        let value = length(name_end, true);
        if value == name_end {
            self.error(&format!("{} takes a name and a value", keyword.name()), self.span);
            return Arguments::Pairs(Vec::new());
        }
        let name = self.reading.word(range.start..name_end);
        let value = self.reading.word(value..range.end);
        Arguments::Pairs(vec![Pair { name, value, has_equals: false }])
    }

    fn healthcheck(&mut self, range: Range<usize>) -> Arguments {
        let bytes = self.reading.joined.bytes();
        let is_space = |byte: &&u8| matches!(byte, b'\t'..=b'\r' | b' ');
        let text = bytes.get(range.clone()).unwrap_or_default();
        let kind_length = text.iter().take_while(|byte| !is_space(byte)).count();
        let spaces = text.iter().skip(kind_length).take_while(is_space).count();
        let kind = self.reading.word(range.start..range.start + kind_length);
        let rest = range.start + kind_length + spaces..range.end;
        let command = if rest.is_empty() { Arguments::None } else { self.json_or(rest, one_text) };
        Arguments::Healthcheck(kind, Box::new(command))
    }

    fn trigger(&mut self, range: Range<usize>) -> Arguments {
        if self.depth >= TRIGGER_DEPTH_MAX {
            self.error("ONBUILD within ONBUILD", self.span);
            return Arguments::None;
        }
        let inner = instruction(self.reading, range, self.errors, self.depth + 1);
        Arguments::Trigger(Box::new(inner))
    }

    fn error(&mut self, message: &str, span: Span) {
        self.errors.push(SyntaxError { message: message.to_owned(), span });
    }
}

fn one_text(reading: Reading<'_>, range: Range<usize>) -> Arguments {
    Arguments::Text(reading.word(range))
}

fn between_words(reading: Reading<'_>, range: Range<usize>) -> Arguments {
    words_or_none(between_blanks(reading, range))
}

fn words_or_none(words: Vec<Word>) -> Arguments {
    if words.is_empty() { Arguments::None } else { Arguments::Words(words) }
}

/// A word with `=` in it as a name and a value.
fn pair(reading: Reading<'_>, word: &QuotedWord) -> Option<Pair> {
    let (name, value) = word.word.text.split_once('=')?;
    let bytes = reading.joined.bytes().get(word.range.clone()).unwrap_or_default();
    let equals = word.range.start + memchr::memchr(b'=', bytes)?;
    Some(Pair {
        name: Word { text: name.to_owned(), span: reading.joined.span(word.range.start..equals) },
        value: Word { text: value.to_owned(), span: reading.joined.span(equals + 1..word.range.end) },
        has_equals: true,
    })
}
