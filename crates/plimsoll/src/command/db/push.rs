use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use plimsoll_oci::{Descriptor, Digest, MediaType};
use plimsoll_transport::{ImageName, Placement, Places, RawManifest, WarningCollector, put_bytes};
use plimsoll_vuln::artifact::{ARTIFACT_TYPE, CATALOGUE_TYPE, SHARD_KIND, SHARD_NAME, SHARD_TYPE};
use plimsoll_vuln::index::{Catalogue, ListedShard};
use serde::Serialize;
use serde_json::json;

use super::tally::day;
use crate::advisories::{AdvisoryArguments, AdvisoryDirectory, cannot};
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::terminal::{Page, Report, Step, bytes};

/// Where a server looks for advisories, unless it is told otherwise.
const REPOSITORY: &str = "plimsoll/advisories:latest";

/// Put the index into a registry, from which a fleet and the server itself take it
///
/// A Plimsoll server judges its images by what is pushed to `plimsoll/advisories:latest`.
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// The registry, or a whole reference; plimsoll/advisories:latest by default
    #[arg(value_name = "REGISTRY[/REPOSITORY:TAG]")]
    destination: String,
    #[command(flatten)]
    advisories: AdvisoryArguments,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Push {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let name = artifact_name(&self.destination)?;
        let directory = self.advisories.directory(context.environment())?;
        let catalogue = directory.expect_catalogue()?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let step = context.terminal().step("pushing the advisories");
        let pushed = context.block_on(push(&places, &name, &directory, &catalogue, &step))?;
        step.done();
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        context.terminal().print(&pushed)
    }
}

/// A reference as it is, and the usual one of a registry.
pub(super) fn artifact_name(text: &str) -> Result<ImageName, Failure> {
    let whole = if text.contains('/') { text.to_owned() } else { format!("{text}/{REPOSITORY}") };
    let wrong = || {
        Failure::usage(format!("`{text}` does not name advisories in a registry"))
            .help(format!("plimsoll db push localhost:5000/{REPOSITORY}"))
    };
    match whole.parse() {
        Ok(name @ ImageName::Registry { .. }) => Ok(name),
        Ok(name @ ImageName::Layout { .. }) => Ok(name),
        Ok(_) | Err(_) => Err(wrong()),
    }
}

async fn push(
    places: &Places,
    name: &ImageName,
    directory: &AdvisoryDirectory,
    catalogue: &Catalogue,
    step: &Step,
) -> Result<Pushed, Failure> {
    step.expect(catalogue.shards.iter().map(|shard| shard.bytes).sum());
    let open = places.open_sink(name, None).await?;
    let sink = open.sink.as_ref();
    let config = catalogue.to_json();
    let config_descriptor = Descriptor::of(media_type(CATALOGUE_TYPE)?, &config);
    let mut sent = usize::from(put_bytes(sink, &config_descriptor, config.into()).await?);
    let mut layers = Vec::new();
    for listed in &catalogue.shards {
        let path = directory.shard(&listed.digest);
        let shard = directory.read_shard(&listed.digest).map_err(|error| cannot("read", &path, &error))?;
        check(listed, &shard).map_err(|error| cannot("use", &path, &error))?;
        let descriptor = descriptor(listed)?;
        sent += usize::from(put_bytes(sink, &descriptor, shard.into()).await?);
        step.advance(listed.bytes);
        layers.push(descriptor);
    }
    let manifest = manifest(catalogue, &config_descriptor, &layers)?;
    let placement = open.tag.map_or(Placement::TopLevel, Placement::Tagged);
    sink.put_manifest(&manifest, &placement).await?;
    sink.finish().await?;
    Ok(Pushed {
        api_version: "plimsoll/v1",
        kind: "AdvisoryPush",
        destination: name.to_string(),
        digest: manifest.digest,
        index: catalogue.digest(),
        shards: catalogue.shards.len(),
        blobs_sent: sent,
        bytes: catalogue.shards.iter().map(|shard| shard.bytes).sum(),
        data_time: catalogue.data_time.map(day),
    })
}

fn check(listed: &ListedShard, shard: &[u8]) -> io::Result<()> {
    let found = Digest::of(listed.digest.algorithm(), shard);
    let is_it = found == listed.digest;
    is_it.then_some(()).ok_or_else(|| io::Error::other(format!("its bytes hash to {found}")))
}

fn descriptor(listed: &ListedShard) -> Result<Descriptor, Failure> {
    let mut descriptor = Descriptor::new(media_type(SHARD_TYPE)?, listed.digest, listed.bytes);
    let kind = serde_json::to_value(listed.kind).ok().and_then(|kind| Some(kind.as_str()?.to_owned()));
    descriptor.annotations.insert(SHARD_NAME.to_owned(), listed.name.clone());
    descriptor.annotations.extend(kind.map(|kind| (SHARD_KIND.to_owned(), kind)));
    Ok(descriptor)
}

fn manifest(
    catalogue: &Catalogue,
    config: &Descriptor,
    layers: &[Descriptor],
) -> Result<RawManifest, Failure> {
    let mut annotations = BTreeMap::from([("org.opencontainers.image.title", "advisories".to_owned())]);
    let created = catalogue.data_time.map(|time| ("org.opencontainers.image.created", time.to_string()));
    annotations.extend(created);
    let json = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::IMAGE_MANIFEST,
        "artifactType": ARTIFACT_TYPE,
        "config": config,
        "layers": layers,
        "annotations": annotations,
    });
    let bytes = Bytes::from(json.to_string());
    let digest = Digest::sha256_of(&bytes);
    Ok(RawManifest::verify(bytes, &digest, Some(&MediaType::IMAGE_MANIFEST))?)
}

fn media_type(text: &str) -> Result<MediaType, Failure> {
    text.parse().map_err(|error| Failure::not_evaluated("cannot describe the artifact").because(&error))
}

/// What was pushed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pushed {
    api_version: &'static str,
    kind: &'static str,
    destination: String,
    /// Of the artifact's manifest.
    digest: Digest,
    /// Of the catalogue.
    index: Digest,
    shards: usize,
    /// Shards and catalogue that the registry did not have.
    blobs_sent: usize,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_time: Option<String>,
}

impl Report for Pushed {
    fn draw(&self, page: &mut Page) {
        page.fact("pushed", &self.destination);
        page.fact("digest", &self.digest.to_string());
        page.fact("index", &self.index.to_string());
        let (shards, sent) = (self.shards, self.blobs_sent);
        page.fact("shards", &format!("{shards} of {}; {sent} blobs were not there", bytes(self.bytes)));
        if let Some(day) = &self.data_time {
            page.fact("data of", day);
        }
    }
}
