use clap::Args;
use plimsoll_oci::Digest;
use plimsoll_vuln::artifact::SHARD_BYTES_MAX;
use plimsoll_vuln::index::{Details, Enrichments, ListedShard, OpenShardError, Shard, ShardKind};
use serde::Serialize;

use crate::advisories::{AdvisoryArguments, AdvisoryDirectory};
use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::terminal::{Page, Report};

/// Check every digest, and open every part of the index
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    advisories: AdvisoryArguments,
}

impl Verify {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let directory = self.advisories.directory(context.environment())?;
        let catalogue = directory.expect_catalogue()?;
        let step = context.terminal().step("checking the index");
        let faults: Vec<Fault> = catalogue
            .shards
            .iter()
            .filter_map(|listed| {
                let problem = check(&directory, listed).err()?;
                Some(Fault { name: listed.name.clone(), digest: listed.digest, problem })
            })
            .collect();
        step.done();
        let count = faults.len();
        context.terminal().print(&Verified {
            api_version: "plimsoll/v1",
            kind: "AdvisoryCheck",
            directory: directory.path().display().to_string(),
            digest: catalogue.digest(),
            shards: catalogue.shards.len(),
            faults,
        })?;
        if count == 0 {
            return Ok(());
        }
        let what = format!("{count} of {} parts of the index are damaged", catalogue.shards.len());
        Err(Failure::new(Verdict::GateFailed, what).help("plimsoll db update, or plimsoll db build"))
    }
}

/// Why a shard is not what the catalogue lists.
fn check(directory: &AdvisoryDirectory, listed: &ListedShard) -> Result<(), String> {
    if listed.bytes > SHARD_BYTES_MAX {
        return Err(format!("it is listed with {} bytes, more than the limit", listed.bytes));
    }
    let bytes = directory.read_shard(&listed.digest).map_err(|error| error.to_string())?;
    let found = Digest::of(listed.digest.algorithm(), &bytes);
    if found != listed.digest {
        return Err(format!("its bytes hash to {found}"));
    }
    open(bytes, listed.kind).map_err(|error| error.to_string())
}

/// Opens a shard and compares its check sum.
pub(super) fn open(bytes: Vec<u8>, kind: ShardKind) -> Result<(), OpenShardError> {
    match kind {
        ShardKind::Advisories => Shard::open(bytes)?.verify(),
        ShardKind::Details => Details::open(bytes)?.verify(),
        ShardKind::Enrichment => Enrichments::open(bytes)?.verify(),
    }
}

/// What checking found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    api_version: &'static str,
    kind: &'static str,
    directory: String,
    digest: Digest,
    shards: usize,
    faults: Vec<Fault>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fault {
    name: String,
    digest: Digest,
    problem: String,
}

impl Report for Verified {
    fn draw(&self, page: &mut Page) {
        page.fact("advisories", &self.directory);
        page.fact("index", &self.digest.to_string());
        page.fact("parts", &format!("{} checked, {} damaged", self.shards, self.faults.len()));
        for fault in &self.faults {
            let name = if fault.name.is_empty() { "enrichments" } else { &fault.name };
            page.fact("damaged", &format!("{name} ({}): {}", fault.digest.short(), fault.problem));
        }
    }
}
