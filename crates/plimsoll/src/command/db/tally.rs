//! What became of the records of each source, told after every build.

use std::path::Path;

use jiff::Timestamp;
use plimsoll_oci::Digest;
use plimsoll_vuln::index::{Catalogue, ListedSource, Refusal, ShardKind};
use serde::Serialize;

use crate::terminal::{Column, Page, Report, Table, bytes};

/// An index that was built.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BuiltIndex {
    api_version: &'static str,
    kind: &'static str,
    directory: String,
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_time: Option<Timestamp>,
    shards: usize,
    records: u64,
    bytes: u64,
    sources: Vec<ListedSource>,
}

impl BuiltIndex {
    pub(super) fn of(catalogue: &Catalogue, directory: &Path) -> Self {
        Self {
            api_version: "plimsoll/v1",
            kind: "AdvisoryIndex",
            directory: directory.display().to_string(),
            digest: catalogue.digest(),
            data_time: catalogue.data_time,
            shards: catalogue.shards.len(),
            records: records(catalogue),
            bytes: catalogue.shards.iter().map(|shard| shard.bytes).sum(),
            sources: catalogue.sources.clone(),
        }
    }
}

impl Report for BuiltIndex {
    fn draw(&self, page: &mut Page) {
        page.fact("advisories", &self.directory);
        page.fact("index", &self.digest.to_string());
        page.fact(
            "size",
            &format!("{} records, {} shards, {}", self.records, self.shards, bytes(self.bytes)),
        );
        page.fact("data", &self.data_time.map_or("of no known time".to_owned(), day));
        draw_dated_ahead(&self.sources, page);
        page.heading("Sources");
        let mut table = Table::new(&[
            Column::Right("KEPT"),
            Column::Right("WITHDRAWN"),
            Column::Right("MALFORMED"),
            Column::Right("UNKNOWN"),
            Column::Right("OTHER"),
            Column::Left("SOURCE"),
        ]);
        for source in &self.sources {
            let tally = &source.tally;
            let named = [Refusal::Withdrawn, Refusal::Malformed, Refusal::UnknownEcosystem]
                .map(|reason| tally.refused_for(reason));
            let refused: u64 = tally.refused.values().map(|refused| refused.count).sum();
            let other = refused.saturating_sub(named.iter().sum());
            let [withdrawn, malformed, unknown] = named.map(|count| count.to_string());
            let kept = tally.kept.to_string();
            table.row([kept, withdrawn, malformed, unknown, other.to_string(), source.name.clone()]);
        }
        page.table(&table);
    }
}

/// What claims to have been changed on a day that was still to come when the index was built.
pub(super) fn draw_dated_ahead(sources: &[ListedSource], page: &mut Page) {
    let count: u64 = sources.iter().map(|source| source.tally.dated_ahead.count).sum();
    let examples = sources.iter().flat_map(|source| &source.tally.dated_ahead.examples);
    if let Some(example) = examples.min() {
        let text = format!("{count} such as {example}; their dates make no data newer");
        page.fact("dated ahead", &text);
    }
}

/// Advisories, each counted in every release that has it; enrichments are none.
pub(super) fn records(catalogue: &Catalogue) -> u64 {
    let advisories = catalogue.shards.iter().filter(|shard| shard.kind == ShardKind::Advisories);
    advisories.map(|shard| shard.records).sum()
}

/// A time to the day.
pub(super) fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}
