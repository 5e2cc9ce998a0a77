use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_registry::access::{CanList, CanPull};
use plimsoll_registry::{DocumentKind, EventsPage, Insight, Known, KnownEvents, LineQuestion};
use plimsoll_sbom::{Document, DocumentFormat, ImageContents, Subject, Tool};
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::ImagePlace;

use super::{Asked, ImageReport, Judged, Scanner};
use crate::health::VERSION;

/// How long the answer to a push waits for what is known of the image.
const PUSH_PATIENCE: Duration = Duration::from_millis(200);

/// More bytes of layers than these are not read within that time: the quickest kind, plain archives of large files,
/// passes at about 500 MB/s.
const PUSH_PATIENCE_BYTES_MAX: u64 = 100 << 20;

/// How often it is asked meanwhile.
const ASK_AGAIN: Duration = Duration::from_millis(10);

/// Warnings that are kept at hand; then all are forgotten and found again.
const WARNINGS_MAX: usize = 100_000;

/// The warnings of images, by the advisories in force. An image without one is kept too.
pub(super) type Warnings = HashMap<Digest, Option<String>>;

impl Insight for Scanner {
    fn document<'a>(
        &'a self,
        image: Digest,
        name: &'a str,
        kind: DocumentKind,
        can_list: &'a CanList,
    ) -> BoxFuture<'a, Known> {
        async move {
            match self.find_document(image, &Asked { name, can_list: Some(can_list) }, kind).await {
                Ok(known) => known,
                Err(error) => Known::Failed(error.to_string()),
            }
        }
        .boxed()
    }

    fn locate<'a>(&'a self, vulnerability: &'a str, can_list: &'a CanList) -> BoxFuture<'a, Known> {
        async move {
            match self.find_places(vulnerability, can_list).await {
                Ok(json) => Known::Document(json.to_string().into_bytes()),
                Err(error) => Known::Failed(error.to_string()),
            }
        }
        .boxed()
    }

    fn line<'a>(
        &'a self,
        asked: &'a LineQuestion,
        can_pull: &'a CanPull,
        can_list: &'a CanList,
    ) -> BoxFuture<'a, Known> {
        async move {
            match self.find_line(asked, can_pull, can_list).await {
                Ok(known) => known,
                Err(error) => Known::Failed(error.to_string()),
            }
        }
        .boxed()
    }

    fn events<'a>(&'a self, page: EventsPage, can_list: &'a CanList) -> BoxFuture<'a, KnownEvents> {
        async move {
            match self.find_events(page, can_list).await {
                Ok(events) => events,
                Err(error) => KnownEvents { known: Known::Failed(error.to_string()), next: None },
            }
        }
        .boxed()
    }

    fn warning(&self, image: Digest) -> Option<String> {
        let at_hand = self.warnings().get(&image).cloned();
        if at_hand.is_none() {
            // The next pull hears of it.
            let scanner = self.clone();
            tokio::spawn(async move { scanner.find_warning(image).await });
        }
        at_hand.flatten()
    }

    fn warning_of_pushed(&self, image: Digest) -> BoxFuture<'_, Option<String>> {
        async move {
            self.parts.wake.notify_one();
            if !self.may_warn_soon(image).await {
                return None;
            }
            let asking = async {
                loop {
                    if let Some(warning) = self.find_warning(image).await {
                        return warning;
                    }
                    tokio::time::sleep(ASK_AGAIN).await;
                }
            };
            tokio::time::timeout(PUSH_PATIENCE, asking).await.unwrap_or_default()
        }
        .boxed()
    }
}

impl Scanner {
    /// What is known against an image that was asked for by `name`.
    pub(crate) async fn report(
        &self,
        image: Digest,
        name: &str,
        can_list: &CanList,
    ) -> Result<Judged, CatalogueError> {
        self.judge(image, &Asked { name, can_list: Some(can_list) }).await
    }

    async fn find_document(
        &self,
        image: Digest,
        asked: &Asked<'_>,
        kind: DocumentKind,
    ) -> Result<Known, CatalogueError> {
        if kind == DocumentKind::Report {
            let judged = self.judge(image, asked).await?;
            return Ok(known(judged, |report| serde_json::to_vec(&report)));
        }
        let contents = self.contents(image).await?;
        let instant = self.created(image).await?;
        Ok(known(contents, |contents| match kind {
            DocumentKind::CycloneDx => sbom(*contents, image, asked.name, instant, DocumentFormat::CycloneDx),
            DocumentKind::Spdx => sbom(*contents, image, asked.name, instant, DocumentFormat::Spdx),
            DocumentKind::Contents | DocumentKind::Report => serde_json::to_vec(&contents),
        }))
    }

