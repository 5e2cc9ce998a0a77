use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use plimsoll_analyser::{Analyser, AnalysisError};
use plimsoll_image::Compression;
use plimsoll_oci::Digest;
use plimsoll_registry::Arrival;
use plimsoll_sbom::{ANALYSER_VERSION, LayerRecord, ReadRecordError};
use plimsoll_store::catalogue::LayerAnalysis;
use plimsoll_store::objects::KeyKind;
use plimsoll_store::{CatalogueError, ObjectError, ObjectKey};
use tokio::sync::OnceCell;

use super::following::Following;
use crate::clock::now;
use crate::metrics::Metrics;
use crate::storage::Storage;

/// Smaller blobs are not analysed before a manifest names them as layers: most are configs.
const EARLY_BYTES_MIN: u64 = 256 << 10;

/// Bytes of a record that are moved at a time.
const PART_BYTES: usize = 1 << 20;

/// The records of layers: made once for each blob, and kept among the objects.
#[derive(Clone)]
pub(super) struct Layers {
    parts: Arc<Parts>,
}

struct Parts {
    storage: Storage,
    analyser: Analyser,
    following: Following,
    spool: PathBuf,
    metrics: Arc<Metrics>,
    /// Layers that are being analysed now, so that two images wait for one analysis.
    under_way: Mutex<UnderWay>,
}

type UnderWay = HashMap<Digest, Arc<OneAnalysis>>;

/// A layer that is being analysed.
#[derive(Default)]
struct OneAnalysis {
    outcome: OnceCell<LayerAnalysis>,
    /// The bytes of the layer that its child was given so far.
    read_bytes: Arc<AtomicU64>,
}

