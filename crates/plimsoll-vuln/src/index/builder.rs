use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::Ecosystem;
use crate::osv::{Affected, Record};

use super::catalogue::{Catalogue, ListedShard, ListedSource};
use super::container::ShardKind;
use super::draft::EntryDraft;
use super::enrichment::EnrichmentDraft;
use super::head::{Head, module_streams, timestamp};
use super::refusal::{Refusal, Tally};
use super::versions::Versions;
use super::{selection, write};

/// A longer name is of no package.
const PACKAGE_BYTES_MAX: usize = 512;
/// A longer id is none.
const ID_BYTES_MAX: usize = 256;

/// Collects advisories, and makes an index of them.
///
/// The index does not depend on the order in which records come: of several with one id the newest counts, and what
/// is equally new is joined.
#[derive(Default)]
pub struct Builder {
    /// When it is; times after it are a mistake of whoever wrote them.
    now: Option<Timestamp>,
    shards: BTreeMap<String, ShardDraft>,
    sources: Vec<SourceDraft>,
    /// For each record that some shard has a draft of, the source that it came from.
    records: Vec<(SourceId, String)>,
    enrichment: EnrichmentDraft,
}

/// A source of records that was announced to the builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceId(usize);

struct SourceDraft {
    name: String,
    licence: Option<String>,
    time: Option<Timestamp>,
    newest: Option<Timestamp>,
    tally: Tally,
}

/// The advisories of one ecosystem's release, before they are written.
pub(super) struct ShardDraft {
    pub(super) versions: Versions,
    pub(super) records: Vec<RecordDraft>,
}

/// A record as one shard keeps it.
pub(super) struct RecordDraft {
    /// Its place in [`Builder::records`].
    pub(super) ordinal: usize,
    /// When it was changed, as it says itself: of several with one id the newest counts.
    pub(super) modified: Option<Timestamp>,
    /// How new it is, as far as that can be believed: what its source says of itself counts too.
    pub(super) data_time: Option<Timestamp>,
    pub(super) head: Head,
    pub(super) entries: Vec<EntryDraft>,
}

/// A finished index: a catalogue, and the bytes of each shard that it lists, in its order.
pub struct Built {
    /// What there is.
    pub catalogue: Catalogue,
    /// The shards' bytes.
    pub shards: Vec<Vec<u8>>,
}

/// An index that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the shard `{0}` is larger than 4 GiB, the most that the format can address: build fewer sources into one index"
)]
pub struct ShardTooLarge(pub String);

impl Builder {
    /// A builder without records, which takes every time at its word.
    pub fn new() -> Self {
        Self::default()
    }

    /// A builder without records at a time: one that is dated later makes no data newer, and is counted.
    pub fn at(now: Timestamp) -> Self {
        Self { now: Some(now), ..Self::default() }
    }

    /// Announces a source; `time` is how new it is as a whole, and so at least how new each of its records is.
    pub fn source(&mut self, name: &str, licence: Option<&str>, time: Option<Timestamp>) -> SourceId {
        let licence = licence.map(str::to_owned);
        let time = self.credible(time);
        self.sources.push(SourceDraft {
            name: name.to_owned(),
            licence,
            time,
            newest: time,
            tally: Tally::default(),
        });
        SourceId(self.sources.len() - 1)
    }

    /// What became of the source's records so far.
    pub fn tally(&self, source: SourceId) -> &Tally {
        &self.sources[source.0].tally
    }

    /// Adds a record. What cannot be used of it is counted, and is no error.
    pub fn add(&mut self, source: SourceId, record: &Record<'_>) {
        self.tally_mut(source).read += 1;
        if let Err(reason) = self.add_parts(source, record) {
            self.tally_mut(source).refuse(reason, &record.id);
        }
    }

    /// Counts a record that could not even be read.
    pub fn refuse(&mut self, source: SourceId, reason: Refusal, id: &str) {
        let tally = self.tally_mut(source);
        tally.read += 1;
        tally.refuse(reason, id);
    }

    /// What is known of CVEs whatever package they touch. Counting is the importer's.
    pub(crate) fn enrichment(&mut self) -> &mut EnrichmentDraft {
        &mut self.enrichment
    }

    pub(crate) fn tally_mut(&mut self, source: SourceId) -> &mut Tally {
        &mut self.sources[source.0].tally
    }

    /// Notes how new a source's data is.
    pub(crate) fn note_time(&mut self, source: SourceId, time: Option<Timestamp>) {
        let time = self.credible(time);
        let newest = &mut self.sources[source.0].newest;
        *newest = time.max(*newest);
    }

    /// A time, unless it is still to come.
    pub(crate) fn credible(&self, time: Option<Timestamp>) -> Option<Timestamp> {
        time.filter(|time| self.now.is_none_or(|now| *time <= now))
    }

    fn add_parts(&mut self, source: SourceId, record: &Record<'_>) -> Result<(), Refusal> {
        if record.withdrawn.is_some() {
            return Err(Refusal::Withdrawn);
        }
        if record.id.is_empty() || record.id.len() > ID_BYTES_MAX {
            return Err(Refusal::Malformed);
        }
        let (parts, mut left_out) = by_ecosystem(record);
        let ordinal = self.records.len();
        let modified = record.modified.as_deref().and_then(timestamp);
        let source_time = self.sources[source.0].time;
        let data_time = self.credible(modified).max(source_time);
        let mut is_kept = false;
        for (ecosystem, affected) in parts.into_values() {
            let name = ecosystem.as_str();
            if !self.shards.contains_key(name) {
                self.shards.insert(name.to_owned(), ShardDraft::new(ecosystem));
            }
            let Some(shard) = self.shards.get_mut(name) else { continue };
            let (entries, refusals) = shard.read(record, ecosystem, &affected);
            left_out.extend(refusals);
            if !entries.is_empty() {
                let head = Head::read(record, ecosystem, &affected);
                let modified = modified.or(source_time);
                shard.records.push(RecordDraft { ordinal, modified, data_time, head, entries });
                is_kept = true;
            }
        }
        if !is_kept {
            return Err(left_out.into_iter().min().unwrap_or(Refusal::NothingToMatch));
        }
        left_out.into_iter().for_each(|reason| self.tally_mut(source).leave_out(reason, &record.id));
        if self.credible(modified) != modified {
            self.tally_mut(source).dated_ahead.add(&record.id);
        }
        self.records.push((source, record.id.to_string()));
        self.note_time(source, data_time);
        Ok(())
    }

