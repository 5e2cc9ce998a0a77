//! Here-documents: lines up to a word that the instruction chose.

use super::{Line, Parser};
use crate::document::PartKind;
use crate::expand::{LexOptions, split_words};
use crate::instruction::{Arguments, Heredoc, Instruction, Keyword};
use crate::joined::Joined;
use crate::span::Span;

/// Most here-documents without an end for which the file is searched up to its end.
const OPEN_HEREDOCS_MAX: usize = 10;

/// A here-document as an instruction names it.
struct Named {
    delimiter: String,
    descriptor: u32,
    is_expanded: bool,
    strips_tabs: bool,
}

impl Parser<'_> {
    /// Reads the here-documents that an instruction names, from the lines after it.
    pub(super) fn heredocs(&mut self, joined: &Joined, instruction: &mut Instruction) {
        if !takes_heredocs(instruction) || memchr::memmem::find(joined.bytes(), b"<<").is_none() {
            return;
        }
        let text = String::from_utf8_lossy(joined.bytes());
        // Where the words cannot be told apart, no here-document is known.
        let words = split_words(&text, LexOptions::of_heredocs(true, true)).unwrap_or_default();
        for (at, word) in words {
            let Some(named) = named(&word) else { continue };
            let span = joined.span(at..at + word.len());
            let Some(body) = self.body(&named, span) else { return };
            instruction.span.end = instruction.span.end.max(body.1);
            instruction.heredocs.push(Heredoc {
                delimiter: named.delimiter,
                descriptor: named.descriptor,
                is_expanded: named.is_expanded,
                strips_tabs: named.strips_tabs,
                named: span,
                body: body.0,
            });
        }
    }

    /// The lines of a here-document, and where the word ends that ends it. Without one, the lines up to what looks
    /// like an instruction are passed over.
    fn body(&mut self, named: &Named, span: Span) -> Option<(Span, usize)> {
        let start = self.next;
        while let Some(line) = self.line().filter(|_| self.open_heredocs < OPEN_HEREDOCS_MAX) {
            let mut text = line.text.of(self.source);
            if named.strips_tabs {
                let tabs = text.iter().take_while(|byte| **byte == b'\t').count();
                text = text.get(tabs..).unwrap_or_default();
            }
            if text == named.delimiter.as_bytes() {
                self.part(PartKind::HeredocBody, start, line.text.start);
                self.part(PartKind::HeredocEnd, line.text.start, line.text.end);
                self.part(PartKind::Space, line.text.end, line.end);
                return Some((Span::new(start, line.text.start), line.text.end));
            }
        }
        self.error(format!("nothing ends the here-document `{}`", named.delimiter), span);
        self.open_heredocs += 1;
        self.next = start;
        while let Some(line) = self.line() {
            if begins_instruction(line, self.source) {
                self.next = line.text.start;
                break;
            }
        }
        self.part(PartKind::HeredocBody, start, self.next);
        None
    }
}

fn takes_heredocs(instruction: &Instruction) -> bool {
    let taking = match &instruction.arguments {
        Arguments::Trigger(inner) => inner,
        _ => instruction,
    };
    taking.keyword.is_some_and(Keyword::takes_heredocs) && !taking.arguments.is_json()
}

/// `[descriptor]<<[-]word`, the word perhaps in quotes.
fn named(word: &str) -> Option<Named> {
    let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let descriptor = word.get(..digits)?.parse().unwrap_or(0);
    let rest = word.get(digits..)?.strip_prefix("<<")?;
    let strips_tabs = rest.starts_with('-');
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
    if rest.is_empty() || rest.contains('<') {
        return None;
    }
    let [bare, quoted] = [false, true].map(|keeps| split_words(rest, LexOptions::of_heredocs(keeps, false)));
    let (bare, quoted) = (bare.ok()?, quoted.ok()?);
    let ([(_, bare)], [(_, quoted)]) = (bare.as_slice(), quoted.as_slice()) else { return None };
    let quotes = |text: &str| text.chars().filter(|c| matches!(c, '\'' | '"')).count();
    let is_expanded = quotes(bare) == quotes(quoted);
    Some(Named { delimiter: bare.clone(), descriptor, is_expanded, strips_tabs })
}

/// Whether a line begins with the name of an instruction in capitals, as a here-document's text rarely does.
fn begins_instruction(line: Line, source: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line.text.of(source));
    let name = text.split([' ', '\t']).next().unwrap_or_default();
    Keyword::of_name(name).is_some_and(|keyword| keyword.name() == name)
}
