//! What is inside the images, and what is known against it.
//!
//! Layers are analysed once: long ones while they arrive, where the storage shows them, and others as soon as their blob
//! is there. Images are merged from the records when their manifest is.
//! A verdict is made when it is asked for, from the contents and the advisories in force, and never stored. The
//! inventory answers for all images at once; every replica holds its own, and follows the catalogue.

mod advisories;
mod base;
mod contents;
mod events;
mod following;
mod holding;
mod images;
mod insight;
mod layers;
mod line;
mod telling;
mod verdict;

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use plimsoll_analyser::{Analyser, AnalyserConfig};
use plimsoll_index::Inventory;
use plimsoll_oci::{RepositoryName, Tag};
use plimsoll_registry::Arrival;
use plimsoll_sbom::ANALYSER_VERSION;
use plimsoll_store::CatalogueError;
use plimsoll_vuln::feed::Terms;
use plimsoll_vuln::index::Index;
use tokio::sync::{Notify, broadcast, watch};

use crate::clock::now;
use crate::metrics::Metrics;
use crate::storage::Storage;

use advisories::{Advisories, InForce};
use images::{Followed, Images};
use insight::Warnings;
use layers::Layers;
use line::{AtHand, Platforms};
use verdict::Asked;
pub use verdict::{ImageReport, Judged};

/// How images are scanned.
#[derive(Clone, Debug)]
pub struct ScanConfig {
    /// How layers are analysed.
    pub analyser: AnalyserConfig,
    /// The repository and tag in this registry that hold the compiled advisories.
    pub advisories: (RepositoryName, Tag),
    /// Advisories older than this prove nothing; `None` for no limit.
    pub age_days_max: Option<u32>,
    /// How long events are kept.
    pub events_keep: Duration,
}

/// How often the catalogue is asked for images and advisories that other replicas have brought.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Finds out what is inside the images of one storage.
#[derive(Clone)]
pub struct Scanner {
    parts: Arc<Parts>,
}

struct Parts {
    storage: Storage,
    layers: Layers,
    images: Images,
    advisories: Advisories,
    inventory: RwLock<Inventory>,
    /// Held while the inventory takes in what is new.
    followed: tokio::sync::Mutex<Followed>,
    in_force: RwLock<InForce>,
    age_days_max: Option<u32>,
    events_keep: Duration,
    metrics: Arc<Metrics>,
    warnings: Mutex<Warnings>,
    platforms: Mutex<Platforms>,
    said: Mutex<AtHand>,
    /// Somebody has pushed an image.
    wake: Notify,
}

impl Scanner {
    pub(crate) fn new(storage: Storage, config: ScanConfig, metrics: Arc<Metrics>) -> Self {
        // Where catalogue and objects are elsewhere, nothing else has made it.
        if let Err(error) = std::fs::create_dir_all(&config.analyser.spool) {
            let path = config.analyser.spool.display();
            tracing::error!(%error, %path, "cannot make the spool: no image will be analysed");
        }
        let analyser = Analyser::new(config.analyser.clone());
        let layers = Layers::new(storage.clone(), analyser, config.analyser.spool, metrics.clone());
        let images = Images::new(storage.clone(), layers.clone());
        let advisories = Advisories::new(storage.clone(), config.advisories);
        let terms = terms(config.age_days_max);
        let inventory = RwLock::new(Inventory::new(Arc::new(Index::default()), terms));
        let (age_days_max, events_keep) = (config.age_days_max, config.events_keep);
        let parts = Parts {
            storage,
            layers,
            images,
            advisories,
            inventory,
            followed: tokio::sync::Mutex::default(),
            in_force: RwLock::default(),
            age_days_max,
            events_keep,
            metrics,
            warnings: Mutex::default(),
            platforms: Mutex::default(),
            said: Mutex::default(),
            wake: Notify::new(),
        };
        Self { parts: Arc::new(parts) }
    }