    /// Writes the index.
    pub fn finish(mut self) -> Result<Built, ShardTooLarge> {
        let mut shards = Vec::new();
        let mut is_kept = vec![false; self.records.len()];
        for (name, draft) in std::mem::take(&mut self.shards) {
            if draft.records.is_empty() {
                continue;
            }
            let origins = |ordinal: usize| {
                self.records.get(ordinal).map_or("", |(source, _)| &self.sources[source.0].name)
            };
            let selected = selection::select(draft, origins);
            selected.ordinals.iter().for_each(|ordinal| is_kept[*ordinal] = true);
            let mut sources: Vec<String> =
                selected.ordinals.iter().map(|ordinal| origins(*ordinal).to_owned()).collect();
            sources.sort();
            sources.dedup();
            shards.extend(write::shards(&name, &selected, sources).ok_or(ShardTooLarge(name))?);
        }
        self.settle_tallies(&is_kept);
        let sources = self.enrichment_sources();
        shards.extend(self.enrichment.write(sources).map_err(ShardTooLarge)?);
        Ok(self.built(shards))
    }

    fn settle_tallies(&mut self, is_kept: &[bool]) {
        for ((source, id), is_kept) in self.records.iter().zip(is_kept) {
            let tally = &mut self.sources[source.0].tally;
            if *is_kept {
                tally.kept += 1;
            } else {
                tally.refuse(Refusal::Superseded, id);
            }
        }
    }

    fn enrichment_sources(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.enrichment.sources().map(|id| self.sources[id.0].name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    fn built(self, shards: Vec<(ListedShard, Vec<u8>)>) -> Built {
        let mut sources: Vec<ListedSource> = self.sources.into_iter().map(SourceDraft::listed).collect();
        sources.sort_by(|left, right| (&left.name, left.tally.read).cmp(&(&right.name, right.tally.read)));
        let (listed, bytes) = shards.into_iter().unzip();
        Built { catalogue: Catalogue::new(listed, sources), shards: bytes }
    }
}

impl SourceDraft {
    fn listed(self) -> ListedSource {
        ListedSource { name: self.name, licence: self.licence, data_time: self.newest, tally: self.tally }
    }
}

impl ShardDraft {
    fn new(ecosystem: Ecosystem<'_>) -> Self {
        Self { versions: Versions::new(ecosystem.order()), records: Vec::new() }
    }

    /// The entries of a record; parts that cannot be used come back as reasons.
    fn read(
        &mut self,
        record: &Record<'_>,
        ecosystem: Ecosystem<'_>,
        affected: &[&Affected<'_>],
    ) -> (Vec<EntryDraft>, Vec<Refusal>) {
        let streams = module_streams(record, ecosystem);
        let mut entries = Vec::with_capacity(affected.len());
        let mut refusals = Vec::new();
        for affected in affected {
            let Some(package) = &affected.package else { continue };
            if package.name.is_empty() || package.name.len() > PACKAGE_BYTES_MAX {
                refusals.push(Refusal::Malformed);
                continue;
            }
            match EntryDraft::read(affected, ecosystem, &mut self.versions, &streams) {
                Ok(reading) => {
                    refusals.extend(reading.left_out);
                    let package = ecosystem.normalise(&package.name).into_owned();
                    entries.push(EntryDraft { package, ..reading.entry });
                }
                Err(reason) => refusals.push(reason),
            }
        }
        (entries, refusals)
    }
}

type Parts<'r, 'a> = BTreeMap<&'r str, (Ecosystem<'r>, Vec<&'r Affected<'a>>)>;

/// The parts of a record by the shard that they belong to, and why the others belong to none.
fn by_ecosystem<'r, 'a>(record: &'r Record<'a>) -> (Parts<'r, 'a>, Vec<Refusal>) {
    let mut parts = Parts::new();
    let mut left_out = Vec::new();
    for affected in &record.affected {
        let Some(package) = &affected.package else {
            left_out.push(Refusal::NothingToMatch);
            continue;
        };
        match Ecosystem::parse(&package.ecosystem) {
            Some(ecosystem) => {
                parts.entry(ecosystem.as_str()).or_insert_with(|| (ecosystem, Vec::new())).1.push(affected);
            }
            None => left_out.push(Refusal::UnknownEcosystem),
        }
    }
    (parts, left_out)
}

pub(super) fn newest(records: &[RecordDraft]) -> Option<Timestamp> {
    records.iter().filter_map(|record| record.data_time).max()
}

/// The part of a catalogue's entry that all kinds of shards share.
pub(super) fn listed(name: &str, kind: ShardKind, bytes: &[u8]) -> ListedShard {
    ListedShard {
        name: name.to_owned(),
        kind,
        digest: plimsoll_oci::Digest::sha256_of(bytes),
        bytes: bytes.len() as u64,
        records: 0,
        packages: 0,
        data_time: None,
        sources: Vec::new(),
    }
}
