/// What is left of a version while it is read from the front.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    pub(super) fn is_at_end(self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(self) -> usize {
        self.0.len()
    }

    pub(super) fn peek(self) -> Option<u8> {
        self.0.first().copied()
    }

    pub(super) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let count = self.0.iter().take_while(|byte| belongs(**byte)).count();
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    pub(super) fn digits(&mut self) -> &'a [u8] {
        self.take_while(|byte| byte.is_ascii_digit())
    }

    pub(super) fn letters(&mut self) -> &'a [u8] {
        self.take_while(|byte| byte.is_ascii_alphabetic())
    }

    pub(super) fn next_if(&mut self, wanted: impl Fn(u8) -> bool) -> Option<u8> {
        if self.peek().is_some_and(wanted) { self.next() } else { None }
    }

    /// Passes over one byte if it is one of these.
    pub(super) fn eat(&mut self, wanted: &[u8]) -> bool {
        self.next_if(|byte| wanted.contains(&byte)).is_some()
    }

    /// Passes over a word, in capitals or not.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let Some((start, rest)) = self.0.split_at_checked(word.len()) else { return false };
        let found = start.eq_ignore_ascii_case(word.as_bytes());
        if found {
            self.0 = rest;
        }
        found
    }
}