    /// Works until the server stops.
    pub(crate) async fn run(
        self,
        mut arrivals: broadcast::Receiver<Arrival>,
        stopped: watch::Receiver<bool>,
    ) {
        let early = tokio::spawn({
            let scanner = self.clone();
            async move {
                // Whoever is too slow for some arrivals meets their layers again with the manifest.
                loop {
                    match arrivals.recv().await {
                        Ok(arrival) => scanner.parts.layers.heed(arrival),
                        Err(broadcast::error::RecvError::Lagged(_)) => {}
                        Err(broadcast::error::RecvError::Closed) => return,
                    }
                }
            }
        });
        let telling = tokio::spawn(self.clone().tell_changes(stopped.clone()));
        self.enqueue_outdated().await;
        while !*stopped.borrow() {
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "cannot look for images to scan; it will be tried again");
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = self.parts.wake.notified() => {}
            }
        }
        early.abort();
        // It ends by itself, and gets to finish what it is writing.
        let _ = telling.await;
    }

    /// What an older analyser has found out is found out again.
    async fn enqueue_outdated(&self) {
        match self.parts.storage.catalogue().enqueue_outdated_images(ANALYSER_VERSION, now()).await {
            Ok(0) => {}
            Ok(images) => tracing::info!(images, "images are analysed anew by this version"),
            Err(error) => tracing::warn!(%error, "cannot look for images to analyse anew"),
        }
    }

    /// One look at what is new: advisories, images that wait, images whose contents are known.
    async fn round(&self) -> Result<(), CatalogueError> {
        if let Some(advisories) = self.parts.advisories.poll().await {
            self.put_in_force(advisories).await;
        }
        self.parts.images.take_waiting().await?;
        self.follow().await?;
        Ok(())
    }

    /// Puts new advisories in force, without reading any image again. Verdicts follow them at once; what the whole
    /// registry is asked for, when all components are matched again.
    async fn put_in_force(&self, advisories: InForce) {
        let (parts, index) = (self.parts.clone(), advisories.index.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let inventory = parts.inventory.read().unwrap_or_else(PoisonError::into_inner);
            inventory.images_touched_by(&index)
        });
        let touched = looking.await.unwrap_or_default();
        let index = advisories.index.clone();
        *self.parts.in_force.write().unwrap_or_else(PoisonError::into_inner) = advisories;
        // Behind the change: a warning found by the old advisories is not kept after it. Of all images, since some have
        // warnings before the inventory has met them.
        self.warnings().clear();
        tracing::info!(images = touched.map(|images| images.len()), "advisories are in force");
        let parts = self.parts.clone();
        let replacing = tokio::task::spawn_blocking(move || {
            let mut inventory = parts.inventory.write().unwrap_or_else(PoisonError::into_inner);
            let events = inventory.replace_index(index);
            (events.len(), inventory.counts())
        });
        match replacing.await {
            Ok((events, counts)) => {
                self.parts.metrics.note_findings(&counts);
                tracing::info!(events, "all components are matched again");
            }
            Err(error) => tracing::error!(%error, "cannot match components again"),
        }
    }

    /// The advisories that verdicts are made by now.
    fn in_force(&self) -> InForce {
        self.parts.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes all newly noted images into the inventory.
    async fn follow(&self) -> Result<(), CatalogueError> {
        let mut followed = self.parts.followed.lock().await;
        loop {
            let (news, reached) = self.parts.images.news(*followed).await?;
            if news.is_empty() {
                return Ok(());
            }
            // From here on nothing waits, so whoever gives up on this leaves nothing half done.
            let mut inventory = self.parts.inventory.write().unwrap_or_else(PoisonError::into_inner);
            inventory.add_components(news.components);
            for (image, components) in news.images {
                inventory.put_image(image, &components);
            }
            self.parts.metrics.note_findings(&inventory.counts());
            *followed = reached;
        }
    }
}

fn terms(age_days_max: Option<u32>) -> Terms {
    let now = jiff::Timestamp::from_millisecond(now().unix_ms()).unwrap_or_default();
    Terms { now, age_days_max }
}
