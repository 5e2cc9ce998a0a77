use jiff::civil::Date;

use super::details::Unpacked;
use super::head::Information;
use super::identifier::Identifier;
use super::shard::Shard;
use super::table::Table;
use super::wire::Reader;
use super::write::{code, head_flag};

const DAY_ZERO: Date = Date::constant(1970, 1, 1);

/// An advisory, as a view of its shard.
#[derive(Clone, Copy, Debug)]
pub struct Advisory<'s> {
    shard: &'s Shard,
    index: u32,
    id: Identifier<'s>,
    aliases: Ids<'s>,
    upstream: Ids<'s>,
    vectors: StringList<'s>,
    label: Option<&'s str>,
    information: Option<Information>,
    published: Option<Date>,
}

impl<'s> Advisory<'s> {
    pub(super) fn read(shard: &'s Shard, index: u32, mut row: Reader<'s>) -> Option<Self> {
        let flags = row.byte()?;
        let has = |bit| flags & bit != 0;
        let id = Identifier::read(&mut row, shard.strings())?;
        let aliases = if has(head_flag::ALIASES) { Ids::read(shard, &mut row)? } else { Ids::empty(shard) };
        let upstream = if has(head_flag::UPSTREAM) { Ids::read(shard, &mut row)? } else { Ids::empty(shard) };
        let has_vectors = has(head_flag::VECTORS);
        let vectors = if has_vectors { StringList::read(shard, &mut row)? } else { StringList::empty(shard) };
        let label = if has(head_flag::LABEL) { shard.string(row.number()?) } else { None };
        let information = if has(head_flag::INFORMATION) { Some(row.byte()?) } else { None };
        Some(Self {
            shard,
            index,
            id,
            aliases,
            upstream,
            vectors,
            label,
            information: Information::ALL.into_iter().find(|known| Some(code(*known)) == information),
            published: if has(head_flag::PUBLISHED) { date(row.short()?) } else { None },
        })
    }

    /// Its id in the database that it comes from.
    pub fn id(&self) -> Identifier<'s> {
        self.id
    }

    /// Other ids of the same flaw.
    pub fn aliases(&self) -> impl Iterator<Item = Identifier<'s>> + use<'s> {
        self.aliases
    }

    /// Ids of the flaws that it stands for downstream.
    pub fn upstream(&self) -> impl Iterator<Item = Identifier<'s>> + use<'s> {
        self.upstream
    }

    /// CVSS vectors of any version; those of versions 3 and 4 begin with `CVSS:`.
    pub fn severities(&self) -> impl Iterator<Item = &'s str> + use<'s> {
        self.vectors
    }

    /// How bad it is in its publisher's own word.
    pub fn label(&self) -> Option<&'s str> {
        self.label
    }

    /// Why it is information and no vulnerability; `None` for vulnerabilities.
    pub fn informational(&self) -> Option<Information> {
        self.information
    }

    /// One line on what it is, where the shard of summaries is at hand.
    pub fn summary(&self) -> Option<String> {
        self.shard.details()?.summary(self.index).filter(|summary| !summary.is_empty())
    }

    /// [`Advisory::summary`], for whoever asks for many.
    pub(crate) fn summary_among(&self, unpacked: &mut Unpacked<'s>) -> Option<String> {
        unpacked.summary(self.shard.details()?, self.index).filter(|summary| !summary.is_empty())
    }

    /// The day on which it was first published.
    pub fn published(&self) -> Option<Date> {
        self.published
    }

    /// Whether this is its id or that of a flaw that it stands for.
    pub fn is_about(&self, id: Identifier<'_>) -> bool {
        self.id == id || self.aliases().chain(self.upstream()).any(|other| other == id)
    }

    pub(super) fn index(&self) -> u32 {
        self.index
    }
}

/// A day as it is written in shards: counted from 1970.
pub(super) fn date(days: u16) -> Option<Date> {
    DAY_ZERO.checked_add(jiff::Span::new().days(days)).ok()
}

/// Ids behind their number.
#[derive(Clone, Copy, Debug)]
struct Ids<'s> {
    left: u32,
    ids: Reader<'s>,
    strings: Table<'s>,
}

impl<'s> Ids<'s> {
    /// Takes the list off the reader.
    fn read(shard: &'s Shard, reader: &mut Reader<'s>) -> Option<Self> {
        let list = Self { left: reader.number()?, ids: *reader, strings: shard.strings() };
        for _ in 0..list.left {
            Identifier::read(reader, list.strings)?;
        }
        Some(list)
    }

    fn empty(shard: &'s Shard) -> Self {
        Self { left: 0, ids: Reader::default(), strings: shard.strings() }
    }
}

impl<'s> Iterator for Ids<'s> {
    type Item = Identifier<'s>;

    fn next(&mut self) -> Option<Identifier<'s>> {
        self.left = self.left.checked_sub(1)?;
        Identifier::read(&mut self.ids, self.strings)
    }
}

/// Strings of the shard, by their numbers, behind their count.
#[derive(Clone, Copy, Debug)]
pub(super) struct StringList<'s> {
    shard: &'s Shard,
    left: u32,
    numbers: Reader<'s>,
}

impl<'s> StringList<'s> {
    /// Takes the list off the reader.
    pub(super) fn read(shard: &'s Shard, reader: &mut Reader<'s>) -> Option<Self> {
        let list = Self { shard, left: reader.number()?, numbers: *reader };
        for _ in 0..list.left {
            reader.number()?;
        }
        Some(list)
    }

    pub(super) fn empty(shard: &'s Shard) -> Self {
        Self { shard, left: 0, numbers: Reader::default() }
    }
}

impl<'s> Iterator for StringList<'s> {
    type Item = &'s str;

    fn next(&mut self) -> Option<&'s str> {
        self.left = self.left.checked_sub(1)?;
        self.shard.string(self.numbers.number()?)
    }
}
