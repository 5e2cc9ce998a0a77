use clap::Args;
use plimsoll_oci::Digest;
use plimsoll_server::ReindexReport;
use serde::Serialize;

use crate::command::storage::{Expected, Place, StorageArguments, cannot};
use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::{Page, Report};

/// Make the evidence graph of a server anew, from its registry and its log alone
///
/// For a server's own storage; the server may go on. Nothing is lost by it: the graph holds nothing of its own, and
/// every answer is the same afterwards. The digest of the graph is printed, so that two can be compared.
#[derive(Debug, Args)]
pub(super) struct Reindex {
    #[command(flatten)]
    storage: StorageArguments,
}

impl Reindex {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let place = self.storage.find(Expected::Catalogue, context)?;
        let step = context.terminal().step("reading evidence");
        let made = context.block_on(reindex(&place))?;
        step.done();
        context.terminal().print(&Reindexed::of(&made))
    }
}

async fn reindex(place: &Place) -> Result<ReindexReport, Failure> {
    let made = place.open().await?.storage.reindex_evidence().await;
    made.map_err(cannot("make the evidence graph anew"))
}

/// What was made anew.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reindexed {
    api_version: &'static str,
    kind: &'static str,
    manifests: u64,
    runs: u64,
    has_changed: bool,
    fingerprint: Digest,
}

impl Reindexed {
    fn of(made: &ReindexReport) -> Self {
        let ReindexReport { manifests, runs, has_changed, fingerprint } = *made;
        let (api_version, kind) = ("plimsoll/v1", "EvidenceReindex");
        Self { api_version, kind, manifests, runs, has_changed, fingerprint }
    }
}

impl Report for Reindexed {
    fn draw(&self, page: &mut Page) {
        page.fact("manifests", &format!("{} read", self.manifests));
        page.fact("runs", &format!("{} events played again", self.runs));
        let state = if self.has_changed { "another than before" } else { "the same as before" };
        page.fact("graph", &format!("{state}: {}", self.fingerprint));
    }
}
