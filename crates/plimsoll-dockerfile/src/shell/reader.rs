use std::collections::BTreeMap;
use std::ops::Range;

use super::{COMMANDS_MAX, Command, Joint, Script, ShellWord, is_name};

/// How deep `$(…)` may go.
const NESTING_MAX: usize = 20;
/// Words that only part commands from each other.
const KEYWORDS: &[&str] =
    &["if", "then", "else", "elif", "fi", "while", "until", "do", "done", "{", "}", "!"];

pub(super) fn read(text: &str) -> Script {
    let mut reader = Reader { text, script: Script::default(), variables: BTreeMap::new(), depth: 0 };
    reader.commands(0..text.len());
    reader.script
}

struct Reader<'t> {
    text: &'t str,
    script: Script,
    /// What variables hold; nothing where that is not known.
    variables: BTreeMap<String, Option<String>>,
    depth: usize,
}

/// The command that is being read.
#[derive(Default)]
struct Open {
    command: Command,
    joint: Joint,
    /// What stands in `$(…)` within it.
    substitutions: Vec<Range<usize>>,
    /// `case` that are open.
    cases: usize,
}

/// A word as it is read.
#[derive(Default)]
struct Reading {
    text: String,
    is_unknown: bool,
    is_quoted: bool,
    substitutions: Vec<Range<usize>>,
}

