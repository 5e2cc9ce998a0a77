//! What in a program's bytes says its version.

use std::collections::BTreeSet;

use memchr::memmem;

/// How many versions of one file may be candidates. Redis names the version since which it has each command: about 60.
const CANDIDATES_MAX: usize = 128;

/// How long a build's stamp is at least: seconds since 1970, with or without the name of a host in front.
const STAMP_BYTES_MIN: usize = 10;

/// How many numbers a version may have.
const NUMBERS_MAX: usize = 4;

/// How long one number may be. What is longer is a date or a build's number that was written right behind the version.
const DIGITS_MAX: usize = 5;

/// How long the tail may be: `-1+deb12u4`, `-nightly20231018b1d4a5e2c3`.
const TAIL_BYTES_MAX: usize = 64;

/// A text that a program holds once built, with its version in the middle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    /// What stands before the version. In text files a line end stands before the first byte, too.
    pub(super) before: &'static [u8],
    /// How the version must begin.
    pub(super) beginning: Beginning,
    /// How many numbers it has at least.
    pub(super) numbers_min: usize,
    /// What follows the numbers.
    pub(super) tail: Tail,
    /// What stands behind it; nothing if that varies.
    pub(super) after: &'static [u8],
    /// Which is meant of several.
    pub(super) choice: Choice,
}

/// How a version begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beginning {
    /// With any digit.
    Any,
    /// With the first two numbers in the file's name, as in `libpython3.11.so.1.0`; if it has none, with this.
    NameOr(&'static str),
}

/// What may follow the numbers of a version, up to the text behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing.
    None,
    /// A part of the version: `rc1`, `w`, `_392`.
    Kept,
    /// What somebody else appended: a distribution, a commit.
    Dropped,
}

/// Which version counts where a file has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The first; all are the same.
    First,
    /// The highest; the others say since when some part has been there.
    Highest,
    /// The highest to which the build's own stamp is joined elsewhere in the file: the others are those of commands, of
    /// the compiler, of parts.
    Stamped,
}

/// The most frequent form: three numbers, with whatever is written right behind them.
pub(super) const USUAL: Evidence = Evidence {
    before: b"",
    beginning: Beginning::Any,
    numbers_min: 3,
    tail: Tail::Kept,
    after: b"",
    choice: Choice::First,
};

/// A search of one file for a program's version.
pub(super) struct Finding {
    evidence: &'static [Evidence],
    /// What the version must begin with, where the file's name says it.
    series: Option<String>,
    found: Option<String>,
    /// Those of which one may turn out to be stamped.
    candidates: BTreeSet<String>,
}

impl Finding {
    /// A search in the file of this name.
    pub(super) fn new(evidence: &'static [Evidence], file_name: &str) -> Self {
        Self { evidence, series: series(file_name), found: None, candidates: BTreeSet::new() }
    }

    /// Looks through a part of the file.
    pub(super) fn look(&mut self, window: &[u8]) {
        for evidence in self.evidence {
            if self.is_over() {
                return;
            }
            for at in memmem::find_iter(window, evidence.before) {
                let Some(version) =
                    window.get(at + evidence.before.len()..).and_then(|rest| evidence.version(rest))
                else {
                    continue;
                };
                if self.begins_well(evidence, version) {
                    self.take(evidence.choice, version);
                }
                if self.is_over() {
                    return;
                }
            }
        }
    }

    /// Whether the file must be looked through once more, for stamps.
    pub(super) fn has_candidates(&self) -> bool {
        !self.candidates.is_empty()
    }

    /// Looks through a part of the file for stamps.
    pub(super) fn look_for_stamps(&mut self, window: &[u8]) {
        let candidates = std::mem::take(&mut self.candidates);
        for version in &candidates {
            if self.is_better(version) && is_stamped(version, window) {
                self.found = Some(version.clone());
            }
        }
        self.candidates = candidates;
    }

    fn take(&mut self, choice: Choice, version: &str) {
        if choice == Choice::Stamped {
            if self.candidates.len() < CANDIDATES_MAX {
                self.candidates.insert(version.to_owned());
            }
        } else if self.is_better(version) {
            self.found = Some(version.to_owned());
        }
    }

    /// Whether the rest of the file can change nothing.
    pub(super) fn is_over(&self) -> bool {
        self.found.is_some() && self.evidence.iter().all(|evidence| evidence.choice == Choice::First)
    }

    /// The version that was found.
    pub(super) fn version(self) -> Option<String> {
        self.found
    }

    fn begins_well(&self, evidence: &Evidence, version: &str) -> bool {
        match (evidence.beginning, &self.series) {
            (Beginning::Any, _) => true,
            (Beginning::NameOr(_), Some(series)) => {
                version.strip_prefix(series.as_str()).is_some_and(|rest| rest.starts_with('.'))
            }
            (Beginning::NameOr(beginning), None) => version.starts_with(beginning),
        }
    }

    fn is_better(&self, version: &str) -> bool {
        self.found.as_deref().is_none_or(|found| numbers(found).lt(numbers(version)))
    }
}

