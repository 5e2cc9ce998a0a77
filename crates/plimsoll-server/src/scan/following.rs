use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use plimsoll_analyser::Analyser;
use plimsoll_sbom::LayerRecord;
use plimsoll_store::ObjectKey;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::layers::looks_like_layer;
use crate::storage::Storage;

/// How long to wait before looking for more bytes. It costs next to nothing, and the writer knows nothing of it.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// How long an upload may bring nothing before it is no longer followed.
const STALL_MAX: Duration = Duration::from_secs(10);

/// Layers that are analysed while they arrive, at the analyser's own pace.
///
/// It is only ever a head start. Whatever goes wrong, and whatever the upload turns out to be, the layer is read again
/// from what is stored; so nothing here is an error.
pub(super) struct Following {
    storage: Storage,
    analyser: Analyser,
    followed: Arc<Mutex<HashMap<ObjectKey, Followed>>>,
}

/// A layer that is being followed. Dropped, it is no more.
struct Followed {
    /// Takes the end once it is known.
    end: watch::Sender<Option<End>>,
    analysis: JoinHandle<Option<LayerRecord<File>>>,
}

/// The end of an upload, and whoever wants to know how near it is.
struct End {
    length: u64,
    read_bytes: Arc<AtomicU64>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.analysis.abort();
    }
}

impl Following {
    pub(super) fn new(storage: Storage, analyser: Analyser) -> Self {
        Self { storage, analyser, followed: Arc::default() }
    }

    /// Begins to follow an upload, if its storage shows it, it looks like a layer and there is room.
    pub(super) fn begin(&self, key: ObjectKey) {
        let (end, told) = watch::channel(None);
        let (analyser, followed) = (self.analyser.clone(), self.followed.clone());
        let growing = Growing { storage: self.storage.clone(), key, at: 0, end: told };
        // Nobody forgets it before it is noted.
        let mut noted = lock(&self.followed);
        let analysis = tokio::spawn(async move {
            let record = growing.analyse(&analyser).await;
            if record.is_none() {
                lock(&followed).remove(&key);
            }
            record
        });
        noted.insert(key, Followed { end, analysis });
    }

    /// The record of an upload that has ended with so many bytes, if it was followed to its end. Meanwhile `read_bytes`
    /// tells how far it was read.
    pub(super) async fn finish(
        &self,
        key: ObjectKey,
        length: u64,
        read_bytes: &Arc<AtomicU64>,
    ) -> Option<LayerRecord<File>> {
        let mut followed = lock(&self.followed).remove(&key)?;
        followed.end.send_replace(Some(End { length, read_bytes: read_bytes.clone() }));
        (&mut followed.analysis).await.ok().flatten()
    }

    /// Follows an upload no longer.
    pub(super) fn forget(&self, key: ObjectKey) {
        lock(&self.followed).remove(&key);
    }
}

fn lock(followed: &Mutex<HashMap<ObjectKey, Followed>>) -> MutexGuard<'_, HashMap<ObjectKey, Followed>> {
    followed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An object that is being written, as far as it was read.
struct Growing {
    storage: Storage,
    key: ObjectKey,
    at: u64,
    end: watch::Receiver<Option<End>>,
}

impl Growing {
    async fn analyse(self, analyser: &Analyser) -> Option<LayerRecord<File>> {
        let key = self.key;
        let beginning = self.storage.objects().read_unfinished(key, 0).await.ok()??;
        if !looks_like_layer(&beginning) {
            return None;
        }
        match analyser.follow(self.bytes()).await {
            Ok(record) => record,
            Err(error) => {
                tracing::debug!(object = %key, %error, "a layer was not followed to its end");
                None
            }
        }
    }

    /// The bytes from the first to the last one, as they come.
    fn bytes(self) -> BoxStream<'static, io::Result<Bytes>> {
        stream::try_unfold(self, |mut growing| async move {
            let bytes = growing.next().await?;
            Ok(bytes.map(|bytes| (bytes, growing)))
        })
        .boxed()
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut waited = Duration::ZERO;
        loop {
            let length = self.known_length();
            let rest = length.unwrap_or(u64::MAX).saturating_sub(self.at);
            if rest == 0 {
                return Ok(None);
            }
            let read = self.storage.objects().read_unfinished(self.key, self.at).await;
            let mut bytes = read.map_err(io::Error::other)?.unwrap_or_default();
            if !bytes.is_empty() {
                bytes.truncate(usize::try_from(rest).unwrap_or(usize::MAX));
                self.at += bytes.len() as u64;
                return Ok(Some(bytes));
            }
            if length.is_some() || waited >= STALL_MAX {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            waited += LOOK_AGAIN;
            if let Ok(Err(forgotten)) = tokio::time::timeout(LOOK_AGAIN, self.end.changed()).await {
                return Err(io::Error::other(forgotten));
            }
        }
    }

    fn known_length(&mut self) -> Option<u64> {
        let end = self.end.borrow_and_update();
        end.as_ref().map(|end| {
            end.read_bytes.store(self.at, Ordering::Relaxed);
            end.length
        })
    }
}