/// Why a layer's record could not be had. It may be another time.
#[derive(Debug, thiserror::Error)]
pub(super) enum LayerError {
    #[error("the layer `{0}` is not in the registry")]
    Missing(Digest),
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Objects(#[from] ObjectError),
    #[error("cannot read the record of layer `{0}`")]
    Record(Digest, #[source] ReadRecordError),
    #[error("cannot keep a layer's record for a moment")]
    Spool(#[from] io::Error),
}

impl Layers {
    pub(super) fn new(storage: Storage, analyser: Analyser, spool: PathBuf, metrics: Arc<Metrics>) -> Self {
        let following = Following::new(storage.clone(), analyser.clone());
        let under_way = Mutex::default();
        Self { parts: Arc::new(Parts { storage, analyser, following, spool, metrics, under_way }) }
    }

    /// Does what can be done for a blob now, before an image names it as a layer.
    pub(super) fn heed(&self, arrival: Arrival) {
        let layers = self.clone();
        match arrival {
            Arrival::Growing { key, blob: None } => self.parts.following.begin(key),
            Arrival::Growing { key, blob: Some(blob) } => drop(tokio::spawn(async move {
                let known = layers.parts.storage.catalogue().layer_analysis(blob, ANALYSER_VERSION).await;
                // Pushed again, it is not read again.
                if matches!(known, Ok(None)) {
                    layers.parts.following.begin(key);
                }
            })),
            Arrival::Stored { key, blob } => drop(tokio::spawn(async move {
                if let Err(error) = layers.analyse_early(blob).await {
                    // Its image will ask again.
                    tracing::debug!(%blob, %error, "a layer was not analysed early");
                }
                layers.parts.following.forget(key);
            })),
            Arrival::GivenUp { key } => self.parts.following.forget(key),
        }
    }

    /// Analyses a blob that has just arrived, if it looks like a layer.
    async fn analyse_early(&self, blob: Digest) -> Result<(), LayerError> {
        let storage = &self.parts.storage;
        let Some((key, size)) = storage.catalogue().blob_anywhere(blob).await? else { return Ok(()) };
        if size >= EARLY_BYTES_MIN && looks_like_layer(&storage.read_whole(key, TAR_MAGIC_END).await?) {
            self.analysis(blob).await?;
        }
        Ok(())
    }

    /// What is known of a layer; it is analysed if need be.
    pub(super) async fn analysis(&self, blob: Digest) -> Result<LayerAnalysis, LayerError> {
        let catalogue = self.parts.storage.catalogue();
        if let Some(known) = catalogue.layer_analysis(blob, ANALYSER_VERSION).await? {
            return Ok(known);
        }
        let this = self.under_way().entry(blob).or_default().clone();
        let outcome = this.outcome.get_or_try_init(|| self.analyse(blob, &this.read_bytes)).await.cloned();
        self.under_way().remove(&blob);
        outcome
    }

    /// How many of a layer's `size` bytes its analysis has still to read.
    pub(super) async fn unread_bytes(&self, blob: Digest, size: u64) -> Result<u64, CatalogueError> {
        let known = self.parts.storage.catalogue().layer_analysis(blob, ANALYSER_VERSION).await?;
        if known.is_some() {
            return Ok(0);
        }
        let read = self.under_way().get(&blob).map_or(0, |this| this.read_bytes.load(Ordering::Relaxed));
        Ok(size.saturating_sub(read))
    }

    /// A layer's record, as a file without a name.
    pub(super) async fn open(
        &self,
        blob: Digest,
        key: ObjectKey,
        size: u64,
    ) -> Result<LayerRecord<File>, LayerError> {
        let mut file = tempfile::tempfile_in(&self.parts.spool)?;
        let mut parts = self.parts.storage.objects().read(key, 0..size).await?;
        while let Some(part) = parts.try_next().await? {
            file.write_all(&part)?;
        }
        file.rewind()?;
        LayerRecord::open(file).map_err(|error| LayerError::Record(blob, error))
    }

    async fn analyse(&self, blob: Digest, read_bytes: &Arc<AtomicU64>) -> Result<LayerAnalysis, LayerError> {
        let storage = &self.parts.storage;
        let (key, size) = storage.catalogue().blob_anywhere(blob).await?.ok_or(LayerError::Missing(blob))?;
        let read = match self.parts.following.finish(key, size, read_bytes).await {
            // What was read may have been replaced since, so the record counts for the bytes that it was made of.
            Some(record) if record.head.measures.digest == blob => {
                self.parts.metrics.count_layer_read_arriving();
                Ok(record)
            }
            _ => self.read_stored(key, size, read_bytes).await,
        };
        let analysis = match read {
            Ok(record) => self.keep(record).await?,
            Err(LayerError::Analysis(error)) if error.is_of_layer() => {
                LayerAnalysis::Failure(error.to_string())
            }
            Err(error) => return Err(error),
        };
        storage.catalogue().note_layer(blob, ANALYSER_VERSION, analysis.clone(), now()).await?;
        // Another replica may have been quicker, and then its record is the one that stays.
        Ok(storage.catalogue().layer_analysis(blob, ANALYSER_VERSION).await?.unwrap_or(analysis))
    }

    async fn read_stored(
        &self,
        key: ObjectKey,
        size: u64,
        read_bytes: &AtomicU64,
    ) -> Result<LayerRecord<File>, LayerError> {
        read_bytes.store(0, Ordering::Relaxed);
        let bytes = self.parts.storage.objects().read(key, 0..size).await?.map_err(io::Error::other);
        let counted = bytes.inspect_ok(|bytes| {
            read_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        });
        self.parts.metrics.count_layer_read_stored();
        Ok(self.parts.analyser.analyse(counted).await?)
    }

    /// Moves a record to the objects.
    async fn keep(&self, record: LayerRecord<File>) -> Result<LayerAnalysis, LayerError> {
        let diff_id = record.head.measures.diff_id;
        let mut file = record.into_content();
        file.rewind()?;
        let mut writer = self.parts.storage.objects().create(ObjectKey::fresh(KeyKind::Layer)).await?;
        loop {
            let part = read_part(&mut file)?;
            if part.is_empty() {
                break;
            }
            writer.write(part).await?;
        }
        let size = file.stream_position()?;
        let (completed, _claim) = writer.complete().await?;
        Ok(LayerAnalysis::Record { diff_id, key: completed.key, size })
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.parts.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the magic of a POSIX tar header ends.
const TAR_MAGIC_END: u64 = 262;

/// Whether a blob that begins like this may be a layer that can be read.
pub(super) fn looks_like_layer(beginning: &[u8]) -> bool {
    let is_tar = beginning.get(257..262) == Some(b"ustar");
    is_tar || Compression::sniff(beginning) != Compression::None
}

fn read_part(file: &mut File) -> io::Result<Bytes> {
    let mut part = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, PART_BYTES as u64), &mut part)?;
    Ok(part.into())
}
