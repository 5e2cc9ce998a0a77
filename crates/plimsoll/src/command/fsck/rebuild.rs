use futures_util::TryStreamExt as _;
use plimsoll_registry::{RebuildError, RebuildReport};
use plimsoll_store::objects::KeyKind;
use serde::Serialize;

use super::Announced;
use crate::command::storage::{Opened, Place, cannot};
use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::terminal::{Column, Page, Report, Step, Table, bytes};

pub(super) fn run(place: &Place, context: &mut Context) -> Result<(), Failure> {
    let step = context.terminal().step("rebuilding the catalogue");
    let (rebuilt, has_users) = context.block_on(rebuild(place, &step))?;
    step.done();
    context.terminal().print(&Rebuild::of(&rebuilt))?;
    if !has_users {
        context.terminal().warn(
            "users and robots are not in the objects: they come from a backup, or are made again. Until there is a \
             user, anybody on the server's machine may push and pull",
        );
        let help = format!("  make the first user:  plimsoll user add NAME --admin {}", place.flag());
        context.terminal().note(&help);
    }
    match rebuilt.skipped.len() {
        0 => Ok(()),
        count => {
            Err(Failure::new(Verdict::GateFailed, format!("changes that could not be played again: {count}"))
                .at(place.described())
                .help("push the images again that are missing now"))
        }
    }
}

async fn rebuild(place: &Place, step: &Step) -> Result<(RebuildReport, bool), Failure> {
    let opened = place.open().await?;
    step.expect(object_bytes(&opened).await?);
    let mut announced = Announced::of(step);
    let rebuilt = opened.registry.rebuild(|object| announced.begin(object.size)).await;
    let rebuilt = rebuilt.map_err(|error| cannot_rebuild(&error, place))?;
    let has_users = opened.storage.catalogue().has_users().await.map_err(cannot("look for users"))?;
    Ok((rebuilt, has_users))
}

async fn object_bytes(opened: &Opened) -> Result<u64, Failure> {
    let sizes = opened.storage.objects().list(KeyKind::Blob).map_ok(|object| object.size);
    let total = sizes.try_fold(0_u64, |total, size| async move { Ok(total.saturating_add(size)) }).await;
    total.map_err(cannot("list the objects"))
}

fn cannot_rebuild(error: &RebuildError, place: &Place) -> Failure {
    let failure = Failure::not_evaluated("the catalogue is not rebuilt").at(place.described()).because(error);
    match error {
        RebuildError::NotEmpty => Failure { verdict: Verdict::Usage, ..failure }
            .help(format!("to check what is there:  plimsoll fsck {}", place.flag())),
        RebuildError::Catalogue(_) | RebuildError::Objects(_) => failure
            .help("begin again with an empty catalogue when the cause is gone; the objects are as they were"),
    }
}

/// What was made anew.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rebuild {
    api_version: &'static str,
    kind: &'static str,
    blobs: u64,
    bytes: u64,
    records: u64,
    log_entries: u64,
    unheld: u64,
    skipped: Vec<Skipped>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Skipped {
    record: String,
    reason: String,
}

impl Rebuild {
    fn of(rebuilt: &RebuildReport) -> Self {
        let skipped = rebuilt.skipped.iter();
        let skipped =
            skipped.map(|(key, reason)| Skipped { record: key.to_string(), reason: reason.clone() });
        Self {
            api_version: "plimsoll/v1",
            kind: "Rebuild",
            blobs: rebuilt.blobs,
            bytes: rebuilt.bytes,
            records: rebuilt.records,
            log_entries: rebuilt.log_entries,
            unheld: rebuilt.unheld,
            skipped: skipped.collect(),
        }
    }
}

impl Report for Rebuild {
    fn draw(&self, page: &mut Page) {
        page.fact("blobs", &format!("{}, {}", self.blobs, bytes(self.bytes)));
        page.fact("changes", &format!("{} played again", self.records));
        page.fact("log", &format!("{} entries put back", self.log_entries));
        if self.unheld > 0 {
            page.fact("not needed", &format!("{} by any image; they will go", self.unheld));
        }
        if self.skipped.is_empty() {
            return;
        }
        page.heading("Left out");
        let mut table = Table::new(&[Column::Left("RECORD"), Column::Left("REASON")]);
        for skipped in &self.skipped {
            table.row([&skipped.record, &skipped.reason]);
        }
        page.table(&table);
    }
}
