use std::cmp::Ordering;

use jiff::Timestamp;

use crate::ecosystem::Spelling;
use crate::{Ecosystem, Order};

use super::advisory::Advisory;
use super::affected::Affected;
use super::container::{Container, OpenShardError, ShardKind};
use super::details::Details;
use super::difference;
use super::identifier::Identifier;
use super::table::Table;
use super::wire::Reader;
use super::write::section;

/// The advisories of one ecosystem's release, as they stand in a file.
///
/// Opening looks at the frame alone; rows are read when they are asked for. What is damaged is then as if it were not
/// there, so bytes from outside are held against their digest first, see [`Catalogue::verify`](super::Catalogue::verify).
#[derive(Clone, Debug)]
pub struct Shard {
    container: Container,
    name: String,
    order: Order,
    spelling: Spelling,
    data_time: Option<Timestamp>,
    details: Option<Details>,
}

impl Shard {
    /// Opens a shard.
    pub fn open(bytes: Vec<u8>) -> Result<Self, OpenShardError> {
        let container = Container::open(bytes, ShardKind::Advisories)?;
        let mut meta = Reader::new(container.section(section::META));
        let name = meta.text().ok_or(OpenShardError::damaged("it has no name"))?.to_owned();
        let seconds = meta.rest().try_into().map_err(|_| OpenShardError::damaged("it has no time"))?;
        let data_time = Timestamp::from_second(i64::from_le_bytes(seconds)).ok();
        let ecosystem =
            Ecosystem::parse(&name).ok_or_else(|| OpenShardError::UnknownEcosystem(name.clone()))?;
        let (order, spelling) = (ecosystem.order(), ecosystem.spelling());
        if (section::PACKAGES..=section::STRINGS)
            .any(|section| Table::read(container.section(section)).is_none())
        {
            return Err(OpenShardError::damaged("a table is cut short"));
        }
        Ok(Self { order, spelling, name, data_time, details: None, container })
    }

    /// Compares the check sum: a pass over all bytes.
    pub fn verify(&self) -> Result<(), OpenShardError> {
        self.container.verify()?;
        self.details.as_ref().map_or(Ok(()), Details::verify)
    }

    /// Adds the shard of summaries.
    pub fn attach(&mut self, details: Details) {
        self.details = Some(details);
    }

    /// The ecosystem with its release: `Debian:12`, `PyPI`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose rules order its versions.
    pub fn order(&self) -> Order {
        self.order
    }

    /// When its newest record was changed.
    pub fn data_time(&self) -> Option<Timestamp> {
        self.data_time
    }

