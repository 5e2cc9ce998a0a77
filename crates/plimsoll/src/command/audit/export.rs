use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use plimsoll_oci::{Digest, Reference, Tag, TagOrDigest};
use plimsoll_transport::{
    Access, ImageName, OpenSink, Places, Repository, Source as _, TagMove, Target, WarningCollector,
};
use serde::Serialize;

use super::bundles::Bundles;
use super::files::Files;
use super::rows::{FactRow, Noted, RunRow, TagRow, everything};
use super::{proofs, tables};
use crate::command::log::LogSource;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::terminal::{Page, Report};
use crate::trust::Project;

/// Write all evidence of a repository or an image into a directory that verifies offline
///
/// The directory is an OCI layout with the signed statements and the images that they are about, without their layers:
/// `plimsoll verify oci:DIR:TAG` and oras need no server. Beside it lie the proof of each statement's entry in the log
/// (`proofs/`, for `plimsoll log verify`), the log's checkpoint and keys (`log/`), the repository's rules (`policy.yaml`)
/// and tables (`tables/`, as CSV and JSON): what was said by whom and when, with tickets; how tags moved; where images ran.
/// But for the single proofs all of that is in the layout too, as the artifact `_audit`.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The repository, or one image of it: a reference
    what: String,
    /// The directory to write to; it must be new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Leave out what is older than this, such as 2026-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Leave out what is newer
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// The time that is of interest.
#[derive(Clone, Copy)]
pub(super) struct Period {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Period {
    /// Whether a moment is of interest. What has no time is.
    pub(super) fn holds(self, unix_ms: Option<i64>) -> bool {
        let Some(moment) = unix_ms.and_then(|unix_ms| Timestamp::from_millisecond(unix_ms).ok()) else {
            return true;
        };
        self.since.is_none_or(|since| moment >= since) && self.until.is_none_or(|until| moment <= until)
    }
}

impl Export {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let (reference, filled_in) = Reference::parse_normalized(&self.what).map_err(|error| {
            Failure::usage(format!("`{}` names no repository", self.what))
                .because(&error)
                .help("plimsoll audit export localhost:5000/team/app --out DIR")
        })?;
        if filled_in {
            context.terminal().note(&format!("`{}` is read as `{reference}`", self.what));
        }
        check_empty(&self.out)?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let step = context.terminal().step("collecting evidence");
        let exported = context.block_on(self.export(places, &reference));
        drop(step);
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        context.terminal().print(&exported?)
    }

    async fn export(&self, places: Places, reference: &Reference) -> Result<Exported, Failure> {
        let repository =
            places.registries.repository(&reference.registry, &reference.repository, &Access::Pull);
        let image = self.image(&repository, reference).await?;
        let Told { facts, moves, runs, tags } = self.told(&repository, reference, image).await?;
        let name = ImageName::Layout { directory: self.out.clone(), target: Target::Sole };
        let OpenSink { sink, .. } = places.open_sink(&name, None).await?;
        let mut bundles = Bundles::new(&repository, sink.as_ref(), tags);
        for fact in &facts {
            bundles.take(fact).await?;
        }
        let (images, missing) = bundles.finish();
        let mut files = Files::new(&self.out);
        let project = repository.policy().await?;
        let log = LogSource::Server(Box::new(places.registries), reference.registry.clone());
        let proofs = proofs::write(&log, &facts, &images, sink.as_ref(), &mut files).await?;
        if let Some(project) = project {
            hold_policy(&mut files, &project, reference)?;
        }
        tables::write(&mut files, &facts, &moves, &runs)?;
        let audit = files.put(sink.as_ref()).await?;
        sink.finish().await?;
        Ok(Exported {
            api_version: "plimsoll/v1",
            kind: "AuditExport",
            repository: format!("{}/{}", reference.registry, reference.repository),
            directory: self.out.display().to_string(),
            images: images.len(),
            facts: facts.len(),
            moves: moves.len(),
            runs: runs.len(),
            proofs: proofs.count,
            log_size: proofs.size,
            log_key: proofs.key,
            audit,
            missing,
        })
    }

