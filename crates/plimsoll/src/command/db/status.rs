use clap::Args;
use jiff::Timestamp;
use plimsoll_oci::Digest;
use plimsoll_vuln::feed::Terms;
use plimsoll_vuln::index::{Catalogue, ListedShard, ListedSource, ShardKind};
use serde::Serialize;

use super::tally::{day, draw_dated_ahead, records};
use crate::advisories::{AdvisoryArguments, AgeArguments};
use crate::command::moment;
use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::{Column, Page, Report, Table, bytes};

/// Show which advisories there are, and how old they are
#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    advisories: AdvisoryArguments,
    #[command(flatten)]
    age: AgeArguments,
}

impl Status {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let directory = self.advisories.directory(context.environment())?;
        let catalogue = directory.expect_catalogue()?;
        let now = moment::now();
        let terms = Terms { now, age_days_max: self.age.days_max() };
        let status = AdvisoryStatus {
            api_version: "plimsoll/v1",
            kind: "AdvisoryStatus",
            directory: directory.path().display().to_string(),
            digest: catalogue.digest(),
            data_time: catalogue.data_time,
            age_days_max: self.age.days_max(),
            records: records(&catalogue),
            bytes: catalogue.shards.iter().map(|shard| shard.bytes).sum(),
            shards: catalogue.shards.iter().map(|shard| ShardStatus::of(shard, &catalogue, &terms)).collect(),
            sources: catalogue.sources,
        };
        context.terminal().print(&status)
    }
}

/// The advisories on this machine.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdvisoryStatus {
    api_version: &'static str,
    kind: &'static str,
    directory: String,
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_days_max: Option<u32>,
    records: u64,
    bytes: u64,
    shards: Vec<ShardStatus>,
    sources: Vec<ListedSource>,
}

/// One shard of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShardStatus {
    #[serde(flatten)]
    listed: ListedShard,
    /// Its bytes together with those of its summaries.
    #[serde(skip)]
    bytes_with_details: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_days: Option<i64>,
    /// Whether it is older than the limit, or of a day that is to come, so that finding nothing in it proves nothing.
    is_stale: bool,
}

impl ShardStatus {
    fn of(listed: &ListedShard, catalogue: &Catalogue, terms: &Terms) -> Self {
        const SECONDS_PER_DAY: i64 = 24 * 60 * 60;
        let details = catalogue.shard(&listed.name, ShardKind::Details).map_or(0, |shard| shard.bytes);
        let is_advisories = listed.kind == ShardKind::Advisories;
        Self {
            bytes_with_details: listed.bytes.saturating_add(if is_advisories { details } else { 0 }),
            age_days: listed
                .data_time
                .map(|time| (terms.now.as_second() - time.as_second()) / SECONDS_PER_DAY),
            is_stale: listed.data_time.is_some_and(|time| terms.staleness(&listed.name, time).is_some()),
            listed: listed.clone(),
        }
    }
}

impl Report for AdvisoryStatus {
    fn draw(&self, page: &mut Page) {
        page.fact("advisories", &self.directory);
        page.fact("index", &self.digest.to_string());
        page.fact("size", &format!("{} records, {}", self.records, bytes(self.bytes)));
        page.fact("data", &self.data_time.map_or("of no known time".to_owned(), day));
        let shown: Vec<&ShardStatus> =
            self.shards.iter().filter(|shard| shard.listed.kind != ShardKind::Details).collect();
        let stale = shown.iter().filter(|shard| shard.is_stale).count();
        if let Some(days) = self.age_days_max.filter(|_| stale > 0) {
            let text = format!("{stale} of {} are older than {days} days, and prove nothing", shown.len());
            page.fact("past the limit", &text);
        }
        draw_dated_ahead(&self.sources, page);
        page.heading("Ecosystems and releases");
        let mut table = Table::new(&[
            Column::Right("RECORDS"),
            Column::Right("SIZE"),
            Column::Left("DATA OF"),
            Column::Right("AGE"),
            Column::Left("NAME"),
        ]);
        for shard in shown {
            let listed = &shard.listed;
            let name = if listed.name.is_empty() { "KEV, EPSS and scores" } else { &listed.name };
            let age = shard.age_days.map_or("-".to_owned(), |days| format!("{days} d"));
            let age = if shard.is_stale { format!("{age} (old)") } else { age };
            let time = listed.data_time.map_or("-".to_owned(), day);
            table.row([
                listed.records.to_string(),
                bytes(shard.bytes_with_details),
                time,
                age,
                name.to_owned(),
            ]);
        }
        page.table(&table);
    }
}
