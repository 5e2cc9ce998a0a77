use plimsoll_oci::Digest;
use plimsoll_registry::{Damage, FsckReport};
use serde::Serialize;

use super::Announced;
use crate::command::storage::{Place, cannot};
use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::terminal::{Column, Page, Report, Step, Table, bytes};

pub(super) fn run(place: &Place, context: &mut Context) -> Result<(), Failure> {
    let step = context.terminal().step("reading every byte");
    let found = context.block_on(check(place, &step))?;
    step.done();
    context.terminal().print(&Check::of(&found))?;
    match found.damages.len() {
        0 => Ok(()),
        count => Err(Failure::new(Verdict::GateFailed, format!("damages were found: {count}"))
            .at(place.described())
            .help("push the images that hold these blobs again: that heals them")),
    }
}

async fn check(place: &Place, step: &Step) -> Result<FsckReport, Failure> {
    let opened = place.open().await?;
    step.expect(opened.content_bytes().await?);
    let mut announced = Announced::of(step);
    opened.registry.fsck(|blob| announced.begin(blob.size)).await.map_err(cannot("check the storage"))
}

/// What a check found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    api_version: &'static str,
    kind: &'static str,
    blobs: u64,
    bytes: u64,
    manifests: u64,
    damages: Vec<ShownDamage>,
    unknown_objects: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownDamage {
    code: &'static str,
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    message: String,
}

impl Check {
    fn of(found: &FsckReport) -> Self {
        Self {
            api_version: "plimsoll/v1",
            kind: "Fsck",
            blobs: found.blobs,
            bytes: found.bytes,
            manifests: found.manifests,
            damages: found.damages.iter().map(ShownDamage::of).collect(),
            unknown_objects: found.unknown_objects,
        }
    }
}

impl ShownDamage {
    fn of(damage: &Damage) -> Self {
        match damage {
            Damage::BlobDamaged { digest, object, found } => Self {
                code: "blob-damaged",
                digest: *digest,
                repository: None,
                message: format!("found {found}; object `{object}` was set aside"),
            },
            Damage::BlobMissing { digest } => Self {
                code: "blob-missing",
                digest: *digest,
                repository: None,
                message: "its bytes are not there".to_owned(),
            },
            Damage::ManifestDamaged { repository, digest } => Self {
                code: "manifest-damaged",
                digest: *digest,
                repository: Some(repository.clone()),
                message: "its bytes have another digest".to_owned(),
            },
            Damage::ManifestIncomplete { repository, digest, missing } => Self {
                code: "manifest-incomplete",
                digest: *digest,
                repository: Some(repository.clone()),
                message: format!("it needs `{}`{}", missing[0], and_more(missing.len())),
            },
        }
    }
}

fn and_more(count: usize) -> String {
    if count > 1 { format!(" and {} more blobs", count - 1) } else { String::new() }
}

impl Report for Check {
    fn draw(&self, page: &mut Page) {
        page.fact("blobs", &format!("{}, {}", self.blobs, bytes(self.bytes)));
        page.fact("manifests", &self.manifests.to_string());
        if self.unknown_objects > 0 {
            page.fact("left behind", &format!("{} objects by a crash; they will go", self.unknown_objects));
        }
        if self.damages.is_empty() {
            page.fact("damages", "none");
            return;
        }
        page.heading("Damages");
        let columns = ["WHAT", "DIGEST", "REPOSITORY", "FOUND"].map(Column::Left);
        let mut table = Table::new(&columns);
        for damage in &self.damages {
            let digest = if page.is_wide() { damage.digest.to_string() } else { damage.digest.short() };
            let repository = damage.repository.clone().unwrap_or_else(|| "-".to_owned());
            table.row([damage.code.to_owned(), digest, repository, damage.message.clone()]);
        }
        page.table(&table);
    }
}
