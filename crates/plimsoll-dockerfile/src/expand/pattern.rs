use super::ExpandError;

/// Most pairs of a place in the pattern and one in the text. Beyond it nothing matches.
const PAIRS_MAX: usize = 1 << 22;
/// Most pairs that are looked at for one replacement.
const STEPS_MAX: usize = 1 << 22;

/// A pattern of the shell, in which `*` is any text and `?` any character.
pub(super) struct Pattern {
    items: Vec<Item>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    Char(char),
    Any,
    AnyText,
}

impl Pattern {
    /// Reads a pattern. Only what means something can be escaped.
    pub(super) fn parse(text: &str) -> Result<Self, ExpandError> {
        let mut items = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            items.push(match c {
                '*' => Item::AnyText,
                '?' => Item::Any,
                '\\' => match chars.next() {
                    Some(escaped @ ('*' | '?' | '\\' | '}' | '/')) => Item::Char(escaped),
                    _ => return Err(ExpandError::Pattern(text.to_owned())),
                },
                c => Item::Char(c),
            });
        }
        Ok(Self { items })
    }

    /// The text without what matches at its beginning.
    pub(super) fn without_prefix(&self, text: &str, is_longest: bool) -> String {
        let chars: Vec<char> = text.chars().collect();
        let end = Search::of(&self.items, &chars, is_longest).matched(0).unwrap_or(0);
        chars.into_iter().skip(end).collect()
    }

    /// The text without what matches at its end.
    pub(super) fn without_suffix(&self, text: &str, is_longest: bool) -> String {
        let items: Vec<Item> = self.items.iter().rev().copied().collect();
        let chars: Vec<char> = text.chars().rev().collect();
        let end = Search::of(&items, &chars, is_longest).matched(0).unwrap_or(0);
        let kept = chars.len() - end;
        text.chars().take(kept).collect()
    }

    /// The text with a replacement for the first match, or for all.
    pub(super) fn replace(&self, text: &str, replacement: &str, is_all: bool) -> String {
        let chars: Vec<char> = text.chars().collect();
        let mut search = Search::of(&self.items, &chars, true);
        let mut replaced = String::new();
        let (mut at, mut last_end) = (0, None);
        while at <= chars.len() {
            // An empty match right behind another is none.
            let matched = search.matched(at).filter(|end| *end > at || last_end != Some(at));
            if let Some(end) = matched {
                replaced.push_str(replacement);
                if !is_all {
                    replaced.extend(chars.iter().skip(end));
                    return replaced;
                }
                last_end = Some(end);
                if end > at {
                    at = end;
                    continue;
                }
            }
            replaced.extend(chars.get(at));
            at += 1;
        }
        replaced
    }
}

/// Looks for a pattern in a text, each pair of places at most once.
struct Search<'p> {
    items: &'p [Item],
    text: &'p [char],
    is_greedy: bool,
    /// Pairs of places that were looked at and lead nowhere.
    seen: Vec<bool>,
    touched: Vec<usize>,
    steps_left: usize,
}

impl<'p> Search<'p> {
    fn of(items: &'p [Item], text: &'p [char], is_greedy: bool) -> Self {
        let pairs = (items.len() + 1).saturating_mul(text.len() + 1);
        let seen = vec![false; if pairs > PAIRS_MAX { 0 } else { pairs }];
        Self { items, text, is_greedy, seen, touched: Vec::new(), steps_left: STEPS_MAX }
    }

    /// Where the match ends that begins at `start`. A search that takes too long finds nothing.
    fn matched(&mut self, start: usize) -> Option<usize> {
        // A stack instead of recursion: both pattern and text come from outside.
        let mut open = vec![(0, start)];
        self.touched.clear();
        while let Some((item, at)) = open.pop() {
            if !self.is_new(item * (self.text.len() + 1) + at) {
                continue;
            }
            let next = self.text.get(at).copied();
            match self.items.get(item) {
                None => {
                    self.forget();
                    return Some(at);
                }
                Some(Item::AnyText) => {
                    let more = next.filter(|c| *c != '\n').map(|_| (item, at + 1));
                    let done = Some((item + 1, at));
                    let order = if self.is_greedy { [done, more] } else { [more, done] };
                    open.extend(order.into_iter().flatten());
                }
                Some(Item::Any) if next.is_some_and(|c| c != '\n') => open.push((item + 1, at + 1)),
                Some(Item::Char(c)) if next == Some(*c) => open.push((item + 1, at + 1)),
                _ => {}
            }
        }
        None
    }

    fn is_new(&mut self, pair: usize) -> bool {
        let Some(seen) = self.seen.get_mut(pair).filter(|seen| !**seen) else { return false };
        let Some(left) = self.steps_left.checked_sub(1) else { return false };
        *seen = true;
        self.steps_left = left;
        self.touched.push(pair);
        true
    }

    /// What led to a match does not lead nowhere.
    fn forget(&mut self) {
        for pair in self.touched.drain(..) {
            if let Some(seen) = self.seen.get_mut(pair) {
                *seen = false;
            }
        }
    }
}