impl Reader<'_> {
    fn commands(&mut self, range: Range<usize>) {
        let mut open = Open::default();
        let mut at = range.start;
        while let Some(c) = self.character(at, range.end) {
            at = match c {
                ' ' | '\t' | '\r' => at + 1,
                '#' => at + self.rest(at, range.end).find('\n').unwrap_or(range.end - at),
                '\n' | ';' | '&' | '|' | '(' | ')' => self.operator(at, range.end, &mut open),
                '<' | '>' => self.redirection(at, range.end),
                _ => match self.word(at, range.end) {
                    Some((reading, next)) => self.place(reading, at..next, range.end, &mut open),
                    None => {
                        self.script.lost_at.get_or_insert(at);
                        break;
                    }
                },
            };
        }
        self.finish(&mut open, Joint::Next);
    }

    /// Ends the command, and says how the next follows.
    fn finish(&mut self, open: &mut Open, next: Joint) {
        let mut command = std::mem::take(&mut open.command);
        command.joint = std::mem::replace(&mut open.joint, next);
        command.is_piped = next == Joint::Pipe;
        if !command.words.is_empty() && self.script.commands.len() < COMMANDS_MAX {
            self.script.commands.push(command);
        } else if !command.words.is_empty() {
            self.script.lost_at.get_or_insert(command.range.start);
        }
        for inner in std::mem::take(&mut open.substitutions) {
            self.substituted(inner);
        }
    }

    fn substituted(&mut self, inner: Range<usize>) {
        if self.depth >= NESTING_MAX {
            self.script.lost_at.get_or_insert(inner.start);
            return;
        }
        self.depth += 1;
        self.commands(inner);
        self.depth -= 1;
    }

    fn operator(&mut self, at: usize, end: usize, open: &mut Open) -> usize {
        let rest = self.rest(at, end);
        let (length, joint) = match rest.as_bytes() {
            [b'&', b'&', ..] => (2, Joint::And),
            [b'|', b'|', ..] => (2, Joint::Or),
            [b'|', b'&', ..] => (2, Joint::Pipe),
            [b'|', ..] => (1, Joint::Pipe),
            // `&>` sends both outputs to a file.
            [b'&', b'>', ..] => return self.redirection(at + 1, end),
            [b';', b';', ..] => (2, Joint::Next),
            _ => (1, Joint::Next),
        };
        self.finish(open, joint);
        at + length
    }

    /// `>file`, `2>&1`, `<<<word`: what follows is no word of the command.
    fn redirection(&mut self, at: usize, end: usize) -> usize {
        let rest = self.rest(at, end);
        let sign = rest.find(|c| !matches!(c, '<' | '>' | '&' | '|' | '-')).unwrap_or(rest.len());
        let blanks = self.rest(at + sign, end).find(|c| !matches!(c, ' ' | '\t')).unwrap_or(0);
        let target = at + sign + blanks;
        match self.character(target, end) {
            Some('\n' | ';' | '&' | '|' | '(' | ')' | '#') | None => target.max(at + 1),
            Some(_) => self.word(target, end).map_or(end, |(_, next)| next.max(at + 1)),
        }
    }

    /// Puts a word where it belongs; where reading goes on.
    fn place(&mut self, reading: Reading, range: Range<usize>, end: usize, open: &mut Open) -> usize {
        let next = range.end;
        let written = self.rest(range.start, range.end).to_owned();
        let is_first = open.command.words.is_empty();
        let is_descriptor = written.bytes().all(|byte| byte.is_ascii_digit());
        if is_descriptor && matches!(self.character(next, end), Some('<' | '>')) {
            return next;
        }
        if is_first && KEYWORDS.contains(&written.as_str()) {
            return next;
        }
        match written.as_str() {
            "esac" if is_first => {
                open.cases = open.cases.saturating_sub(1);
                return next;
            }
            "for" | "select" | "case" if is_first => {
                open.cases += usize::from(written == "case");
                return self.header(next, end, written == "case");
            }
            _ => {}
        }
        if is_first
            && open.cases > 0
            && let Some(length) = pattern_length(self.rest(next, end))
        {
            return next + length;
        }
        open.substitutions.extend(reading.substitutions.iter().cloned());
        if is_first && self.assigns(&written, &reading) {
            return next;
        }
        if is_first {
            open.command.range.start = range.start;
        }
        open.command.range.end = range.end;
        open.command.words.extend(self.split(&written, reading, range));
        next
    }

    /// Passes over `name in words` of a loop, or `word in` of a `case`.
    fn header(&mut self, at: usize, end: usize, is_case: bool) -> usize {
        let rest = self.rest(at, end);
        let name = rest.split_whitespace().next().unwrap_or_default().to_owned();
        if is_case {
            let length = rest.match_indices("in").find(|(place, _)| {
                let around = |offset: Option<usize>| {
                    offset.and_then(|o| rest.as_bytes().get(o)).is_none_or(u8::is_ascii_whitespace)
                };
                around(place.checked_sub(1)) && around(Some(place + 2))
            });
            return at + length.map_or(rest.len(), |(place, _)| place + 2);
        }
        let length = rest.find([';', '\n']).unwrap_or(rest.len());
        self.variables.insert(name, None);
        at + length
    }

    /// Whether a word sets a variable, which is then known.
    fn assigns(&mut self, written: &str, reading: &Reading) -> bool {
        let Some((name, _)) = written.split_once('=') else { return false };
        let name = name.strip_suffix('+').unwrap_or(name);
        if !is_name(name) {
            return false;
        }
        let value = reading.text.split_once('=').map(|(_, value)| value.to_owned());
        let value = value.filter(|_| !reading.is_unknown && !written.starts_with(&format!("{name}+")));
        self.variables.insert(name.to_owned(), value);
        true
    }

    /// The word, or the words that a variable alone becomes.
    fn split(&self, written: &str, reading: Reading, range: Range<usize>) -> Vec<ShellWord> {
        let name = written.strip_prefix('$').map(|name| name.trim_start_matches('{').trim_end_matches('}'));
        let value = name.and_then(|name| self.variables.get(name)).and_then(Option::as_ref);
        if let Some(value) = value.filter(|_| !reading.is_quoted) {
            let word = |part: &str| ShellWord {
                text: Some(part.to_owned()),
                written: part.to_owned(),
                range: range.clone(),
            };
            return value.split_whitespace().map(word).collect();
        }
        let text = (!reading.is_unknown).then(|| reading.text.clone());
        let is_plain = !reading.is_unknown || !reading.is_quoted;
        let written = if is_plain && !reading.is_unknown { reading.text } else { unquoted(written) };
        vec![ShellWord { text, written, range }]
    }

    /// Reads a word, and tells where it ends; nothing where a quote or bracket in it is open.
    fn word(&self, start: usize, end: usize) -> Option<(Reading, usize)> {
        let mut reading = Reading::default();
        let mut at = start;
        while let Some(c) = self.character(at, end) {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
                '\'' => {
                    let inside = self.rest(at + 1, end);
                    let length = inside.find('\'')?;
                    reading.text.push_str(inside.get(..length)?);
                    reading.is_quoted = true;
                    at += length + 2;
                }
                '"' => at = self.double_quoted(at + 1, end, &mut reading)?,
                '\\' => {
                    let escaped = self.character(at + 1, end);
                    reading.text.extend(escaped.filter(|c| *c != '\n'));
                    at += 1 + escaped.map_or(0, char::len_utf8);
                }
                '$' | '`' => at = self.dollar(at, end, &mut reading)?,
                c => {
                    // What the shell looks files up for is known only when it runs.
                    reading.is_unknown |= matches!(c, '{');
                    reading.text.push(c);
                    at += c.len_utf8();
                }
            }
        }
        Some((reading, at.max(start + usize::from(at == start && start < end))))
    }

    fn double_quoted(&self, start: usize, end: usize, reading: &mut Reading) -> Option<usize> {
        reading.is_quoted = true;
        let mut at = start;
        loop {
            match self.character(at, end)? {
                '"' => return Some(at + 1),
                '\\' => {
                    let escaped = self.character(at + 1, end)?;
                    if !matches!(escaped, '"' | '\\' | '$' | '`' | '\n') {
                        reading.text.push('\\');
                    }
                    reading.text.extend(Some(escaped).filter(|c| *c != '\n'));
                    at += 1 + escaped.len_utf8();
                }
                '$' | '`' => at = self.dollar(at, end, reading)?,
                c => {
                    reading.text.push(c);
                    at += c.len_utf8();
                }
            }
        }
    }

    /// A variable or substitution; where it ends.
    fn dollar(&self, at: usize, end: usize, reading: &mut Reading) -> Option<usize> {
        let rest = self.rest(at, end);
        if rest.starts_with('`') {
            let length = rest.get(1..)?.find('`')?;
            reading.is_unknown = true;
            reading.substitutions.push(at + 1..at + 1 + length);
            return Some(at + length + 2);
        }
        if rest.starts_with("$(") {
            let close = self.closing(at + 2, end, ')')?;
            reading.is_unknown = true;
            if !rest.starts_with("$((") {
                reading.substitutions.push(at + 2..close);
            }
            return Some(close + 1);
        }
        if rest.starts_with("${") {
            let close = self.closing(at + 2, end, '}')?;
            self.put(self.rest(at + 2, close), reading);
            return Some(close + 1);
        }
        let name = rest.get(1..)?;
        let length = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
        if length == 0 {
            let is_parameter = name.starts_with(['@', '*', '#', '?', '-', '$', '!']);
            reading.is_unknown |= is_parameter;
            reading.text.push('$');
            return Some(at + 1 + usize::from(is_parameter));
        }
        self.put(name.get(..length)?, reading);
        Some(at + 1 + length)
    }

    fn put(&self, name: &str, reading: &mut Reading) {
        match self.variables.get(name) {
            Some(Some(value)) => reading.text.push_str(value),
            _ => reading.is_unknown = true,
        }
    }

    /// Where the bracket closes that is open at `start`.
    fn closing(&self, start: usize, end: usize, close: char) -> Option<usize> {
        let open = if close == ')' { '(' } else { '{' };
        let mut depth = 1;
        let mut at = start;
        loop {
            let c = self.character(at, end)?;
            at += match c {
                '\\' => 1 + self.character(at + 1, end).map_or(0, char::len_utf8),
                '\'' => self.rest(at + 1, end).find('\'')? + 2,
                c => c.len_utf8(),
            };
            if c == open {
                depth += 1;
            } else if c == close {
                depth -= 1;
                if depth == 0 {
                    return Some(at - 1);
                }
            }
        }
    }

    fn character(&self, at: usize, end: usize) -> Option<char> {
        self.rest(at, end).chars().next()
    }

    fn rest(&self, at: usize, end: usize) -> &str {
        self.text.get(at..end.max(at)).unwrap_or_default()
    }
}

/// How long the rest of a pattern of `case` is, with its bracket, if this is behind one.
fn pattern_length(rest: &str) -> Option<usize> {
    let end = rest.find([')', '\n', ';', '&', '('])?;
    let is_pattern = rest.get(end..)?.starts_with(')')
        && rest.get(..end)?.chars().all(|c| c.is_alphanumeric() || " |*?[]-_.\"'/+".contains(c));
    is_pattern.then_some(end + 1)
}

/// A word whose value is not known, without quotes around it.
fn unquoted(written: &str) -> String {
    let inside = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or(written).to_owned()
}
