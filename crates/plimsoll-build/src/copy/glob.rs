//! Patterns in the sources of `COPY`, as Go's `filepath.Match` reads them: a star stops at a slash.

use crate::BuildError;
use crate::files::{Files, components, join, resolve};

/// Most paths that one source may name.
const MATCHES_MAX: usize = 1_000_000;
/// Most pairs of a place in a pattern and one in a name that are looked at.
const PAIRS_MAX: usize = 1 << 20;

/// Whether a path holds anything but plain names.
pub(super) fn is_pattern(path: &[u8]) -> bool {
    path.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
}

/// The paths that a pattern names, sorted.
pub(super) fn matches(files: &dyn Files, pattern: &[u8]) -> Result<Vec<Vec<u8>>, BuildError> {
    let mut found = vec![Vec::new()];
    for part in components(pattern) {
        let mut next = Vec::new();
        for directory in found {
            let real = resolve(files, &directory, true)?;
            if !is_pattern(part) {
                let is_there = files.look(&join(&real, part))?.is_some();
                next.extend(is_there.then(|| join(&directory, part)));
                continue;
            }
            let pattern = Pattern::parse(part)?;
            let is_directory =
                files.look(&real)?.is_some_and(|entry| entry.kind == plimsoll_image::Kind::Directory);
            let names = if is_directory { files.names(&real)? } else { Vec::new() };
            for name in names.into_iter().filter(|name| pattern.matches(name)) {
                if files.look(&join(&real, &name))?.is_some() {
                    next.push(join(&directory, &name));
                }
            }
        }
        if next.len() > MATCHES_MAX {
            return Err(BuildError::wrong(format!("a pattern names more than {MATCHES_MAX} files")));
        }
        found = next;
    }
    Ok(found)
}

/// A pattern for one name.
struct Pattern(Vec<Piece>);

enum Piece {
    Char(char),
    Any,
    AnyText,
    Class { ranges: Vec<(char, char)>, is_negated: bool },
}

impl Pattern {
    fn parse(text: &[u8]) -> Result<Self, BuildError> {
        let text = String::from_utf8_lossy(text);
        let wrong = || BuildError::wrong(format!("the pattern `{text}` is malformed"));
        let mut chars = text.chars().peekable();
        let mut pieces = Vec::new();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '*' => Piece::AnyText,
                '?' => Piece::Any,
                '\\' => Piece::Char(chars.next().ok_or_else(wrong)?),
                '[' => class(&mut chars).ok_or_else(wrong)?,
                c => Piece::Char(c),
            });
        }
        Ok(Self(pieces))
    }

    /// Whether a name matches; beyond all sense it does not.
    fn matches(&self, name: &[u8]) -> bool {
        let name: Vec<char> = String::from_utf8_lossy(name).chars().collect();
        if self.0.len().saturating_mul(name.len()) > PAIRS_MAX {
            return false;
        }
        // Which places of the name the pieces so far can end at.
        let mut ends = vec![false; name.len() + 1];
        if let Some(first) = ends.first_mut() {
            *first = true;
        }
        for piece in &self.0 {
            ends = advance(piece, &ends, &name);
        }
        ends.last().copied().unwrap_or(false)
    }
}

fn advance(piece: &Piece, ends: &[bool], name: &[char]) -> Vec<bool> {
    let mut next = Vec::with_capacity(ends.len());
    let mut is_open = false;
    for at in 0..ends.len() {
        let here = ends.get(at).copied().unwrap_or(false);
        is_open |= here;
        let before = at.checked_sub(1);
        let came = before.and_then(|before| ends.get(before)).copied().unwrap_or(false);
        let c = before.and_then(|before| name.get(before)).copied();
        next.push(match piece {
            Piece::AnyText => is_open,
            Piece::Any => came,
            Piece::Char(wanted) => came && c == Some(*wanted),
            Piece::Class { ranges, is_negated } => {
                let is_in = |c: char| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                came && c.is_some_and(|c| is_in(c) != *is_negated)
            }
        });
    }
    next
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Piece> {
    let is_negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match chars.next()? {
            ']' if !ranges.is_empty() => return Some(Piece::Class { ranges, is_negated }),
            ']' | '-' => return None,
            '\\' => chars.next()?,
            c => c,
        };
        let high = match chars.next_if_eq(&'-') {
            None => low,
            Some(_) => match chars.next()? {
                ']' | '-' => return None,
                '\\' => chars.next()?,
                c => c,
            },
        };
        ranges.push((low, high));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_match(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern.as_bytes()).unwrap().matches(name.as_bytes())
    }

    #[test]
    fn patterns_mean_what_go_means() {
        for (pattern, name, expected) in [
            ("*.txt", "a.txt", true),
            ("*.txt", ".txt", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("?", "ü", true),
            ("[a-c^]", "^", true),
            ("[^a-c]", "b", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
        ] {
            assert_eq!(is_match(pattern, name), expected, "{pattern} {name}");
        }
        assert!(Pattern::parse(b"[a").is_err());
        assert!(Pattern::parse(b"a\\").is_err());
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let pattern = "*a".repeat(400);
        assert!(!is_match(&pattern, &"a".repeat(390)));
    }
}