    /// What the server tells, as far as it is asked for.
    async fn told(
        &self,
        repository: &Repository,
        reference: &Reference,
        image: Option<Digest>,
    ) -> Result<Told, Failure> {
        let period = Period { since: self.since, until: self.until };
        let Noted { mut facts, mut runs, .. } = everything(repository, &reference.registry).await?;
        facts.retain(|fact| {
            period.holds(fact.observed_at_unix_ms) && image.is_none_or(|image| fact.subject == Some(image))
        });
        runs.retain(|run| {
            period.holds(Some(run.told_at_unix_ms)) && image.is_none_or(|image| run.image == image)
        });
        let history = repository.tag_history(None).await?.unwrap_or_default();
        let tags = tags_now(&history);
        let mut moves: Vec<TagRow> = history.into_iter().map(TagRow::from).collect();
        moves.retain(|one| {
            period.holds(Some(one.moved_at_unix_ms)) && image.is_none_or(|image| one.is_about(image))
        });
        Ok(Told { facts, moves, runs, tags })
    }

    /// The image that was named, if it was one and not the repository.
    async fn image(&self, repository: &Repository, reference: &Reference) -> Result<Option<Digest>, Failure> {
        if reference.tag.is_none() && reference.digest.is_none() {
            return Ok(None);
        }
        // One that was deleted is known by its digest still.
        match reference.target() {
            TagOrDigest::Digest(digest) => Ok(Some(digest)),
            TagOrDigest::Tag(tag) => Ok(Some(repository.resolve(&Target::Tag(tag)).await?.digest)),
        }
    }
}

/// What is to be written.
struct Told {
    facts: Vec<FactRow>,
    moves: Vec<TagRow>,
    runs: Vec<RunRow>,
    tags: BTreeMap<Digest, Vec<Tag>>,
}

/// Where tags point now, after the newest move of each.
fn tags_now(history: &[TagMove]) -> BTreeMap<Digest, Vec<Tag>> {
    let mut seen = BTreeSet::new();
    let mut tags: BTreeMap<Digest, Vec<Tag>> = BTreeMap::new();
    for one in history.iter().filter(|one| seen.insert(one.tag.clone())) {
        if let Some(digest) = one.digest {
            tags.entry(digest).or_default().push(one.tag.clone());
        }
    }
    tags
}

/// The rules of the repository, as the server shows them and as `plimsoll verify --policy` reads them.
fn hold_policy(files: &mut Files, json: &[u8], reference: &Reference) -> Result<(), Failure> {
    let project = Project::parse(json, &reference.registry)?;
    files.hold("project.json", "application/json", json.to_vec())?;
    // JSON is YAML too.
    let policy = format!("{{\"trust\": {}}}\n", project.policy.get());
    files.hold("policy.yaml", "application/yaml", policy.into_bytes())
}

/// Nothing that is there may be taken for what was exported.
fn check_empty(directory: &Path) -> Result<(), Failure> {
    let is_empty = match std::fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => {
            let what = Failure::usage("cannot look into the directory");
            return Err(what.because(&error).at(directory.display().to_string()));
        }
    };
    if is_empty {
        return Ok(());
    }
    Err(Failure::usage("the directory is not empty")
        .at(directory.display().to_string())
        .help("name a new one"))
}

/// What was written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exported {
    api_version: &'static str,
    kind: &'static str,
    repository: String,
    directory: String,
    /// Images whose manifests are there.
    images: usize,
    facts: usize,
    moves: usize,
    runs: usize,
    proofs: usize,
    log_size: u64,
    log_key: String,
    /// The artifact with the tables.
    audit: Digest,
    /// What the registry has no good bytes of any more, or too many.
    missing: Vec<Digest>,
}

impl Report for Exported {
    fn draw(&self, page: &mut Page) {
        page.heading(&format!("the evidence of {} is in {}", self.repository, self.directory));
        page.fact("statements", &format!("{} about {} images that are there", self.facts, self.images));
        page.fact("proofs", &format!("{}, by the log with {} entries", self.proofs, self.log_size));
        page.fact("tables", &format!("{} moves of tags, {} runs", self.moves, self.runs));
        page.fact("log key", &self.log_key);
        for missing in &self.missing {
            page.line(&format!("not exported, for the registry has no good bytes of it: {missing}"));
        }
        let directory = &self.directory;
        page.line(&format!(
            "to verify it offline: plimsoll verify oci:{directory}:TAG --policy {directory}/policy.yaml"
        ));
    }
}
