//! Reading a Dockerfile as `BuildKit` does (`frontend/dockerfile/parser`), without loss and past what is wrong.
//!
//! A line with an error is an instruction with an error; reading goes on behind it.

mod arguments;
mod check;
mod comment;
mod flags;
mod heredoc;
mod json;
mod mount;
mod words;

use crate::document::{Document, Part, PartKind, SyntaxError};
use crate::instruction::{Comment, Instruction};
use crate::joined::Joined;
use crate::span::{LineIndex, Span};
use comment::Directives;

pub(crate) use mount::fields as mount_fields;
pub use mount::{Mount, mounts};

/// How deep `ONBUILD` may hold `ONBUILD`; once is wrong already.
const TRIGGER_DEPTH_MAX: usize = 2;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a Dockerfile. Any bytes can be read: what is wrong with them is in [`Document::errors`].
pub fn parse(source: impl Into<Vec<u8>>) -> Document {
    let source = source.into();
    let mut parser = Parser::of(&source);
    parser.read();
    let Parser { parts, directives, instructions, mut errors, empty_continuations, escape, .. } = parser;
    errors.sort_by_key(|error| error.span);
    let lines = LineIndex::of(&source);
    let directives = directives.found;
    Document { source, lines, parts, directives, instructions, errors, empty_continuations, escape }
}

struct Parser<'s> {
    source: &'s [u8],
    /// Where the next line begins.
    next: usize,
    escape: u8,
    parts: Vec<Part>,
    directives: Directives,
    comments: Vec<Comment>,
    instructions: Vec<Instruction>,
    errors: Vec<SyntaxError>,
    empty_continuations: Vec<Span>,
    /// Here-documents without an end.
    open_heredocs: usize,
}

/// A line: its bytes without the end, and where its end ends.
#[derive(Clone, Copy)]
struct Line {
    text: Span,
    end: usize,
}

impl<'s> Parser<'s> {
    fn of(source: &'s [u8]) -> Self {
        Self {
            source,
            next: 0,
            escape: b'\\',
            parts: Vec::new(),
            directives: Directives::default(),
            comments: Vec::new(),
            instructions: Vec::new(),
            errors: Vec::new(),
            empty_continuations: Vec::new(),
            open_heredocs: 0,
        }
    }

    fn read(&mut self) {
        if self.source.starts_with(BYTE_ORDER_MARK) {
            self.next = BYTE_ORDER_MARK.len();
            self.part(PartKind::ByteOrderMark, 0, self.next);
        }
        while let Some(line) = self.line() {
            let start = line.text.start + words::leading_space(line.text.of(self.source));
            let text = Span::new(start, line.text.end);
            match text.of(self.source).first() {
                None => self.blank(line),
                Some(b'#') => self.comment(line, text),
                Some(_) => self.instruction(line, text),
            }
        }
        if self.instructions.is_empty() {
            self.error("the file has no instructions", Span::new(0, 0));
        }
    }

    /// The next line, which counts as read.
    fn line(&mut self) -> Option<Line> {
        let rest = self.source.get(self.next..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr(b'\n', rest).map_or(self.source.len(), |end| self.next + end + 1);
        let whole = self.source.get(self.next..end)?;
        let ending = whole.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let text = Span::new(self.next, end - ending);
        self.next = end;
        Some(Line { text, end })
    }

    fn part(&mut self, kind: PartKind, start: usize, end: usize) {
        if start < end {
            self.parts.push(Part { kind, span: Span { start, end } });
        }
    }

    fn error(&mut self, message: impl Into<String>, span: Span) {
        self.errors.push(SyntaxError { message: message.into(), span });
    }

    fn blank(&mut self, line: Line) {
        self.directives.close();
        self.part(PartKind::Blank, line.text.start, line.end);
    }

    fn comment(&mut self, line: Line, text: Span) {
        self.part(PartKind::Space, line.text.start, text.start);
        match self.directives.read(self.source, text) {
            Ok(true) => self.part(PartKind::Directive, text.start, text.end),
            Ok(false) => {
                self.part(PartKind::Comment, text.start, text.end);
                comment::collect(&mut self.comments, self.source, text);
            }
            Err(message) => {
                self.part(PartKind::Directive, text.start, text.end);
                self.error(message, text);
            }
        }
        self.escape = self.directives.escape();
        self.part(PartKind::Space, text.end, line.end);
    }

    fn instruction(&mut self, line: Line, text: Span) {
        self.directives.close();
        self.part(PartKind::Space, line.text.start, text.start);
        let joined = self.continued(line, text);
        let comments = std::mem::take(&mut self.comments);
        let reading = arguments::Reading { joined: &joined, escape: self.escape };
        let read = arguments::instruction(reading, 0..joined.bytes().len(), &mut self.errors, 0);
        let span = Span::new(text.start, read.span.end);
        let mut instruction = Instruction { span, comments, ..read };
        self.heredocs(&joined, &mut instruction);
        instruction.joined = joined;
        check::check(&instruction, &mut self.errors);
        self.instructions.push(instruction);
    }

    /// The instruction's text over as many lines as it has.
    fn continued(&mut self, first: Line, text: Span) -> Joined {
        let mut joined = Joined::default();
        let mut is_open = self.code(&mut joined, text, first.end);
        let mut is_bare = false;
        while is_open {
            let Some(line) = self.line() else { break };
            let bytes = line.text.of(self.source);
            let space = words::leading_space(bytes);
            if bytes.get(space) == Some(&b'#') {
                self.part(PartKind::Space, line.text.start, line.text.start + space);
                self.part(PartKind::Comment, line.text.start + space, line.text.end);
                self.part(PartKind::Space, line.text.end, line.end);
            } else if space == bytes.len() {
                self.part(PartKind::Blank, line.text.start, line.end);
                if !is_bare {
                    self.empty_continuations.push(line.text);
                }
                is_bare = true;
            } else {
                is_open = self.code(&mut joined, line.text, line.end);
            }
        }
        joined
    }

    /// One line of an instruction; whether it goes on on the next.
    fn code(&mut self, joined: &mut Joined, text: Span, line_end: usize) -> bool {
        let goes_on = words::continuation(text.of(self.source), self.escape);
        let end = goes_on.map_or(text.end, |offset| text.start + offset);
        joined.push(self.source, Span::new(text.start, end));
        self.part(PartKind::Code, text.start, end);
        self.part(PartKind::Continuation, end, text.end);
        self.part(PartKind::Space, text.end, line_end);
        goes_on.is_some()
    }
}
