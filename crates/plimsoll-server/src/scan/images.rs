use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_index::Interned;
use plimsoll_oci::{ChainId, Digest, ImageConfig, Manifest};
use plimsoll_sbom::{ANALYSER_VERSION, ImageContents, LayerRecord, merge};
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::{ImageToNote, LayerAnalysis};

use super::contents;
use super::layers::{LayerError, Layers};
use crate::clock::now;
use crate::storage::Storage;

/// Images that one replica works at; layers wait for the analyser's own bound.
const AT_A_TIME: usize = 4;

/// How long an image is this replica's, unless it says so again. A replica that dies leaves it to the others then.
const TAKEN_FOR: Duration = Duration::from_secs(30);

/// How often it says so.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// How long an image waits after something failed that may pass; twice as long each time, up to the maximum.
const RETRY_AFTER: Duration = Duration::from_secs(5);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// After as many attempts at which the analyser itself failed, that is told instead.
const ATTEMPTS_MAX: u64 = 5;

/// Rows that are read at a time.
const PAGE: usize = 1000;

/// Bytes of an image config.
const CONFIG_BYTES_MAX: u64 = 16 << 20;

/// Finds out the contents of images, and follows what other replicas found.
pub(super) struct Images {
    storage: Storage,
    layers: Layers,
    permits: Arc<tokio::sync::Semaphore>,
}

/// How far the inventory has followed the catalogue.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Followed {
    /// The last note of an image that it has.
    note: i64,
    /// The last component.
    component: u32,
}

/// What the catalogue has that the inventory lacks.
#[derive(Default)]
pub(super) struct News {
    pub(super) components: Vec<(u32, Interned)>,
    pub(super) images: Vec<(Digest, Vec<u32>)>,
}

impl News {
    pub(super) fn is_empty(&self) -> bool {
        self.components.is_empty() && self.images.is_empty()
    }
}

