//! The bytes of an ecosystem's shards.
//!
//! | section | rows |
//! |---|---|
//! | 0 | name of the ecosystem, time of the newest record |
//! | 1 | packages in the order of their names: number of what is said of it, name |
//! | 2 | what is said of a package, or of several in the same words: fingerprint, entries |
//! | 3 | versions in their order: how much of the key is that of the row before, the rest of it, text |
//! | 4 | advisories in the order of their ids |
//! | 5 | strings that are used by their number |

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::builder::{RecordDraft, listed, newest};
use super::catalogue::ListedShard;
use super::container::{ShardKind, frame};
use super::details;
use super::draft::{EntryDraft, Qualifiers};
use super::head::{Head, Information};
use super::identifier::Identifier;
use super::intervals::Bound;
use super::selection::{Selected, render_entry, render_head};
use super::table::TableWriter;
use super::versions::{VersionId, Versions};
use super::wire::{put_chunk, put_number};

/// The sections of a shard of advisories.
pub(super) mod section {
    pub(crate) const META: usize = 0;
    pub(crate) const PACKAGES: usize = 1;
    pub(crate) const STATEMENTS: usize = 2;
    pub(crate) const VERSIONS: usize = 3;
    pub(crate) const ADVISORIES: usize = 4;
    pub(crate) const STRINGS: usize = 5;
}

/// Bits that say which parts the head of an advisory has.
pub(super) mod head_flag {
    pub(crate) const ALIASES: u8 = 1;
    pub(crate) const UPSTREAM: u8 = 1 << 1;
    pub(crate) const VECTORS: u8 = 1 << 2;
    pub(crate) const LABEL: u8 = 1 << 3;
    pub(crate) const INFORMATION: u8 = 1 << 4;
    pub(crate) const PUBLISHED: u8 = 1 << 5;
}

/// Bits that say which parts an entry has.
pub(super) mod flag {
    pub(crate) const NOT_AFFECTED: u32 = 1;
    pub(crate) const LABEL: u32 = 1 << 1;
    pub(crate) const VERSIONS: u32 = 1 << 2;
    pub(crate) const UNORDERED: u32 = 1 << 3;
    pub(crate) const SYMBOLS: u32 = 1 << 4;
    pub(crate) const STREAMS: u32 = 1 << 5;
    pub(crate) const PLATFORMS: u32 = 1 << 6;
    /// The number of intervals is not one, and follows.
    pub(crate) const COUNT: u32 = 1 << 7;
}

/// The shard of an ecosystem's advisories and that of their summaries; `None` where one is too large.
pub(super) fn shards(
    name: &str,
    selected: &Selected,
    sources: Vec<String>,
) -> Option<[(ListedShard, Vec<u8>); 2]> {
    let writer = Writer::new(selected);
    let packages = writer.packages();
    let package_count = packages.len();
    let data_time = newest(&selected.records);
    let mut meta = Vec::new();
    put_chunk(&mut meta, name.as_bytes());
    meta.extend(data_time.map_or(i64::MIN, |time| time.as_second()).to_le_bytes());
    let (packages, statements) = writer.packages_and_statements(packages)?;
    let sections =
        [meta, packages, statements, writer.versions_section()?, writer.advisories()?, writer.strings()?];
    let bytes = frame(ShardKind::Advisories, &sections)?;
    let advisories = ListedShard {
        records: selected.records.len() as u64,
        packages: package_count as u64,
        data_time,
        sources: sources.clone(),
        ..listed(name, ShardKind::Advisories, &bytes)
    };
    let summaries = details::write(name, selected.records.iter().map(|record| record.head.summary.as_str()))?;
    let details = ListedShard {
        records: advisories.records,
        data_time,
        sources,
        ..listed(name, ShardKind::Details, &summaries)
    };
    Some([(advisories, bytes), (details, summaries)])
}

struct Writer<'s> {
    versions: &'s Versions,
    records: &'s [RecordDraft],
    /// The versions that are used, in their order.
    used: Vec<VersionId>,
    ranks: HashMap<VersionId, u32>,
    strings: BTreeMap<&'s str, u32>,
}

