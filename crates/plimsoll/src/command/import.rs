use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use plimsoll_oci::{Digest, Platform, RepositoryName, Tag};
use plimsoll_registry::access::Identity;
use plimsoll_server::RegistrySink;
use plimsoll_transport::{
    CopyOptions, CopyReport, Evidence, ImageName, Places, Platforms, Progress, Target, WarningCollector, copy,
};
use serde::Serialize;

use super::storage::{Expected, Place, StorageArguments, cannot, local_identity};
use crate::context::Context;
use crate::failure::Failure;
use crate::places::{RegistryArguments, say_what_was_filled_in};
use crate::terminal::{Page, Report, Step, bytes};

/// How many blobs travel at once.
const PARALLEL_BLOBS: usize = 4;

/// Bring an image into the server's own storage, without a server that runs
///
/// The image comes with all its platforms and everything that refers to it: signatures, attestations, component
/// lists. What is there already is not written again.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The image: oci:DIR[:TAG], docker-archive:FILE, rootfs:DIR, docker:REF, podman:REF or a reference
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Where it goes; without a tag it keeps the one it has, or gets `latest`
    #[arg(value_name = "REPOSITORY[:TAG]")]
    destination: Destination,
    /// Only the image for this platform of an index, such as linux/arm64
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    #[command(flatten)]
    registries: RegistryArguments,
    #[command(flatten)]
    storage: StorageArguments,
}

impl Import {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let name: ImageName = self.source.parse().map_err(|error| {
            Failure::usage(format!("`{}` does not name an image", self.source))
                .because(&error)
                .help("plimsoll import --help")
        })?;
        say_what_was_filled_in(&name, &self.source, context);
        let tag = self.tag(&name, context);
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let place = self.storage.find(Expected::Nothing, context)?;
        let identity = local_identity(context.environment());
        let step = context.terminal().step("importing");
        let copied = context.block_on(self.import(&places, &name, &tag, &place, identity, &step))?;
        step.done();
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        context.terminal().print(&Imported::of(
            &self.destination.repository,
            &tag,
            &copied,
            place.described(),
        ))
    }

    /// The tag that was given, or else the one that the image has.
    fn tag(&self, name: &ImageName, context: &mut Context) -> Tag {
        if let Some(tag) = &self.destination.tag {
            return tag.clone();
        }
        let tag = match name.target() {
            Target::Tag(tag) => tag,
            Target::Reference(reference) => reference.tag.unwrap_or_else(latest),
            Target::Sole | Target::Digest(_) => latest(),
        };
        let repository = &self.destination.repository;
        context.terminal().note(&format!("`{repository}` is read as `{repository}:{tag}`"));
        tag
    }

    async fn import(
        &self,
        places: &Places,
        name: &ImageName,
        tag: &Tag,
        place: &Place,
        identity: Identity,
        step: &Step,
    ) -> Result<CopyReport, Failure> {
        let from = places.open_source(name).await?;
        let opened = place.open().await?;
        let sink = RegistrySink::new(opened.registry, identity, &self.destination.repository)
            .map_err(cannot("write to the repository"))?;
        let platforms = self.platform.clone().map_or(Platforms::All, Platforms::One);
        let options = CopyOptions {
            target: from.target,
            tag: Some(tag.clone()),
            platforms,
            evidence: Evidence::All,
            parallel_blobs: PARALLEL_BLOBS,
            progress: Arc::new(ShownProgress(step.clone())),
        };
        let copied = copy(from.source.as_ref(), &sink, &options).await;
        if copied.is_err() {
            sink.give_up().await;
        }
        Ok(copied?)
    }
}

fn latest() -> Tag {
    "latest".parse().expect("a literal tag")
}

/// Shows how far a copy is.
struct ShownProgress(Step);

impl Progress for ShownProgress {
    fn started(&self, total_bytes: u64) {
        self.0.expect(total_bytes);
    }

    fn advanced(&self, bytes: u64) {
        self.0.advance(bytes);
    }

    fn finished(&self) {}
}

/// A repository of the server, and perhaps a tag in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Destination {
    repository: RepositoryName,
    tag: Option<Tag>,
}

/// Text that is not a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ParseDestinationError(String);

impl fmt::Display for ParseDestinationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; the server's own address is not part of it", self.0)
    }
}

impl std::error::Error for ParseDestinationError {}

impl FromStr for Destination {
    type Err = ParseDestinationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (repository, tag) = match text.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (text, None),
        };
        let repository = repository.parse().map_err(|error| misfit(&error))?;
        let tag = tag.map(|tag| tag.parse().map_err(|error| misfit(&error))).transpose()?;
        Ok(Self { repository, tag })
    }
}

fn misfit(error: &dyn std::error::Error) -> ParseDestinationError {
    ParseDestinationError(error.to_string())
}

/// An image that was imported.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Imported {
    api_version: &'static str,
    kind: &'static str,
    /// Where the server's data is.
    storage: String,
    repository: RepositoryName,
    tag: Tag,
    digest: Digest,
    manifests_copied: usize,
    manifests_present: usize,
    evidence_manifests: usize,
    blobs_copied: usize,
    blobs_present: usize,
    bytes_copied: u64,
    foreign_layers: usize,
}

impl Imported {
    fn of(repository: &RepositoryName, tag: &Tag, copied: &CopyReport, storage: String) -> Self {
        Self {
            api_version: "plimsoll/v1",
            kind: "Import",
            storage,
            repository: repository.clone(),
            tag: tag.clone(),
            digest: copied.root.digest,
            manifests_copied: copied.manifests_copied,
            manifests_present: copied.manifests_present,
            evidence_manifests: copied.evidence_manifests,
            blobs_copied: copied.blobs_copied,
            blobs_present: copied.blobs_present + copied.blobs_mounted,
            bytes_copied: copied.bytes_copied,
            foreign_layers: copied.foreign_layers,
        }
    }
}

impl Report for Imported {
    fn draw(&self, page: &mut Page) {
        page.fact("imported", &format!("{}:{}", self.repository, self.tag));
        page.fact("storage", &self.storage);
        page.fact("digest", &self.digest.to_string());
        let (copied, present) = (self.blobs_copied, self.blobs_present);
        page.fact(
            "blobs",
            &format!("{copied} written ({}), {present} there before", bytes(self.bytes_copied)),
        );
        let (copied, present) = (self.manifests_copied, self.manifests_present);
        let evidence = self.evidence_manifests;
        page.fact("manifests", &format!("{copied} written, {present} there before, {evidence} are evidence"));
        if self.foreign_layers > 0 {
            page.fact("left out", &format!("{} layers that may not be distributed", self.foreign_layers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_repository_and_perhaps_a_tag() {
        let destination: Destination = "team/app:1.2".parse().unwrap();
        assert_eq!(destination.repository.as_str(), "team/app");
        assert_eq!(destination.tag, "1.2".parse().ok());
        assert_eq!("app".parse::<Destination>().unwrap().tag, None);
        for wrong in ["", "Team/app", "app:", "localhost:5000/app:1", "app@sha256:00", "app:1:2"] {
            assert!(wrong.parse::<Destination>().is_err(), "{wrong}");
        }
    }
}
