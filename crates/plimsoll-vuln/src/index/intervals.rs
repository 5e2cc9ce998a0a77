//! What OSV's events mean: the intervals of versions that have the flaw.

use std::cmp::Ordering;

use crate::order::compare_to_bound;
use crate::osv::Range;

use super::versions::{VersionId, Versions};

/// Versions from the first to the last that has the flaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    /// `None` is before all versions.
    pub(super) from: Option<VersionId>,
    pub(super) to: Bound,
}

/// Where an interval ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Not at all.
    Open,
    /// Before this version, which has the fix.
    Before(VersionId),
    /// With this version; the next may be affected as well, or not.
    Through(VersionId),
}

/// What one range says.
pub(super) enum Reading {
    /// These versions are affected.
    Affected(Vec<Interval>),
    /// None ever was: distributions write the fixed version `0`.
    NotAffected,
    /// One of its versions is none.
    Unparsable,
}

/// OSV's mark for before all versions, and for no version at all where it is the fixed one.
const ZERO: &str = "0";
/// OSV's limit that is none.
const NO_LIMIT: &str = "*";

enum Event {
    Introduced(Option<VersionId>),
    Fixed(VersionId),
    LastAffected(VersionId),
}

/// Walks the events of a range in the order of their versions (OSV schema, "Evaluation").
pub(super) fn read(range: &Range<'_>, versions: &mut Versions) -> Reading {
    if range.events.iter().any(|event| event.fixed.as_deref() == Some(ZERO)) {
        return Reading::NotAffected;
    }
    match events(range, versions) {
        Some((mut events, limits)) => {
            events.sort_by(|left, right| position(left, versions).cmp(&position(right, versions)));
            let mut intervals = walk(events);
            clip(&mut intervals, limits, versions);
            Reading::Affected(intervals)
        }
        None => Reading::Unparsable,
    }
}

/// The events, and the highest limit if there is one.
fn events(range: &Range<'_>, versions: &mut Versions) -> Option<(Vec<Event>, Option<VersionId>)> {
    let mut events = Vec::with_capacity(range.events.len());
    let mut limits = Vec::new();
    let mut is_unlimited = false;
    for event in &range.events {
        if let Some(text) = &event.introduced {
            let version = if &**text == ZERO { None } else { Some(versions.intern(text)?) };
            events.push(Event::Introduced(version));
        }
        if let Some(text) = &event.fixed {
            events.push(Event::Fixed(versions.intern(text)?));
        }
        if let Some(text) = &event.last_affected {
            events.push(Event::LastAffected(versions.intern(text)?));
        }
        match event.limit.as_deref() {
            Some(NO_LIMIT) => is_unlimited = true,
            Some(text) => limits.push(versions.intern(text)?),
            None => {}
        }
    }
    let highest = limits.into_iter().max_by(|left, right| versions.key(*left).cmp(versions.key(*right)));
    Some((events, highest.filter(|_| !is_unlimited)))
}

/// Where an event stands. At one version the last affected one comes last: the version itself still has the flaw.
fn position<'v>(event: &Event, versions: &'v Versions) -> (&'v [u8], bool) {
    match event {
        Event::Introduced(version) => {
            (version.map(|version| versions.key(version)).unwrap_or_default(), false)
        }
        Event::Fixed(version) => (versions.key(*version), false),
        Event::LastAffected(version) => (versions.key(*version), true),
    }
}

fn walk(events: Vec<Event>) -> Vec<Interval> {
    let mut intervals = Vec::new();
    let mut open = None;
    for event in events {
        let to = match event {
            Event::Introduced(from) => {
                open.get_or_insert(from);
                continue;
            }
            Event::Fixed(version) => Bound::Before(version),
            Event::LastAffected(version) => Bound::Through(version),
        };
        intervals.extend(open.take().map(|from| Interval { from, to }));
    }
    intervals.extend(open.map(|from| Interval { from, to: Bound::Open }));
    intervals
}

fn clip(intervals: &mut Vec<Interval>, limit: Option<VersionId>, versions: &Versions) {
    let Some(limit) = limit else { return };
    intervals.retain(|interval| from_key(interval, versions) < versions.key(limit));
    for interval in intervals {
        if compare_ends(Bound::Before(limit), interval.to, versions) == Ordering::Less {
            interval.to = Bound::Before(limit);
        }
    }
}

/// Sorts intervals and joins those that touch, so that the fix of each really ends it.
pub(super) fn join(intervals: &mut Vec<Interval>, versions: &Versions) {
    intervals.sort_by(|left, right| {
        from_key(left, versions)
            .cmp(from_key(right, versions))
            .then_with(|| compare_ends(right.to, left.to, versions))
            .then_with(|| texts(left, versions).cmp(&texts(right, versions)))
    });
    let mut joined: Vec<Interval> = Vec::with_capacity(intervals.len());
    for interval in intervals.drain(..).filter(|interval| !is_empty(interval, versions)) {
        match joined.last_mut() {
            Some(last) if reaches(last.to, from_key(&interval, versions), versions) => {
                if compare_ends(last.to, interval.to, versions) == Ordering::Less {
                    last.to = interval.to;
                }
            }
            _ => joined.push(interval),
        }
    }
    *intervals = joined;
}

