use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{PoisonError, RwLockReadGuard};
use std::time::Duration;

use plimsoll_index::{FindingState, Inventory};
use plimsoll_oci::Digest;
use plimsoll_registry::access::CanList;
use plimsoll_registry::{EventsPage, Known, KnownEvents};
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::{ImagePlace, ToldEvent};
use serde::Serialize;

use super::Scanner;

/// How long an answer waits for the inventory to take in what is new; the client asks again then.
const FOLLOW_PATIENCE: Duration = Duration::from_secs(1);

/// Places that are listed with one event. The vulnerability's own page has all of them.
const IMAGES_MAX: usize = 100;

/// A page of events as it is answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Events {
    api_version: &'static str,
    kind: &'static str,
    events: Vec<SeenEvent>,
    /// Where to go on: events up to this number were looked at.
    last: i64,
}

/// An event with the images that the asker may see.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeenEvent {
    number: i64,
    told_at_unix_ms: i64,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    vulnerability: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<FindingState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<FindingState>,
    advisories: Advisories,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    /// How many places there are, of which `images` lists the first.
    places: usize,
    images: Vec<ImagePlaceJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The artifacts between which it happened.
#[derive(Serialize)]
struct Advisories {
    before: Option<Digest>,
    after: Digest,
}

#[derive(Serialize)]
struct ImagePlaceJson {
    repository: String,
    digest: Digest,
    tags: Vec<String>,
}

/// What an event is about: a component, and the places of it that the asker may see.
struct Subject {
    purl: String,
    places: usize,
    /// The first of them.
    images: Vec<ImagePlace>,
}

/// Places by their image.
type Visible = HashMap<Digest, Vec<ImagePlace>>;

impl Scanner {
    /// A page of events, with the images that they are about now.
    pub(super) async fn find_events(
        &self,
        page: EventsPage,
        can_list: &CanList,
    ) -> Result<KnownEvents, CatalogueError> {
        let catalogue = self.parts.storage.catalogue();
        let mut told = catalogue.events_after(page.after, page.since, page.limit.saturating_add(1)).await?;
        let has_more = told.len() > page.limit;
        told.truncate(page.limit);
        // After the events: another replica may have told of components that this one has not met yet.
        if !self.follows_soon().await? {
            return Ok(KnownEvents { known: Known::Waiting, next: None });
        }
        let components: BTreeSet<u32> = told.iter().filter_map(|told| told.event.component).collect();
        let images = self.inventory().images_with(components.iter().copied());
        let mut visible = Visible::new();
        for place in catalogue.places_of_images(images).await? {
            if can_list.may_see(&place.repository) {
                visible.entry(place.manifest).or_default().push(place);
            }
        }
        let last = told.last().map_or(page.after, |told| told.number);
        let scanner = self.clone();
        // Many images may hold each of many components.
        let writing =
            tokio::task::spawn_blocking(move || scanner.write_events(told, &components, &visible, last));
        let known = match writing.await {
            Ok(Ok(json)) => Known::Document(json),
            Ok(Err(error)) => Known::Failed(error.to_string()),
            Err(error) => Known::Failed(error.to_string()),
        };
        Ok(KnownEvents { known, next: has_more.then_some(last) })
    }

    /// Lets the inventory take in what is new, and says whether it has.
    pub(super) async fn follows_soon(&self) -> Result<bool, CatalogueError> {
        match tokio::time::timeout(FOLLOW_PATIENCE, self.follow()).await {
            Ok(followed) => followed.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    fn write_events(
        &self,
        told: Vec<ToldEvent>,
        components: &BTreeSet<u32>,
        visible: &Visible,
        last: i64,
    ) -> serde_json::Result<Vec<u8>> {
        let subjects: BTreeMap<u32, Subject> =
            components.iter().filter_map(|number| Some((*number, self.subject(*number, visible)?))).collect();
        let events = told.into_iter().filter_map(|told| seen(told, &subjects)).collect();
        serde_json::to_vec(&Events { api_version: "plimsoll/v1", kind: "VulnerabilityEvents", events, last })
    }

    /// A component that is in some place that the asker may see.
    fn subject(&self, number: u32, visible: &Visible) -> Option<Subject> {
        let (component, images) = {
            let inventory = self.inventory();
            (inventory.component(number)?.clone(), inventory.images_with(std::iter::once(number)))
        };
        let all = || images.iter().filter_map(|image| visible.get(image)).flatten();
        let (places, images) = (all().count(), all().take(IMAGES_MAX).cloned().collect());
        let purl = component.component.purl(component.distribution.as_ref()).to_string();
        (places > 0).then_some(Subject { purl, places, images })
    }

    pub(super) fn inventory(&self) -> RwLockReadGuard<'_, Inventory> {
        self.parts.inventory.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The event for somebody who may see these places; nothing if it is about none of them. A gap is about all images.
fn seen(told: ToldEvent, subjects: &BTreeMap<u32, Subject>) -> Option<SeenEvent> {
    let subject = match told.event.component {
        Some(component) => Some(subjects.get(&component)?),
        None => None,
    };
    let images = subject.map_or(&[][..], |subject| &subject.images);
    let state = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    Some(SeenEvent {
        number: told.number,
        told_at_unix_ms: told.told_at.unix_ms(),
        kind: told.event.kind,
        vulnerability: told.event.vulnerability,
        before: state(told.event.before),
        after: state(told.event.after),
        advisories: Advisories { before: told.from, after: told.to },
        purl: subject.map(|subject| subject.purl.clone()),
        places: subject.map_or(0, |subject| subject.places),
        images: images.iter().map(place_json).collect(),
        reason: told.gap,
    })
}

fn place_json(place: &ImagePlace) -> ImagePlaceJson {
    ImagePlaceJson {
        repository: place.repository.to_string(),
        digest: place.manifest,
        tags: place.tags.iter().map(ToString::to_string).collect(),
    }
}