    /// Whether a warning may come while a push waits for it. Without advisories nothing is known against any image, and
    /// what is still to be read of one may be more than can be read meanwhile.
    async fn may_warn_soon(&self, image: Digest) -> bool {
        let has_advisories = self.in_force().artifact.is_some();
        let unread = if has_advisories { self.parts.images.unread_bytes(image).await } else { Ok(None) };
        matches!(unread, Ok(Some(bytes)) if bytes <= PUSH_PATIENCE_BYTES_MAX)
    }

    /// The image's warning once it is known; `None` before.
    async fn find_warning(&self, image: Digest) -> Option<Option<String>> {
        if let Some(warning) = self.warnings().get(&image) {
            return Some(warning.clone());
        }
        let judged_by = self.in_force().artifact;
        let warning = match self.judge(image, &Asked::default()).await.ok()? {
            ImageReport::Waiting => return None,
            ImageReport::Known(report) => super::verdict::warning_of(&report),
            ImageReport::NotEvaluated(why) => Some(format!("could not evaluate the image: {why}")),
            ImageReport::NotImage => None,
        };
        let mut warnings = self.warnings();
        if warnings.len() >= WARNINGS_MAX {
            warnings.clear();
        }
        // Other advisories that came meanwhile have emptied the map, and find another warning.
        if self.in_force().artifact == judged_by {
            warnings.insert(image, warning.clone());
        }
        Some(warning)
    }

    async fn find_places(
        &self,
        vulnerability: &str,
        can_list: &CanList,
    ) -> Result<serde_json::Value, CatalogueError> {
        let locations = {
            let inventory = self.parts.inventory.read().unwrap_or_else(PoisonError::into_inner);
            inventory.locate(vulnerability)
        };
        let mut images: Vec<Digest> = locations.iter().flat_map(|location| location.images.clone()).collect();
        images.sort_unstable();
        images.dedup();
        let places = self.parts.storage.catalogue().places_of_images(images).await?;
        let mut visible: BTreeMap<Digest, Vec<&ImagePlace>> = BTreeMap::new();
        for place in places.iter().filter(|place| can_list.may_see(&place.repository)) {
            visible.entry(place.manifest).or_default().push(place);
        }
        let components: Vec<serde_json::Value> = locations
            .iter()
            .filter_map(|location| {
                let images: Vec<_> =
                    location.images.iter().filter_map(|image| visible.get(image)).flatten().collect();
                let finding =
                    location.matches.findings.iter().find(|finding| {
                        finding.ids.iter().any(|id| id.eq_ignore_ascii_case(vulnerability))
                    })?;
                let component = &location.component;
                (!images.is_empty()).then(|| {
                    serde_json::json!({
                        "purl": component.component.purl(component.distribution.as_ref()).to_string(),
                        "finding": finding.as_ref(),
                        "images": images.iter().map(|place| image_json(place)).collect::<Vec<_>>(),
                    })
                })
            })
            .collect();
        Ok(serde_json::json!({
            "apiVersion": "plimsoll/v1",
            "kind": "VulnerabilityLocations",
            "vulnerability": vulnerability,
            "images": visible.len(),
            "components": components,
        }))
    }

    pub(super) fn warnings(&self) -> std::sync::MutexGuard<'_, Warnings> {
        self.parts.warnings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn image_json(place: &ImagePlace) -> serde_json::Value {
    let repository: &RepositoryName = &place.repository;
    serde_json::json!({ "repository": repository, "digest": place.manifest, "tags": place.tags })
}

fn known<T>(report: ImageReport<T>, write: impl FnOnce(T) -> serde_json::Result<Vec<u8>>) -> Known {
    match report {
        ImageReport::Known(value) => match write(value) {
            Ok(json) => Known::Document(json),
            Err(error) => Known::Failed(error.to_string()),
        },
        ImageReport::Waiting => Known::Waiting,
        ImageReport::NotEvaluated(why) => Known::NotEvaluated(why),
        ImageReport::NotImage => Known::NotImage,
    }
}

fn sbom(
    contents: ImageContents,
    image: Digest,
    name: &str,
    created: jiff::Timestamp,
    format: DocumentFormat,
) -> serde_json::Result<Vec<u8>> {
    let document = Document {
        subject: Subject::Image { name: name.to_owned(), digest: image },
        distribution: contents.distribution,
        components: contents.components,
        created,
        tool: Tool { name: "plimsoll".to_owned(), version: VERSION.to_owned() },
    };
    let mut text = Vec::new();
    document.write(format, &mut text).map_err(serde_json::Error::io)?;
    Ok(text)
}