    /// What is known of a package, whatever its version. The name is taken as any ecosystem's tool writes it.
    pub fn affecting(&self, package: &str) -> impl Iterator<Item = Affected<'_>> {
        Affecting { shard: self, entries: self.entries(package).unwrap_or_default(), advisory: 0 }
    }

    /// The names of all packages, in their order.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.fingerprints().map(|(name, _)| name)
    }

    /// The number of advisories.
    pub fn advisory_count(&self) -> u32 {
        self.advisories().len()
    }

    /// The packages of which findings may differ between two states of one shard, in their order.
    ///
    /// Titles and times of change are left out: no finding is new because of them.
    pub fn changed<'s>(old: &'s Self, new: &'s Self) -> Vec<&'s str> {
        difference::changed(old.fingerprints(), new.fingerprints())
    }

    /// The advisories with this id, alias or upstream id, with the packages of each. It reads the whole shard.
    pub(super) fn mentions<'s>(&'s self, id: Identifier<'_>) -> Vec<(Advisory<'s>, Vec<&'s str>)> {
        let found =
            (0..self.advisory_count()).filter_map(|index| self.advisory(index)).filter(|it| it.is_about(id));
        let mut mentions: Vec<(Advisory<'s>, Vec<&'s str>)> =
            found.map(|advisory| (advisory, Vec::new())).collect();
        if mentions.is_empty() {
            return mentions;
        }
        for (name, _, entries) in self.package_rows() {
            for affected in (Affecting { shard: self, entries, advisory: 0 }) {
                let place = mentions.binary_search_by_key(&affected.advisory_index(), |(it, _)| it.index());
                if let Some((_, names)) = place.ok().and_then(|place| mentions.get_mut(place))
                    && names.last() != Some(&name)
                {
                    names.push(name);
                }
            }
        }
        mentions
    }

    pub(super) fn advisory(&self, index: u32) -> Option<Advisory<'_>> {
        Advisory::read(self, index, Reader::new(self.advisories().get(index)?))
    }

    /// How the key of a version stands to the version of a rank; `None` in a damaged shard.
    ///
    /// Keys are kept without what they share with the one before, so this goes through the block of the rank, and
    /// keeps in mind how much of the key has been met so far.
    pub(super) fn compare(&self, key: &[u8], rank: u32) -> Option<Comparison> {
        let mut comparison = Comparison { plain: Ordering::Greater, is_beyond: true };
        let mut met = 0;
        for row in self.table(section::VERSIONS).rows_to(rank)? {
            let mut row = Reader::new(row);
            let shared = usize::try_from(row.number()?).ok()?;
            let rest = row.chunk()?;
            if shared > met {
                // Where it differed from the row before, it differs from this one.
                comparison.is_beyond = false;
                continue;
            }
            let tail = key.get(shared..)?;
            let common = tail.iter().zip(rest).take_while(|(left, right)| left == right).count();
            met = shared + common;
            comparison = Comparison { plain: tail.cmp(rest), is_beyond: common == rest.len() && met > 0 };
        }
        Some(comparison)
    }

    pub(super) fn version_text(&self, rank: u32) -> Option<&str> {
        let mut row = Reader::new(self.table(section::VERSIONS).get(rank)?);
        row.number()?;
        row.chunk()?;
        std::str::from_utf8(row.rest()).ok()
    }

    pub(super) fn string(&self, index: u32) -> Option<&str> {
        self.strings().text(index)
    }

    pub(super) fn strings(&self) -> Table<'_> {
        self.table(section::STRINGS)
    }

    pub(super) fn details(&self) -> Option<&Details> {
        self.details.as_ref()
    }

    fn entries(&self, package: &str) -> Option<Reader<'_>> {
        let name = self.spelling.normalise(package);
        let row = self.table(section::PACKAGES).find(|mut row| {
            row.number()?;
            Some(row.rest().cmp(name.as_bytes()))
        })?;
        self.statement(Reader::new(row).number()?).map(|(_, entries)| entries)
    }

    fn fingerprints(&self) -> impl Iterator<Item = (&str, u64)> {
        self.package_rows().map(|(name, fingerprint, _)| (name, fingerprint))
    }

    /// Name, fingerprint and entries of each package.
    fn package_rows(&self) -> impl Iterator<Item = (&str, u64, Reader<'_>)> {
        self.table(section::PACKAGES).iter().filter_map(|row| {
            let mut row = Reader::new(row);
            let (fingerprint, entries) = self.statement(row.number()?)?;
            Some((std::str::from_utf8(row.rest()).ok()?, fingerprint, entries))
        })
    }

    fn statement(&self, number: u32) -> Option<(u64, Reader<'_>)> {
        let mut row = Reader::new(self.table(section::STATEMENTS).get(number)?);
        let fingerprint = u64::from_le_bytes(row.take(8)?.try_into().ok()?);
        Some((fingerprint, row))
    }

    fn advisories(&self) -> Table<'_> {
        self.table(section::ADVISORIES)
    }

    fn table(&self, section: usize) -> Table<'_> {
        Table::read(self.container.section(section)).unwrap_or(Table::EMPTY)
    }
}

/// How a key stands to that of a bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comparison {
    /// As bytes.
    pub(super) plain: Ordering,
    /// Whether the key begins with the whole of the bound's.
    is_beyond: bool,
}

impl Comparison {
    /// What [`compare_to_bound`](crate::order::compare_to_bound) says of the two.
    pub(super) fn to_bound(self) -> Ordering {
        if self.is_beyond { Ordering::Equal } else { self.plain }
    }
}

/// The entries of a package, read one after the other.
struct Affecting<'s> {
    shard: &'s Shard,
    entries: Reader<'s>,
    advisory: u32,
}

impl<'s> Iterator for Affecting<'s> {
    type Item = Affected<'s>;

    fn next(&mut self) -> Option<Affected<'s>> {
        if self.entries.is_empty() {
            return None;
        }
        self.advisory = self.advisory.checked_add(self.entries.number()?)?;
        Affected::read(self.shard, self.advisory, &mut self.entries)
    }
}