/// Whether some interval holds the version.
pub(super) fn cover(intervals: &[Interval], version: VersionId, versions: &Versions) -> bool {
    let key = versions.key(version);
    intervals.iter().any(|interval| {
        from_key(interval, versions) <= key
            && match interval.to {
                Bound::Open => true,
                Bound::Before(end) => key < versions.key(end),
                Bound::Through(end) => compare_to_bound(key, versions.key(end)) != Ordering::Greater,
            }
    })
}

fn from_key<'v>(interval: &Interval, versions: &'v Versions) -> &'v [u8] {
    interval.from.map(|version| versions.key(version)).unwrap_or_default()
}

/// How an interval is written, which decides between those that mean the same.
fn texts<'v>(interval: &Interval, versions: &'v Versions) -> (Option<&'v str>, Option<&'v str>) {
    let text = |version| versions.text(version);
    let to = match interval.to {
        Bound::Open => None,
        Bound::Before(version) | Bound::Through(version) => Some(version),
    };
    (interval.from.map(text), to.map(text))
}

fn is_empty(interval: &Interval, versions: &Versions) -> bool {
    match interval.to {
        Bound::Open => false,
        Bound::Before(end) => versions.key(end) <= from_key(interval, versions),
        Bound::Through(end) => versions.key(end) < from_key(interval, versions),
    }
}

fn reaches(end: Bound, from: &[u8], versions: &Versions) -> bool {
    match end {
        Bound::Open => true,
        Bound::Before(version) | Bound::Through(version) => from <= versions.key(version),
    }
}

fn compare_ends(left: Bound, right: Bound, versions: &Versions) -> Ordering {
    fn place(bound: Bound, versions: &Versions) -> (bool, &[u8], bool) {
        match bound {
            Bound::Open => (true, &[], false),
            Bound::Before(version) => (false, versions.key(version), false),
            Bound::Through(version) => (false, versions.key(version), true),
        }
    }
    place(left, versions).cmp(&place(right, versions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Order;

    /// The intervals of events such as `introduced 1`, as text.
    fn intervals(events: &[(&str, &str)]) -> Vec<String> {
        let fields: Vec<String> = events.iter().map(|(kind, at)| format!(r#"{{"{kind}":"{at}"}}"#)).collect();
        let json = format!(r#"{{"type":"SEMVER","events":[{}]}}"#, fields.join(","));
        let mut versions = Versions::new(Order::SemVer);
        let Reading::Affected(mut intervals) = read(&serde_json::from_str(&json).unwrap(), &mut versions)
        else {
            return vec!["none".to_owned()];
        };
        join(&mut intervals, &versions);
        intervals.iter().map(|interval| shown(interval, &versions)).collect()
    }

    fn shown(interval: &Interval, versions: &Versions) -> String {
        let from = interval.from.map_or("", |version| versions.text(version));
        match interval.to {
            Bound::Open => format!("[{from},"),
            Bound::Before(version) => format!("[{from},{})", versions.text(version)),
            Bound::Through(version) => format!("[{from},{}]", versions.text(version)),
        }
    }

    #[test]
    fn events_open_and_close_intervals_in_the_order_of_versions() {
        let (introduced, fixed, last) = ("introduced", "fixed", "last_affected");
        assert_eq!(intervals(&[(introduced, "0"), (fixed, "2.0.0")]), ["[,2.0.0)"]);
        assert_eq!(intervals(&[(fixed, "2.0.0"), (introduced, "1.0.0")]), ["[1.0.0,2.0.0)"]);
        assert_eq!(intervals(&[(introduced, "1.0.0"), (last, "1.0.0")]), ["[1.0.0,1.0.0]"]);
        assert_eq!(
            intervals(&[(introduced, "0"), (fixed, "1.0.0"), (introduced, "2.0.0"), (fixed, "2.1.0")]),
            ["[,1.0.0)", "[2.0.0,2.1.0)"],
        );
        assert_eq!(
            intervals(&[(introduced, "0"), (fixed, "1.0.0"), (introduced, "2.0.0")]),
            ["[,1.0.0)", "[2.0.0,"]
        );
        assert_eq!(intervals(&[(introduced, "0"), (fixed, "2.0.0"), (fixed, "1.0.0")]), ["[,1.0.0)"]);
        assert_eq!(intervals(&[(introduced, "1.0.0"), (fixed, "1.0.0")]), Vec::<String>::new());
    }

    #[test]
    fn a_limit_ends_what_a_range_says() {
        assert_eq!(intervals(&[("introduced", "0"), ("limit", "3.0.0")]), ["[,3.0.0)"]);
        assert_eq!(intervals(&[("introduced", "0"), ("limit", "1.0.0"), ("limit", "*")]), ["[,"]);
        assert_eq!(intervals(&[("introduced", "4.0.0"), ("limit", "3.0.0")]), Vec::<String>::new());
    }

    #[test]
    fn the_fixed_version_zero_means_never_affected() {
        assert_eq!(intervals(&[("introduced", "0"), ("fixed", "0")]), ["none"]);
    }

    #[test]
    fn intervals_that_touch_are_joined() {
        let mut versions = Versions::new(Order::SemVer);
        let [one, two, three] = ["1.0.0", "2.0.0", "3.0.0"].map(|text| versions.intern(text).unwrap());
        let mut several = vec![
            Interval { from: Some(two), to: Bound::Before(three) },
            Interval { from: None, to: Bound::Before(one) },
            Interval { from: None, to: Bound::Before(two) },
        ];
        join(&mut several, &versions);
        assert_eq!(several, [Interval { from: None, to: Bound::Before(three) }]);
    }
}
