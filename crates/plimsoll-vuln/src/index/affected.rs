use super::advisory::{Advisory, StringList};
use super::shard::Shard;
use super::wire::Reader;
use super::write::flag;

/// What one advisory says of one package.
#[derive(Clone, Copy, Debug)]
pub struct Affected<'s> {
    shard: &'s Shard,
    advisory: u32,
    is_not_affected: bool,
    label: Option<&'s str>,
    intervals: Intervals<'s>,
    versions: Ranks<'s>,
    unordered: StringList<'s>,
    symbols: &'s [u8],
    imports: StringList<'s>,
    module_streams: StringList<'s>,
    architectures: StringList<'s>,
    systems: StringList<'s>,
}

/// Where a version lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit<'s> {
    /// The first version of its line that has the flaw; `None` where all before it have.
    pub introduced: Option<&'s str>,
    /// The first version after it without the flaw.
    pub fixed: Option<&'s str>,
    /// The last version that is known to have it, where no fix is.
    pub last_affected: Option<&'s str>,
}

impl<'s> Affected<'s> {
    /// Takes an entry off the reader.
    pub(super) fn read(shard: &'s Shard, advisory: u32, reader: &mut Reader<'s>) -> Option<Self> {
        let flags = reader.number()?;
        let has = |bit| flags & bit != 0;
        let strings = |bit, reader: &mut Reader<'s>| {
            if has(bit) { StringList::read(shard, reader) } else { Some(StringList::empty(shard)) }
        };
        let intervals = Intervals::read(if has(flag::COUNT) { reader.number()? } else { 1 }, reader)?;
        let label = if has(flag::LABEL) { shard.string(reader.number()?) } else { None };
        let versions = if has(flag::VERSIONS) { Ranks::read(reader)? } else { Ranks::default() };
        let unordered = strings(flag::UNORDERED, reader)?;
        let symbols = if has(flag::SYMBOLS) { symbols(reader)? } else { &[] };
        Some(Self {
            shard,
            advisory,
            is_not_affected: has(flag::NOT_AFFECTED),
            label,
            intervals,
            versions,
            unordered,
            symbols,
            imports: strings(flag::SYMBOLS, reader)?,
            module_streams: strings(flag::STREAMS, reader)?,
            architectures: strings(flag::PLATFORMS, reader)?,
            systems: strings(flag::PLATFORMS, reader)?,
        })
    }

    /// The advisory; `None` in a damaged shard.
    pub fn advisory(&self) -> Option<Advisory<'s>> {
        self.shard.advisory(self.advisory)
    }

    /// Whether a version is affected, and what would mend it. `key` is the version as the shard's order encodes it.
    pub fn contains(&self, key: &[u8], version: &str) -> Option<Hit<'s>> {
        let hit = self.intervals.filter_map(|interval| interval.hit(self.shard, key)).next();
        hit.or_else(|| self.names(key, version).then(|| self.listed(key)))
    }

    /// Whether a version that the order refuses is named as it is written.
    pub fn names_unordered(&self, version: &str) -> bool {
        self.unordered.into_iter().any(|named| named == version)
    }

    /// Whether the publisher says that this package never was affected: it then is not, whoever else says so.
    pub fn is_not_affected(&self) -> bool {
        self.is_not_affected
    }

    /// How bad it is for this package, in the publisher's own word: Debian's urgency, for one.
    pub fn label(&self) -> Option<&'s str> {
        self.label.or_else(|| self.advisory()?.label())
    }

    /// Sorted hashes of the Go functions that have the flaw, and of the packages that have it throughout, see
    /// `plimsoll_sbom::symbol`; nothing stands for the whole module.
    pub fn symbols(&self) -> impl Iterator<Item = u32> + use<'s> {
        self.symbols.chunks_exact(4).filter_map(|bytes| Some(u32::from_le_bytes(bytes.try_into().ok()?)))
    }

    /// The import paths of the Go packages that have the flaw.
    pub fn imports(&self) -> impl Iterator<Item = &'s str> + use<'s> {
        self.imports
    }

    /// The rpm module streams whose builds it speaks of, `nodejs:12`; nothing stands for any, and for packages of no
    /// module.
    pub fn module_streams(&self) -> impl Iterator<Item = &'s str> + use<'s> {
        self.module_streams
    }

    /// The processors that it is restricted to, as images name them; nothing stands for all.
    pub fn architectures(&self) -> impl Iterator<Item = &'s str> + use<'s> {
        self.architectures
    }

    /// The operating systems that it is restricted to, as images name them; nothing stands for all.
    pub fn operating_systems(&self) -> impl Iterator<Item = &'s str> + use<'s> {
        self.systems
    }

    pub(super) fn advisory_index(&self) -> u32 {
        self.advisory
    }

    fn names(&self, key: &[u8], version: &str) -> bool {
        self.versions.into_iter().any(|rank| self.shard.compare(key, rank).is_some_and(|it| it.plain.is_eq()))
            || self.names_unordered(version)
    }

    /// A version that is named by itself: the next fix above it is its own.
    fn listed(&self, key: &[u8]) -> Hit<'s> {
        let is_above = |rank: &u32| self.shard.compare(key, *rank).is_some_and(|it| it.plain.is_lt());
        let mut fixes = self.intervals.filter_map(|interval| interval.fix());
        let fixed = fixes.find(is_above).filter(|_| !key.is_empty());
        Hit {
            introduced: None,
            fixed: fixed.and_then(|rank| self.shard.version_text(rank)),
            last_affected: None,
        }
    }
}

