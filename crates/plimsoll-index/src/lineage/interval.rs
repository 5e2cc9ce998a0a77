use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Whether a build holds what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holding {
    /// It does.
    Held,
    /// It does not.
    Free,
    /// It could not be evaluated, or is gone.
    Unknown,
}

/// A run of builds that hold it, by their places in the line. No build between the first and the last is known to be
/// free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The last build before it that is known to be free.
    pub before: Option<usize>,
    /// The first build that is known to hold it.
    pub first: usize,
    /// The last one.
    pub last: usize,
    /// The first build after it that is known to be free.
    pub after: Option<usize>,
}

/// How surely an edge of an interval is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// The two builds follow each other, and both say what they were built from.
    Exact,
    /// They follow each other, but nobody says what one of them was built from.
    NoProvenance,
    /// Builds between them could not be evaluated, or there is no earlier build.
    Range,
}

/// The intervals of a line, in its order.
pub fn intervals(line: &[Holding]) -> Vec<Interval> {
    let mut intervals = Vec::new();
    let (mut free, mut open): (Option<usize>, Option<Interval>) = (None, None);
    for (place, holding) in line.iter().enumerate() {
        match (holding, &mut open) {
            (Holding::Held, Some(interval)) => interval.last = place,
            (Holding::Held, None) => {
                open = Some(Interval { before: free, first: place, last: place, after: None });
            }
            (Holding::Free, _) => {
                free = Some(place);
                intervals.extend(open.take().map(|interval| Interval { after: free, ..interval }));
            }
            (Holding::Unknown, _) => {}
        }
    }
    intervals.extend(open);
    intervals
}

impl Interval {
    /// The builds one of which was the first to hold it.
    pub fn entered_with(&self) -> RangeInclusive<usize> {
        self.before.map_or(0, |before| before.saturating_add(1))..=self.first
    }

    /// The builds one of which was the first without it, in a line of `length` builds; `None` if no build follows the
    /// interval. Without a free build behind it, it may not have left at all.
    pub fn left_with(&self, length: usize) -> Option<RangeInclusive<usize>> {
        let (next, end) =
            (self.last.saturating_add(1), self.after.unwrap_or_else(|| length.saturating_sub(1)));
        (next <= end).then_some(next..=end)
    }

    /// How surely its beginning is known; `has_origins` says whether both builds there tell what they were built from.
    pub fn entry_confidence(&self, has_origins: bool) -> Confidence {
        confidence(self.before.is_some_and(|before| before.saturating_add(1) == self.first), has_origins)
    }

    /// The same of its end.
    pub fn exit_confidence(&self, has_origins: bool) -> Confidence {
        confidence(self.after.is_some_and(|after| self.last.saturating_add(1) == after), has_origins)
    }
}

fn confidence(is_adjacent: bool, has_origins: bool) -> Confidence {
    match (is_adjacent, has_origins) {
        (false, _) => Confidence::Range,
        (true, false) => Confidence::NoProvenance,
        (true, true) => Confidence::Exact,
    }
}