type Packages<'s> = BTreeMap<&'s str, Vec<(u32, &'s EntryDraft)>>;

impl<'s> Writer<'s> {
    fn new(selected: &'s Selected) -> Self {
        let mut used: Vec<VersionId> = Vec::new();
        let mut strings = BTreeSet::new();
        for record in &selected.records {
            strings.extend(record.head.strings());
            for entry in &record.entries {
                used.extend(entry.intervals.iter().flat_map(|interval| {
                    let end = match interval.to {
                        Bound::Open => None,
                        Bound::Before(version) | Bound::Through(version) => Some(version),
                    };
                    interval.from.into_iter().chain(end)
                }));
                used.extend_from_slice(&entry.versions);
                strings.extend(entry.strings());
            }
        }
        let versions = &selected.versions;
        used.sort_by(|left, right| versions.compare(*left, *right));
        used.dedup();
        let ranks = (0..).zip(&used).map(|(rank, version)| (*version, rank)).collect();
        let strings = strings.into_iter().zip(0..).collect();
        Self { versions, records: &selected.records, used, ranks, strings }
    }

    fn packages(&self) -> Packages<'s> {
        let mut packages = Packages::new();
        for (index, record) in (0..).zip(self.records) {
            for entry in &record.entries {
                packages.entry(entry.package.as_str()).or_default().push((index, entry));
            }
        }
        packages
    }

    /// Packages that are built from one source are spoken of in the same words: those stand there once.
    fn packages_and_statements(&self, packages: Packages<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
        let (mut names, mut statements) = (TableWriter::default(), TableWriter::default());
        let mut known: HashMap<Vec<u8>, u32> = HashMap::new();
        for (name, entries) in packages {
            let next = u32::try_from(known.len()).ok()?;
            let number = *known.entry(self.statement(&entries)).or_insert_with_key(|statement| {
                statements.push(|out| out.extend_from_slice(statement));
                next
            });
            names.push(|out| {
                put_number(out, number);
                out.extend_from_slice(name.as_bytes());
            });
        }
        Some((names.finish()?, statements.finish()?))
    }

    fn statement(&self, entries: &[(u32, &EntryDraft)]) -> Vec<u8> {
        let mut out = self.fingerprint(entries).to_le_bytes().to_vec();
        let mut last = 0;
        for (index, entry) in entries {
            put_number(&mut out, index - last);
            self.put_entry(&mut out, entry);
            last = *index;
        }
        out
    }

    /// A number that changes when anything changes that a finding of this package is made of.
    fn fingerprint(&self, entries: &[(u32, &EntryDraft)]) -> u64 {
        let mut rendered: Vec<Vec<u8>> = entries
            .iter()
            .filter_map(|(index, entry)| {
                let mut out = render_entry(entry, self.versions);
                render_head(&self.records.get(*index as usize)?.head, &mut out);
                Some(out)
            })
            .collect();
        rendered.sort();
        fnv1a(rendered.iter().flatten().copied())
    }

    fn put_entry(&self, out: &mut Vec<u8>, entry: &EntryDraft) {
        put_number(out, flags(entry));
        if entry.intervals.len() != 1 {
            put_number(out, entry.intervals.len() as u64);
        }
        for interval in &entry.intervals {
            put_number(out, interval.from.map_or(0, |version| 1 + u64::from(self.rank(version))));
            put_number(
                out,
                match interval.to {
                    Bound::Open => 0,
                    Bound::Before(version) => (1 + u64::from(self.rank(version))) << 1,
                    Bound::Through(version) => ((1 + u64::from(self.rank(version))) << 1) | 1,
                },
            );
        }
        self.put_label(out, entry.qualifiers.label.as_deref());
        if !entry.versions.is_empty() {
            self.put_ranks(out, &entry.versions);
        }
        if !entry.unordered.is_empty() {
            self.put_strings(out, &entry.unordered);
        }
        self.put_qualifiers(out, &entry.qualifiers);
    }

    fn put_qualifiers(&self, out: &mut Vec<u8>, qualifiers: &Qualifiers) {
        if !qualifiers.symbols.is_empty() {
            put_number(out, qualifiers.symbols.len() as u64);
            qualifiers.symbols.iter().for_each(|symbol| out.extend(symbol.to_le_bytes()));
            self.put_strings(out, &qualifiers.imports);
        }
        if !qualifiers.module_streams.is_empty() {
            self.put_strings(out, &qualifiers.module_streams);
        }
        if qualifiers.has_platforms() {
            self.put_strings(out, &qualifiers.architectures);
            self.put_strings(out, &qualifiers.systems);
        }
    }

    fn put_label(&self, out: &mut Vec<u8>, label: Option<&str>) {
        if let Some(label) = label {
            put_number(out, self.string(label));
        }
    }

    fn put_ranks(&self, out: &mut Vec<u8>, versions: &[VersionId]) {
        put_number(out, versions.len() as u64);
        let mut last = 0;
        for version in versions {
            let rank = self.rank(*version);
            put_number(out, rank - last);
            last = rank;
        }
    }

    fn put_strings(&self, out: &mut Vec<u8>, strings: &[String]) {
        put_number(out, strings.len() as u64);
        strings.iter().for_each(|string| put_number(out, self.string(string)));
    }

    fn versions_section(&self) -> Option<Vec<u8>> {
        let mut table = TableWriter::default();
        let mut last: &[u8] = &[];
        for version in &self.used {
            let key = self.versions.key(*version);
            let before = if table.is_at_block() { &[] } else { last };
            let shared = key.iter().zip(before).take_while(|(left, right)| left == right).count();
            table.push(|out| {
                put_number(out, shared as u64);
                put_chunk(out, key.get(shared..).unwrap_or_default());
                out.extend_from_slice(self.versions.text(*version).as_bytes());
            });
            last = key;
        }
        table.finish()
    }

    fn advisories(&self) -> Option<Vec<u8>> {
        let mut table = TableWriter::default();
        for record in self.records {
            table.push(|out| self.put_head(out, &record.head));
        }
        table.finish()
    }

    fn put_head(&self, out: &mut Vec<u8>, head: &Head) {
        out.push(head_flags(head));
        Identifier::parse(&head.id).write(out, |prefix| self.string(prefix));
        for list in [&head.aliases, &head.upstream].into_iter().filter(|list| !list.is_empty()) {
            put_number(out, list.len() as u64);
            list.iter().for_each(|id| Identifier::parse(id).write(out, |prefix| self.string(prefix)));
        }
        if !head.vectors.is_empty() {
            self.put_strings(out, &head.vectors);
        }
        self.put_label(out, head.label.as_deref());
        out.extend(head.information.map(code));
        out.extend(head.published.into_iter().flat_map(u16::to_le_bytes));
    }

    fn strings(&self) -> Option<Vec<u8>> {
        let mut table = TableWriter::default();
        for string in self.strings.keys() {
            table.push(|out| out.extend_from_slice(string.as_bytes()));
        }
        table.finish()
    }

    fn rank(&self, version: VersionId) -> u32 {
        self.ranks.get(&version).copied().unwrap_or_default()
    }

    fn string(&self, string: &str) -> u32 {
        self.strings.get(string).copied().unwrap_or_default()
    }
}