fn symbols<'s>(reader: &mut Reader<'s>) -> Option<&'s [u8]> {
    let bytes = usize::try_from(reader.number()?).ok()?.checked_mul(4)?;
    reader.take(bytes)
}

/// Intervals in the order of their versions.
#[derive(Clone, Copy, Debug)]
struct Intervals<'s> {
    left: u32,
    numbers: Reader<'s>,
}

/// Versions from–to, by their ranks.
#[derive(Clone, Copy, Debug)]
struct Interval {
    from: Option<u32>,
    to: Option<u32>,
    /// Whether the end itself is affected.
    is_through: bool,
}

impl<'s> Intervals<'s> {
    /// Takes so many intervals off the reader.
    fn read(count: u32, reader: &mut Reader<'s>) -> Option<Self> {
        let intervals = Self { left: count, numbers: *reader };
        for _ in 0..intervals.left {
            reader.number()?;
            reader.long()?;
        }
        Some(intervals)
    }
}

impl Iterator for Intervals<'_> {
    type Item = Interval;

    fn next(&mut self) -> Option<Interval> {
        self.left = self.left.checked_sub(1)?;
        let from = self.numbers.number()?.checked_sub(1);
        let to = self.numbers.long()?;
        let rank = u32::try_from(to >> 1).ok()?.checked_sub(1);
        Some(Interval { from, to: rank, is_through: to & 1 == 1 })
    }
}

impl Interval {
    fn hit<'s>(&self, shard: &'s Shard, key: &[u8]) -> Option<Hit<'s>> {
        if let Some(from) = self.from
            && shard.compare(key, from)?.plain.is_lt()
        {
            return None;
        }
        if let Some(to) = self.to {
            let to_end = shard.compare(key, to)?;
            let is_within = if self.is_through { to_end.to_bound().is_le() } else { to_end.plain.is_lt() };
            if !is_within {
                return None;
            }
        }
        let text = |rank: Option<u32>| rank.and_then(|rank| shard.version_text(rank));
        let last = self.to.filter(|_| self.is_through);
        Some(Hit { introduced: text(self.from), fixed: text(self.fix()), last_affected: text(last) })
    }

    fn fix(&self) -> Option<u32> {
        self.to.filter(|_| !self.is_through)
    }
}

/// Ranks of versions in their order, each as its distance from the one before, behind their number.
#[derive(Clone, Copy, Debug, Default)]
struct Ranks<'s> {
    left: u32,
    last: u32,
    steps: Reader<'s>,
}

impl<'s> Ranks<'s> {
    fn read(reader: &mut Reader<'s>) -> Option<Self> {
        let ranks = Self { left: reader.number()?, last: 0, steps: *reader };
        for _ in 0..ranks.left {
            reader.number()?;
        }
        Some(ranks)
    }
}

impl Iterator for Ranks<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        self.last = self.last.checked_add(self.steps.number()?)?;
        Some(self.last)
    }
}