impl Evidence {
    /// The version with which these bytes begin, if what follows it is what must follow it. A version that goes on to
    /// the last byte may be cut off there.
    fn version<'a>(&self, bytes: &'a [u8]) -> Option<&'a str> {
        let numbers = numbers_length(bytes, self.numbers_min)?;
        let tail = match self.tail {
            Tail::None => 0,
            Tail::Kept | Tail::Dropped => {
                bytes.get(numbers..)?.iter().take_while(|byte| is_of_tail(**byte)).count()
            }
        };
        let after = bytes.get(numbers + tail..)?;
        let kept = if self.tail == Tail::Kept { numbers + tail } else { numbers };
        let is_whole = !after.is_empty() && after.starts_with(self.after) && tail <= TAIL_BYTES_MAX;
        str::from_utf8(bytes.get(..kept)?).ok().filter(|_| is_whole)
    }
}

/// How long the numbers and the dots between them are with which these bytes begin.
fn numbers_length(bytes: &[u8], numbers_min: usize) -> Option<usize> {
    let mut length = 0;
    let mut count = 0;
    loop {
        let digits = bytes.get(length..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > DIGITS_MAX || (digits == 0 && count == 0) {
            return None;
        }
        if digits > 0 {
            length += digits;
            count += 1;
        } else {
            // The last dot ends a sentence.
            length -= 1;
        }
        if digits == 0 || bytes.get(length) != Some(&b'.') {
            break;
        }
        length += 1;
    }
    (numbers_min..=NUMBERS_MAX).contains(&count).then_some(length)
}

fn is_stamped(version: &str, window: &[u8]) -> bool {
    let mut places = memmem::find_iter(window, version.as_bytes());
    places.any(|at| window.get(at + version.len()..).is_some_and(begins_with_stamp))
}

fn begins_with_stamp(bytes: &[u8]) -> bool {
    let stamp = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-');
    stamp.take(STAMP_BYTES_MIN).count() == STAMP_BYTES_MIN
}

fn is_of_tail(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'~' | b'_' | b'-')
}

/// The numbers of a version, to be compared.
fn numbers(version: &str) -> impl Iterator<Item = u32> {
    version.split(|character: char| !character.is_ascii_digit()).map(|number| number.parse().unwrap_or(0))
}

/// The first two numbers with a dot between them in a file's name.
fn series(file_name: &str) -> Option<String> {
    let start = file_name.find(|character: char| character.is_ascii_digit())?;
    let (major, rest) = file_name.get(start..)?.split_once('.')?;
    let minor = rest.split(|character: char| !character.is_ascii_digit()).next()?;
    let is_number = !minor.is_empty() && major.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(evidence: Evidence, bytes: &str) -> Option<&str> {
        evidence.version(bytes.as_bytes())
    }

    #[test]
    fn a_version_is_read_as_far_as_it_goes() {
        assert_eq!(version(USUAL, "1.22.1\n"), Some("1.22.1"));
        assert_eq!(version(USUAL, "3.0.0-rc1 "), Some("3.0.0-rc1"));
        assert_eq!(version(Evidence { tail: Tail::None, ..USUAL }, "5.4.4  Copy"), Some("5.4.4"));
        assert_eq!(version(Evidence { tail: Tail::Dropped, ..USUAL }, "2.6.12-1+deb12u4, "), Some("2.6.12"));
        assert_eq!(version(Evidence { tail: Tail::None, ..USUAL }, "1.2.3. Next"), Some("1.2.3"));
    }

    #[test]
    fn what_is_none_is_not_guessed_at() {
        assert_eq!(version(USUAL, "2.4\0"), None);
        assert_eq!(version(USUAL, "x.y.z\0"), None);
        assert_eq!(version(USUAL, "1.3.6.1.4.1\0"), None);
        assert_eq!(version(USUAL, "8.0.61790283218000000000\0"), None);
        assert_eq!(version(Evidence { after: b"-MariaDB", tail: Tail::None, ..USUAL }, "10.11.19\0"), None);
    }

    #[test]
    fn a_version_at_the_end_of_a_window_is_not_yet_whole() {
        assert_eq!(version(USUAL, "1.22.1"), None);
        assert_eq!(version(USUAL, ""), None);
    }

    #[test]
    fn the_series_is_in_the_name() {
        assert_eq!(series("libpython3.11.so.1.0").as_deref(), Some("3.11"));
        assert_eq!(series("python3.6m").as_deref(), Some("3.6"));
        assert_eq!(series("python3"), None);
        assert_eq!(series("libpython3.so"), None);
        assert_eq!(series("python"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_version_or_none(bytes in "[0-9.a-z+ \\x00-]{0,80}") {
            for tail in [Tail::None, Tail::Kept, Tail::Dropped] {
                if let Some(version) = version(Evidence { tail, ..USUAL }, &bytes) {
                    prop_assert!(bytes.starts_with(version));
                }
            }
        }
    }
}