/// Why an image's contents could not be found out now.
#[derive(Debug, thiserror::Error)]
enum ImageError {
    #[error(transparent)]
    Layer(#[from] LayerError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error("cannot merge the records of the layers")]
    Merge(#[source] std::io::Error),
    #[error("merging the layers ended early")]
    Ended(#[from] tokio::task::JoinError),
}

impl ImageError {
    /// Whether the analyser failed, and not something around it that may be well another time.
    fn is_of_analyser(&self) -> bool {
        matches!(
            self,
            Self::Layer(LayerError::Analysis(_) | LayerError::Record(..)) | Self::Merge(_) | Self::Ended(_)
        )
    }
}

impl Images {
    pub(super) fn new(storage: Storage, layers: Layers) -> Self {
        Self { storage, layers, permits: Arc::new(tokio::sync::Semaphore::new(AT_A_TIME)) }
    }

    /// Takes as many waiting images as there is room for, and works at them in the background.
    pub(super) async fn take_waiting(&self) -> Result<(), CatalogueError> {
        let room = self.permits.available_permits();
        if room == 0 || self.storage.catalogue().count_waiting_images().await? == 0 {
            return Ok(());
        }
        let until = now().plus(TAKEN_FOR);
        for (manifest, attempts) in self.storage.catalogue().take_waiting_images(room, now(), until).await? {
            let Ok(permit) = self.permits.clone().try_acquire_owned() else { break };
            let work =
                Work { storage: self.storage.clone(), layers: self.layers.clone(), manifest, attempts };
            tokio::spawn(async move {
                work.run().await;
                drop(permit);
            });
        }
        Ok(())
    }

    /// The config of an image whose manifest is there. What cannot be read is not known.
    pub(super) async fn config_of(&self, manifest: Digest) -> Result<Option<ImageConfig>, CatalogueError> {
        let Some(stored) = self.storage.catalogue().manifest_anywhere(manifest).await? else {
            return Ok(None);
        };
        let Ok((Manifest::Image(image), _)) = Manifest::parse(&stored.bytes, Some(&stored.media_type)) else {
            return Ok(None);
        };
        Ok(read_config(&self.storage, image.config.digest).await.unwrap_or_default())
    }

    /// How many bytes of an image's layers are still to be read before it can be judged; `None` if it is no image.
    pub(super) async fn unread_bytes(&self, manifest: Digest) -> Result<Option<u64>, CatalogueError> {
        let Some(stored) = self.storage.catalogue().manifest_anywhere(manifest).await? else {
            return Ok(None);
        };
        let parsed = Manifest::parse(&stored.bytes, Some(&stored.media_type));
        let Ok((Manifest::Image(image), _)) = parsed else { return Ok(None) };
        let mut unread: u64 = 0;
        for layer in &image.layers {
            unread = unread.saturating_add(self.layers.unread_bytes(layer.digest, layer.size).await?);
        }
        Ok(Some(unread))
    }

    /// What the inventory does not have yet, as far as one page of images goes, and how far it has followed with it.
    pub(super) async fn news(&self, from: Followed) -> Result<(News, Followed), CatalogueError> {
        let catalogue = self.storage.catalogue();
        let (mut news, mut followed) = (News::default(), from);
        let noted = catalogue.images_noted_after(followed.note, PAGE).await?;
        let Some(last) = noted.last().map(|image| image.number) else { return Ok((news, followed)) };
        followed.note = last;
        loop {
            let page = catalogue.components_after(followed.component, PAGE).await?;
            let Some((number, _)) = page.last() else { break };
            followed.component = *number;
            news.components.extend(
                page.iter().filter_map(|(number, body)| Some((*number, contents::read_component(body)?))),
            );
        }
        news.images = noted.into_iter().map(|image| (image.manifest, image.components)).collect();
        Ok((news, followed))
    }
}

/// One image on the way from its manifest to its contents.
struct Work {
    storage: Storage,
    layers: Layers,
    manifest: Digest,
    attempts: u64,
}

impl Work {
    async fn run(self) {
        let noted = match self.find_out_and_keep().await {
            Ok(contents) => self.note(contents).await,
            Err(error) if self.attempts >= ATTEMPTS_MAX && error.is_of_analyser() => {
                self.note(Err(error.to_string())).await
            }
            Err(error) => {
                tracing::warn!(image = %self.manifest, %error, "cannot find out what is inside an image; it will be tried again");
                self.storage.catalogue().postpone_image(self.manifest, now().plus(self.patience())).await
            }
        };
        if let Err(error) = noted {
            tracing::warn!(image = %self.manifest, %error, "cannot note what is inside an image");
        }
    }

    /// How long to wait after a failure.
    fn patience(&self) -> Duration {
        let doublings = u32::try_from(self.attempts).unwrap_or(u32::MAX).min(10);
        (RETRY_AFTER * 2_u32.pow(doublings)).min(RETRY_AFTER_MAX)
    }

    /// Finds the contents out, and keeps the other replicas off meanwhile.
    async fn find_out_and_keep(&self) -> Result<Result<ImageContents, String>, ImageError> {
        let mut finding = std::pin::pin!(self.find_out());
        loop {
            tokio::select! {
                outcome = &mut finding => return outcome,
                () = tokio::time::sleep(SAY_AGAIN) => {
                    self.storage.catalogue().postpone_image(self.manifest, now().plus(TAKEN_FOR)).await?;
                }
            }
        }
    }

    /// The image's contents, or why they cannot be known.
    async fn find_out(&self) -> Result<Result<ImageContents, String>, ImageError> {
        let Some(stored) = self.storage.catalogue().manifest_anywhere(self.manifest).await? else {
            return Ok(Err("the image was deleted".to_owned()));
        };
        let Ok((Manifest::Image(manifest), _)) = Manifest::parse(&stored.bytes, Some(&stored.media_type))
        else {
            return Ok(Err("it is no image manifest".to_owned()));
        };
        let mut records: Vec<LayerRecord<File>> = Vec::with_capacity(manifest.layers.len());
        for layer in &manifest.layers {
            match self.layers.analysis(layer.digest).await? {
                LayerAnalysis::Record { key, size, .. } => {
                    records.push(self.layers.open(layer.digest, key, size).await?);
                }
                LayerAnalysis::Failure(why) => {
                    return Ok(Err(format!("layer {}: {why}", layer.digest.short())));
                }
            }
        }
        let config = read_config(&self.storage, manifest.config.digest).await?;
        let mut contents =
            tokio::task::spawn_blocking(move || merge(&mut records)).await?.map_err(ImageError::Merge)?;
        if let Some(config) = config {
            contents.compare_with_config(&config.rootfs.diff_ids);
        }
        Ok(Ok(contents))
    }

    async fn note(&self, contents: Result<ImageContents, String>) -> Result<(), CatalogueError> {
        let (components, stack, contents) = match contents {
            Ok(contents) => {
                let stack = ChainId::of_stack(&contents.layers).last().copied();
                (distinct_components(&contents), stack, Ok(contents::write(&contents)))
            }
            Err(why) => (Vec::new(), None, Err(why)),
        };
        let analyser = ANALYSER_VERSION;
        let image =
            ImageToNote { manifest: self.manifest, analyser, components, contents, stack, now: now() };
        self.storage.catalogue().note_image(image).await.map(drop)
    }
}

/// The distinct components of an image with their fingerprints.
fn distinct_components(contents: &ImageContents) -> Vec<(String, Vec<u8>)> {
    let distribution = contents.distribution.as_ref();
    let bodies = contents
        .components
        .iter()
        .map(|located| contents::write_component(&Interned::new(located.component.clone(), distribution)));
    let distinct: BTreeMap<String, Vec<u8>> =
        bodies.map(|body| (Digest::sha256_of(&body).encoded(), body)).collect();
    distinct.into_iter().collect()
}

/// An image's config, if it is there and is one.
async fn read_config(storage: &Storage, digest: Digest) -> Result<Option<ImageConfig>, LayerError> {
    let Some((key, size)) = storage.catalogue().blob_anywhere(digest).await? else { return Ok(None) };
    if size > CONFIG_BYTES_MAX {
        return Ok(None);
    }
    let bytes = storage.read_whole(key, size).await?;
    Ok(ImageConfig::parse(&bytes).ok())
}
