//! Which of several records with one id counts.

use std::collections::BTreeMap;

use super::builder::{RecordDraft, ShardDraft};
use super::draft::EntryDraft;
use super::head::Head;
use super::intervals::Bound;
use super::versions::{VersionId, Versions};
use super::wire::{put_chunk, put_number};

/// The advisories of a shard, each once, in the order of their ids.
pub(super) struct Selected {
    pub(super) versions: Versions,
    pub(super) records: Vec<RecordDraft>,
    /// The records that they were made of.
    pub(super) ordinals: Vec<usize>,
}

/// Chooses the newest of each id, and joins what is equally new: a distribution publishes one CVE in several files.
pub(super) fn select<'s>(draft: ShardDraft, origin: impl Fn(usize) -> &'s str) -> Selected {
    let versions = draft.versions;
    let mut by_id: BTreeMap<String, Vec<RecordDraft>> = BTreeMap::new();
    for record in draft.records {
        by_id.entry(record.head.id.clone()).or_default().push(record);
    }
    let mut selected = Selected { versions, records: Vec::with_capacity(by_id.len()), ordinals: Vec::new() };
    for mut records in by_id.into_values() {
        let newest = records.iter().map(|record| record.modified).max().flatten();
        records.retain(|record| record.modified == newest);
        selected.take(records, &origin);
    }
    selected.ordinals.sort_unstable();
    selected
}

impl Selected {
    fn take<'s>(&mut self, mut records: Vec<RecordDraft>, origin: &impl Fn(usize) -> &'s str) {
        if records.len() > 1 {
            let mut rendered: Vec<(Vec<u8>, RecordDraft)> =
                records.into_iter().map(|record| (render(&record, &self.versions), record)).collect();
            rendered.sort_by(|(left, first), (right, second)| {
                left.cmp(right).then_with(|| origin(first.ordinal).cmp(origin(second.ordinal)))
            });
            rendered.dedup_by(|(left, _), (right, _)| left == right);
            records = rendered.into_iter().map(|(_, record)| record).collect();
        }
        self.ordinals.extend(records.iter().map(|record| record.ordinal));
        // The last in an order that does not depend on how they came gives the head.
        let Some(mut record) = records.pop() else { return };
        record.entries.extend(records.into_iter().flat_map(|record| record.entries));
        record.entries = settled(record.entries, &self.versions);
        self.records.push(record);
    }
}

/// One entry for each package and set of qualifiers.
fn settled(mut entries: Vec<EntryDraft>, versions: &Versions) -> Vec<EntryDraft> {
    entries
        .sort_by(|left, right| (&left.package, &left.qualifiers).cmp(&(&right.package, &right.qualifiers)));
    let mut settled: Vec<EntryDraft> = Vec::with_capacity(entries.len());
    for entry in entries {
        match settled.last_mut() {
            Some(last) if last.package == entry.package && last.qualifiers == entry.qualifiers => {
                last.absorb(&entry);
            }
            _ => settled.push(entry),
        }
    }
    settled.iter_mut().for_each(|entry| entry.settle(versions));
    settled
}

/// A record as bytes that do not depend on what else the shard holds.
fn render(record: &RecordDraft, versions: &Versions) -> Vec<u8> {
    let mut out = Vec::new();
    render_head(&record.head, &mut out);
    put_chunk(&mut out, record.head.summary.as_bytes());
    let mut entries: Vec<Vec<u8>> = record
        .entries
        .iter()
        .map(|entry| [entry.package.as_bytes(), &[0], &render_entry(entry, versions)].concat())
        .collect();
    entries.sort();
    entries.iter().for_each(|entry| put_chunk(&mut out, entry));
    out
}

/// What of a flaw would change a finding; its title would not.
pub(super) fn render_head(head: &Head, out: &mut Vec<u8>) {
    put_chunk(out, head.id.as_bytes());
    for list in [&head.aliases, &head.upstream, &head.vectors] {
        put_texts(out, list);
    }
    put_texts(out, head.label.as_slice());
    put_texts(out, head.information.map(|information| information.as_str().to_owned()).as_slice());
    put_number(out, head.published.unwrap_or_default());
}

/// An entry, whatever package it is of.
pub(super) fn render_entry(entry: &EntryDraft, versions: &Versions) -> Vec<u8> {
    let mut out = Vec::new();
    let qualifiers = &entry.qualifiers;
    out.push(qualifiers.is_not_affected.into());
    put_texts(&mut out, qualifiers.label.as_slice());
    put_number(&mut out, qualifiers.symbols.len() as u64);
    qualifiers.symbols.iter().for_each(|symbol| out.extend(symbol.to_le_bytes()));
    for list in
        [&qualifiers.imports, &qualifiers.module_streams, &qualifiers.architectures, &qualifiers.systems]
    {
        put_texts(&mut out, list);
    }
    put_number(&mut out, entry.intervals.len() as u64);
    for interval in &entry.intervals {
        render_version(&mut out, interval.from, versions);
        let (kind, version) = match interval.to {
            Bound::Open => (0, None),
            Bound::Before(version) => (1, Some(version)),
            Bound::Through(version) => (2, Some(version)),
        };
        out.push(kind);
        render_version(&mut out, version, versions);
    }
    put_number(&mut out, entry.versions.len() as u64);
    entry.versions.iter().for_each(|version| render_version(&mut out, Some(*version), versions));
    put_texts(&mut out, &entry.unordered);
    out
}

fn render_version(out: &mut Vec<u8>, version: Option<VersionId>, versions: &Versions) {
    put_chunk(out, version.map(|version| versions.text(version)).unwrap_or_default().as_bytes());
}

fn put_texts(out: &mut Vec<u8>, texts: &[String]) {
    put_number(out, texts.len() as u64);
    texts.iter().for_each(|text| put_chunk(out, text.as_bytes()));
}
