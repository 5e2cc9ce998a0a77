//! Text line by line, however long the file and its lines are.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read as _, SeekFrom};

use super::File;

/// What is longer than this is no line of a package database: the rest of it is passed over.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// The lines of a text, one in memory at a time.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    ends_in_newline: bool,
}

impl File<'_> {
    /// Its lines from the beginning.
    pub(super) fn lines(&mut self) -> io::Result<Lines<impl BufRead>> {
        self.content.seek(SeekFrom::Start(0))?;
        Ok(Lines::new(BufReader::new((&mut *self.content).take(self.size_bytes))))
    }
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, line: Vec::new(), ends_in_newline: true }
    }

    /// The next line without its end; what is not UTF-8 stands as U+FFFD.
    pub(super) fn next(&mut self) -> io::Result<Option<Cow<'_, str>>> {
        self.line.clear();
        let length = (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line)?;
        if length == 0 {
            return Ok(None);
        }
        self.ends_in_newline = self.line.last() == Some(&b'\n');
        if !self.ends_in_newline && length as u64 == LINE_BYTES_MAX {
            self.input.skip_until(b'\n')?;
            self.ends_in_newline = true;
        }
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        Ok(Some(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line))))
    }

    /// Whether the last line read stops without an end, as in a file that was cut.
    pub(super) fn is_cut(&self) -> bool {
        !self.ends_in_newline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> (Vec<String>, bool) {
        let mut lines = Lines::new(text);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push(line.into_owned());
        }
        (all, lines.is_cut())
    }

    #[test]
    fn lines_lose_their_ends_and_nothing_else() {
        let (lines, is_cut) = all(b"a b \n\nc\r\n\xffd\n");
        assert_eq!(lines, ["a b ", "", "c", "\u{fffd}d"]);
        assert!(!is_cut);
    }

    #[test]
    fn a_text_that_stops_within_a_line_is_cut() {
        assert_eq!(all(b"a\nb"), (vec!["a".to_owned(), "b".to_owned()], true));
    }

    #[test]
    fn a_line_past_the_limit_loses_its_rest() {
        let mut text = vec![b'x'; 200_000];
        text.extend_from_slice(b"\nnext\n");
        let (lines, _) = all(&text);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [65_536, 4]);
    }
}
