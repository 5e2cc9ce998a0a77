use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use plimsoll_analyser::{Analyser, AnalysisError};
use plimsoll_oci::Digest;
use plimsoll_sbom::{ANALYSER_VERSION, LayerRecord, ReadRecordError};
use plimsoll_store::catalogue::LayerAnalysis;
use plimsoll_store::objects::KeyKind;
use plimsoll_store::{CatalogueError, ObjectError, ObjectKey};
use tokio::sync::OnceCell;

use crate::clock::now;
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
    spool: PathBuf,
    /// Layers that are being analysed now, so that two images wait for one analysis.
    under_way: Mutex<HashMap<Digest, Arc<OnceCell<LayerAnalysis>>>>,
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
    pub(super) fn new(storage: Storage, analyser: Analyser, spool: PathBuf) -> Self {
        Self { parts: Arc::new(Parts { storage, analyser, spool, under_way: Mutex::default() }) }
    }

    /// Begins to analyse a blob that has just arrived, if it looks like a layer.
    pub(super) fn analyse_early(&self, blob: Digest) {
        let layers = self.clone();
        tokio::spawn(async move {
            let outcome = match layers.looks_like_layer(blob).await {
                Ok(true) => layers.analysis(blob).await.map(drop),
                Ok(false) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                // Its image will ask again.
                tracing::debug!(%blob, %error, "a layer was not analysed early");
            }
        });
    }

    /// What is known of a layer; it is analysed if need be.
    pub(super) async fn analysis(&self, blob: Digest) -> Result<LayerAnalysis, LayerError> {
        let catalogue = self.parts.storage.catalogue();
        if let Some(known) = catalogue.layer_analysis(blob, ANALYSER_VERSION).await? {
            return Ok(known);
        }
        let cell = self.under_way().entry(blob).or_default().clone();
        let outcome = cell.get_or_try_init(|| self.analyse(blob)).await.cloned();
        self.under_way().remove(&blob);
        outcome
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

    async fn analyse(&self, blob: Digest) -> Result<LayerAnalysis, LayerError> {
        let storage = &self.parts.storage;
        let (key, size) = storage.catalogue().blob_anywhere(blob).await?.ok_or(LayerError::Missing(blob))?;
        let bytes = storage.objects().read(key, 0..size).await?.map_err(io::Error::other);
        let analysis = match self.parts.analyser.analyse(bytes).await {
            Ok(record) => self.keep(record).await?,
            Err(error) if error.is_of_layer() => LayerAnalysis::Failure(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        storage.catalogue().note_layer(blob, ANALYSER_VERSION, analysis.clone(), now()).await?;
        // Another replica may have been quicker, and then its record is the one that stays.
        Ok(storage.catalogue().layer_analysis(blob, ANALYSER_VERSION).await?.unwrap_or(analysis))
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

    async fn looks_like_layer(&self, blob: Digest) -> Result<bool, LayerError> {
        let storage = &self.parts.storage;
        let Some((key, size)) = storage.catalogue().blob_anywhere(blob).await? else { return Ok(false) };
        if size < EARLY_BYTES_MIN {
            return Ok(false);
        }
        let beginning = storage.read_whole(key, TAR_MAGIC_END).await?;
        let is_tar = beginning.get(257..262) == Some(b"ustar");
        Ok(is_tar || plimsoll_image::Compression::sniff(&beginning) != plimsoll_image::Compression::None)
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Arc<OnceCell<LayerAnalysis>>>> {
        self.parts.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the magic of a POSIX tar header ends.
const TAR_MAGIC_END: u64 = 262;

fn read_part(file: &mut File) -> io::Result<Bytes> {
    let mut part = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, PART_BYTES as u64), &mut part)?;
    Ok(part.into())
}
