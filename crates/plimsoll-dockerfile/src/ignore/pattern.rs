/// A pattern of an ignore file.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    text: String,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// The path itself.
    Exact,
    /// `text**`.
    Prefix,
    /// `**text` or `**/text`.
    Suffix,
    Items(Vec<Item>),
}

#[derive(Clone, Debug)]
enum Item {
    Char(char),
    /// Any character but a slash.
    Any,
    /// Any characters but slashes.
    AnyName,
    /// Any directories, or none.
    AnyDirectories,
    /// Anything.
    Anything,
    Class {
        ranges: Vec<(char, char)>,
        is_negated: bool,
    },
}

impl Pattern {
    /// Reads a pattern that is a clean path.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut reader =
            Reader { chars: text.chars().collect(), at: 0, items: Vec::new(), form: Form::Exact };
        reader.read()?;
        let form = match reader.form {
            Form::Items(_) => Form::Items(reader.items),
            simple => simple,
        };
        Some(Self { text: text.to_owned(), form })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        match &self.form {
            Form::Exact => path == self.text,
            Form::Prefix => self.text.strip_suffix("**").is_some_and(|prefix| path.starts_with(prefix)),
            Form::Suffix => self.text.strip_prefix("**").is_some_and(|suffix| {
                path.ends_with(suffix) || suffix.strip_prefix('/').is_some_and(|name| name == path)
            }),
            Form::Items(items) => matches(items, path),
        }
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    items: Vec<Item>,
    form: Form,
}

impl Reader {
    fn read(&mut self) -> Option<()> {
        while let Some(c) = self.next() {
            let is_first = self.items.is_empty();
            let item = match c {
                '*' if self.peek() == Some('*') => self.stars(is_first),
                '*' => self.special(Item::AnyName),
                '?' => self.special(Item::Any),
                '\\' => {
                    let escaped = self.next()?;
                    self.special(Item::Char(escaped))
                }
                '[' => {
                    let class = self.class()?;
                    self.special(class)
                }
                c => Item::Char(c),
            };
            self.items.push(item);
        }
        Some(())
    }

    fn special(&mut self, item: Item) -> Item {
        self.form = Form::Items(Vec::new());
        item
    }

    /// `**`, with the slash after it.
    fn stars(&mut self, is_first: bool) -> Item {
        self.at += 1;
        if self.peek() == Some('/') {
            self.at += 1;
        }
        let is_last = self.peek().is_none();
        self.form = match (&self.form, is_last) {
            _ if is_first => Form::Suffix,
            (Form::Exact, true) => Form::Prefix,
            _ => Form::Items(Vec::new()),
        };
        if is_last { Item::Anything } else { Item::AnyDirectories }
    }

    fn class(&mut self) -> Option<Item> {
        let is_negated = self.peek() == Some('^');
        self.at += usize::from(is_negated);
        let mut ranges = Vec::new();
        loop {
            match self.peek()? {
                ']' if ranges.is_empty() => return None,
                ']' => {
                    self.at += 1;
                    return Some(Item::Class { ranges, is_negated });
                }
                _ => {}
            }
            let low = self.in_class()?;
            let mut high = low;
            if self.peek() == Some('-') {
                self.at += 1;
                high = self.in_class()?;
            }
            ranges.push((low, high));
        }
    }

    fn in_class(&mut self) -> Option<char> {
        match self.next()? {
            '-' | ']' => None,
            '\\' => self.next(),
            c => Some(c),
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }
}

/// Whether the items match the whole path. Each pair of places is looked at once.
fn matches(items: &[Item], path: &str) -> bool {
    let path: Vec<char> = path.chars().collect();
    let width = path.len() + 1;
    let mut seen = vec![false; (items.len() + 1).saturating_mul(width)];
    let mut open = vec![(0, 0)];
    while let Some((item, at)) = open.pop() {
        match seen.get_mut(item * width + at) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        let next = path.get(at).copied();
        match items.get(item) {
            None if next.is_none() => return true,
            Some(Item::Char(c)) if next == Some(*c) => open.push((item + 1, at + 1)),
            Some(Item::Any) if next.is_some_and(|c| c != '/') => open.push((item + 1, at + 1)),
            Some(Item::Class { ranges, is_negated }) => {
                let is_in =
                    |c: char| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *is_negated;
                if next.is_some_and(is_in) {
                    open.push((item + 1, at + 1));
                }
            }
            Some(Item::AnyName) => {
                open.push((item + 1, at));
                open.extend(next.filter(|c| *c != '/').map(|_| (item, at + 1)));
            }
            Some(Item::Anything) => {
                open.push((item + 1, at));
                open.extend(next.map(|_| (item, at + 1)));
            }
            Some(Item::AnyDirectories) => {
                open.push((item + 1, at));
                let slashes = path.iter().enumerate().skip(at).filter(|(_, c)| **c == '/');
                open.extend(slashes.map(|(slash, _)| (item + 1, slash + 1)));
            }
            _ => {}
        }
    }
    false
}