impl Head {
    fn strings(&self) -> impl Iterator<Item = &str> {
        let ids = std::iter::once(&self.id).chain(&self.aliases).chain(&self.upstream);
        let prefixes = ids.filter_map(|id| Identifier::parse(id).prefix());
        prefixes.chain(self.vectors.iter().chain(&self.label).map(String::as_str))
    }
}

impl EntryDraft {
    fn strings(&self) -> impl Iterator<Item = &str> {
        let qualifiers = &self.qualifiers;
        [
            &self.unordered,
            &qualifiers.imports,
            &qualifiers.module_streams,
            &qualifiers.architectures,
            &qualifiers.systems,
        ]
        .into_iter()
        .flatten()
        .chain(&qualifiers.label)
        .map(String::as_str)
    }
}

impl Qualifiers {
    fn has_platforms(&self) -> bool {
        !(self.architectures.is_empty() && self.systems.is_empty())
    }
}

fn head_flags(head: &Head) -> u8 {
    [
        (head_flag::ALIASES, !head.aliases.is_empty()),
        (head_flag::UPSTREAM, !head.upstream.is_empty()),
        (head_flag::VECTORS, !head.vectors.is_empty()),
        (head_flag::LABEL, head.label.is_some()),
        (head_flag::INFORMATION, head.information.is_some()),
        (head_flag::PUBLISHED, head.published.is_some()),
    ]
    .into_iter()
    .filter(|(_, is_set)| *is_set)
    .map(|(bit, _)| bit)
    .sum()
}

fn flags(entry: &EntryDraft) -> u32 {
    let qualifiers = &entry.qualifiers;
    [
        (flag::NOT_AFFECTED, qualifiers.is_not_affected),
        (flag::LABEL, qualifiers.label.is_some()),
        (flag::VERSIONS, !entry.versions.is_empty()),
        (flag::UNORDERED, !entry.unordered.is_empty()),
        (flag::SYMBOLS, !qualifiers.symbols.is_empty()),
        (flag::STREAMS, !qualifiers.module_streams.is_empty()),
        (flag::PLATFORMS, qualifiers.has_platforms()),
        (flag::COUNT, entry.intervals.len() != 1),
    ]
    .into_iter()
    .filter(|(_, is_set)| *is_set)
    .map(|(bit, _)| bit)
    .sum()
}

/// The number that stands for a kind of information.
pub(super) fn code(information: Information) -> u8 {
    match information {
        Information::Unmaintained => 1,
        Information::Unsound => 2,
        Information::Notice => 3,
        Information::BugFix => 4,
        Information::Enhancement => 5,
    }
}

/// 64-bit FNV-1a.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
