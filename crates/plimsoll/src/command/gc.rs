use clap::Args;
use plimsoll_server::now;
use plimsoll_store::Timestamp;
use plimsoll_store::catalogue::{Kept, Swept, Waiting};
use serde::Serialize;

use super::moment::{rfc3339, to_the_minute};
use super::storage::{Expected, Place, StorageArguments, cannot};
use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::{Page, Report, bytes};

/// Take away what no image needs any more
///
/// A server does this by itself, as often as `gc.interval` says. What was pushed a short while ago and what was
/// deleted a short while ago stays until `gc.hold` and `gc.grace` are over.
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Tell what would be taken away, and take nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    storage: StorageArguments,
}

impl Gc {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let place = self.storage.find(Expected::Catalogue, context)?;
        let report = if self.dry_run {
            context.block_on(look(&place))?
        } else {
            let step = context.terminal().step("collecting garbage");
            let report = context.block_on(collect(&place))?;
            step.done();
            report
        };
        context.terminal().print(&report)
    }
}

async fn look(place: &Place) -> Result<Collection, Failure> {
    let opened = place.open().await?;
    let waiting =
        opened.storage.catalogue().waiting(now()).await.map_err(cannot("look through the queue"))?;
    Ok(Collection::of(true, waiting.due, &waiting))
}

async fn collect(place: &Place) -> Result<Collection, Failure> {
    let opened = place.open().await?;
    let swept = opened.registry.collect_garbage().await.map_err(cannot("collect garbage"))?;
    let waiting =
        opened.storage.catalogue().waiting(now()).await.map_err(cannot("look through the queue"))?;
    Ok(Collection::of(false, swept, &waiting))
}

/// What was taken away, or would be, and what waits.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Collection {
    api_version: &'static str,
    kind: &'static str,
    dry_run: bool,
    freed: Freed,
    blobs_kept: KeptReport,
    uploads_kept: KeptReport,
    objects_to_delete: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Freed {
    blobs: u64,
    bytes: u64,
    removed_from_repositories: u64,
    uploads: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeptReport {
    count: u64,
    bytes: u64,
    first_due_at: Option<String>,
    last_due_at: Option<String>,
    #[serde(skip)]
    until: Option<(Timestamp, Timestamp)>,
}

impl Collection {
    fn of(dry_run: bool, swept: Swept, waiting: &Waiting) -> Self {
        let Swept { unlinked, blobs, bytes, uploads } = swept;
        Self {
            api_version: "plimsoll/v1",
            kind: "GarbageCollection",
            dry_run,
            freed: Freed { blobs, bytes, removed_from_repositories: unlinked, uploads },
            blobs_kept: KeptReport::of(waiting.blobs),
            uploads_kept: KeptReport::of(waiting.uploads),
            objects_to_delete: waiting.doomed_objects,
        }
    }
}

impl KeptReport {
    fn of(kept: Kept) -> Self {
        Self {
            count: kept.count,
            bytes: kept.bytes,
            first_due_at: kept.until.map(|(first, _)| rfc3339(first)),
            last_due_at: kept.until.map(|(_, last)| rfc3339(last)),
            until: kept.until,
        }
    }

    fn told(&self) -> String {
        let Some((first, last)) = self.until else { return "nothing".to_owned() };
        let (first, last) = (to_the_minute(first), to_the_minute(last));
        let until = if first == last { first } else { format!("{first} to {last}") };
        format!("{}, {}, until {until} UTC", self.count, bytes(self.bytes))
    }
}

impl Report for Collection {
    fn draw(&self, page: &mut Page) {
        let freed = &self.freed;
        let name = if self.dry_run { "would free" } else { "freed" };
        page.fact(name, &bytes(freed.bytes));
        page.fact("blobs", &freed.blobs.to_string());
        page.fact("uploads", &freed.uploads.to_string());
        page.fact("blobs kept", &self.blobs_kept.told());
        page.fact("uploads kept", &self.uploads_kept.told());
        if self.objects_to_delete > 0 && !self.dry_run {
            let left = self.objects_to_delete;
            page.fact(
                "to delete",
                &format!("{left}, once no backup is being made and the storage allows it"),
            );
        }
    }
}
