//! The tokens of a Maven version.

/// Where a qualifier stands among the known ones.
const ALPHA: u8 = 0;
const BETA: u8 = 1;
const MILESTONE: u8 = 2;
const CANDIDATE: u8 = 3;
const SNAPSHOT: u8 = 4;
pub(super) const QUALIFIER_RELEASE: u8 = 5;
const SERVICE_PACK: u8 = 6;
/// All others, which their text puts in order.
pub(super) const QUALIFIER_UNKNOWN: u8 = 7;

const QUALIFIERS: [(&str, u8); 10] = [
    ("alpha", ALPHA),
    ("beta", BETA),
    ("milestone", MILESTONE),
    ("rc", CANDIDATE),
    ("cr", CANDIDATE),
    ("snapshot", SNAPSHOT),
    ("ga", QUALIFIER_RELEASE),
    ("final", QUALIFIER_RELEASE),
    ("release", QUALIFIER_RELEASE),
    ("sp", SERVICE_PACK),
];

/// What one letter means where a digit follows at once.
const SHORT_QUALIFIERS: [(&str, u8); 3] = [("a", ALPHA), ("b", BETA), ("m", MILESTONE)];

#[derive(Clone, Copy)]
pub(super) enum Token<'a> {
    /// A list opens, which goes on to the end.
    Open,
    Number(&'a [u8]),
    /// Its rank, and its text as written.
    Qualifier(u8, &'a [u8]),
}

/// Tokens of a version. Nothing is refused: Maven knows no version that is none.
pub(super) fn tokens(version: &str) -> Vec<Token<'_>> {
    let mut tokens = Tokens { tokens: Vec::with_capacity(version.len()), is_list_empty: true };
    // Each part is what stands between two separators, `.` or `-`.
    for part in version.split_inclusive(['.', '-']) {
        let (text, separator) = match part.as_bytes() {
            [text @ .., separator @ (b'.' | b'-')] => (text, Some(*separator)),
            text => (text, None),
        };
        tokens.push_part(text, separator.is_none());
        if separator == Some(b'-') {
            tokens.open();
        }
    }
    tokens.tokens
}

struct Tokens<'a> {
    tokens: Vec<Token<'a>>,
    is_list_empty: bool,
}

impl<'a> Tokens<'a> {
    fn open(&mut self) {
        self.tokens.push(Token::Open);
        self.is_list_empty = true;
    }

    fn push(&mut self, token: Token<'a>) {
        self.tokens.push(token);
        self.is_list_empty = false;
    }

    /// Each change between digits and other characters opens a list. A part without characters is zero.
    fn push_part(&mut self, part: &'a [u8], is_last: bool) {
        if part.is_empty() && !is_last {
            self.push(Token::Number(part));
        }
        let mut runs =
            part.chunk_by(|left, right| left.is_ascii_digit() == right.is_ascii_digit()).peekable();
        while let Some(run) = runs.next() {
            let is_followed = runs.peek().is_some();
            if run.first().is_some_and(u8::is_ascii_digit) {
                self.push(Token::Number(run));
            } else {
                // Within a list, `.x` is read as `-x` where digits or nothing follow.
                if (is_followed || is_last) && !self.is_list_empty {
                    self.open();
                }
                self.push(qualifier(run, is_followed));
            }
            if is_followed {
                self.open();
            }
        }
    }
}

fn qualifier(text: &[u8], is_before_digit: bool) -> Token<'_> {
    let is_spelt = |(spelling, _): &&(&str, u8)| text.eq_ignore_ascii_case(spelling.as_bytes());
    let short = SHORT_QUALIFIERS.iter().filter(|_| is_before_digit).find(is_spelt);
    let rank =
        short.or_else(|| QUALIFIERS.iter().find(is_spelt)).map_or(QUALIFIER_UNKNOWN, |(_, rank)| *rank);
    Token::Qualifier(rank, text)
}
