//! Objects as files below one directory.

mod locked_file;
mod read;
mod write;

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _};

use super::buffers::BufferPool;
use super::{
    ByteStream, IngestObjects, KeyKind, ListedObject, MARK, ManageObjects, ObjectError, ObjectKey,
    ObjectWriter, ProvideObjects, Result, SuspendedObject,
};
pub(super) use locked_file::LockedFile;
use write::LocalWriter;

/// Objects in a directory of the local file system.
///
/// An upload is written to its final place from its first byte, so completing it moves and copies nothing.
#[derive(Clone, Debug)]
pub struct LocalObjects {
    place: Arc<Place>,
    buffers: BufferPool,
}

/// The directory, and the bytes below it that must stay free.
#[derive(Debug)]
struct Place {
    root: PathBuf,
    reserve_bytes: u64,
}

impl LocalObjects {
    /// Uses `root`, and makes its folders if they are missing. Writes are refused while fewer than `reserve_bytes` are
    /// free, so that the catalogue on the same disk can still record deletions.
    pub fn open(root: &Path, reserve_bytes: u64) -> Result<Self> {
        let unusable = |source: io::Error| ObjectError::Unusable {
            place: root.display().to_string(),
            reason: source.to_string(),
        };
        for kind in KeyKind::ALL {
            fs::create_dir_all(root.join(kind.folder())).map_err(unusable)?;
        }
        let place = Place { root: root.to_owned(), reserve_bytes };
        Ok(Self { place: Arc::new(place), buffers: BufferPool::default() })
    }
}

impl Place {
    fn path(&self, key: ObjectKey) -> PathBuf {
        self.root.join(key.to_string())
    }

    fn unusable(&self, source: &io::Error) -> ObjectError {
        ObjectError::Unusable { place: self.root.display().to_string(), reason: source.to_string() }
    }

    /// Fails while the disk is fuller than it may be.
    fn check_room(&self) -> Result<()> {
        let status = rustix::fs::statvfs(&self.root).map_err(|source| ObjectError::Unusable {
            place: self.root.display().to_string(),
            reason: source.to_string(),
        })?;
        let free_bytes = status.f_bavail.saturating_mul(status.f_frsize);
        if free_bytes < self.reserve_bytes {
            let reserve = self.reserve_bytes;
            return Err(ObjectError::Full(format!(
                "{free_bytes} bytes are free and {reserve} are kept in reserve"
            )));
        }
        Ok(())
    }

    /// Makes the new name of a file durable.
    fn sync_folder_of(&self, key: ObjectKey) -> io::Result<()> {
        let path = self.path(key);
        let shard = path.parent().unwrap_or(&self.root);
        File::open(shard)?.sync_all()
    }
}

/// Runs `work` where it may wait for the disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => {
                Err(ObjectError::Unusable { place: "disk".into(), reason: cancelled.to_string() })
            }
        },
    }
}

impl IngestObjects for LocalObjects {
    fn put(&self, key: ObjectKey, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        async move {
            let mut writer = Box::new(LocalWriter::create(self.place.clone(), key));
            writer.write(bytes).await?;
            writer.complete().await.map(drop)
        }
        .boxed()
    }

    fn create(&self, key: ObjectKey) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>>> {
        let writer: Box<dyn ObjectWriter> = Box::new(LocalWriter::create(self.place.clone(), key));
        std::future::ready(Ok(writer)).boxed()
    }

    fn resume(&self, key: ObjectKey, at: SuspendedObject) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>>> {
        let place = self.place.clone();
        async move {
            let writer = blocking(move || LocalWriter::resume(place, key, at.length)).await?;
            Ok(Box::new(writer) as Box<dyn ObjectWriter>)
        }
        .boxed()
    }

    fn abandon(&self, key: ObjectKey, _at: Option<SuspendedObject>) -> BoxFuture<'_, Result<()>> {
        self.delete(key)
    }

    /// Nothing: all writers of a key share its file, and the next one cuts it to what was committed.
    fn withdraw(
        &self,
        _key: ObjectKey,
        _from: SuspendedObject,
        _at: SuspendedObject,
    ) -> BoxFuture<'_, Result<()>> {
        std::future::ready(Ok(())).boxed()
    }
}

impl ProvideObjects for LocalObjects {
    fn read(&self, key: ObjectKey, range: Range<u64>) -> BoxFuture<'_, Result<ByteStream>> {
        read::open(self.place.path(key), key, range, self.buffers.clone()).boxed()
    }

    fn read_unfinished(&self, key: ObjectKey, start: u64) -> BoxFuture<'_, Result<Option<Bytes>>> {
        let read = read::some(self.place.path(key), key, start, self.buffers.clone());
        async move { read.await.map(Some) }.boxed()
    }

    fn size(&self, key: ObjectKey) -> BoxFuture<'_, Result<Option<u64>>> {
        let path = self.place.path(key);
        blocking(move || match fs::metadata(path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ObjectError::io("measure", key)(error)),
        })
        .boxed()
    }

    fn presign(&self, _key: ObjectKey, _valid_for: Duration) -> BoxFuture<'_, Result<Option<String>>> {
        std::future::ready(Ok(None)).boxed()
    }
}

impl ManageObjects for LocalObjects {
    fn delete(&self, key: ObjectKey) -> BoxFuture<'_, Result<()>> {
        let path = self.place.path(key);
        blocking(move || match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ObjectError::io("delete", key)(error))
            }
            _ => Ok(()),
        })
        .boxed()
    }

    fn list(&self, kind: KeyKind) -> BoxStream<'_, Result<ListedObject>> {
        let place = self.place.clone();
        let listed = blocking(move || list_folder(&place, kind));
        stream::once(listed)
            .flat_map(|listed| match listed {
                Ok(objects) => stream::iter(objects.into_iter().map(Ok)).left_stream(),
                Err(error) => stream::iter([Err(error)]).right_stream(),
            })
            .boxed()
    }

    fn mark(&self) -> BoxFuture<'_, Result<()>> {
        let place = self.place.clone();
        blocking(move || fs::write(place.root.join(MARK), "").map_err(|source| place.unusable(&source)))
            .boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<()>> {
        let place = self.place.clone();
        blocking(move || match fs::metadata(place.root.join(MARK)) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(ObjectError::Unmarked { place: place.root.display().to_string() })
            }
            Err(error) => Err(place.unusable(&error)),
        })
        .boxed()
    }
}

/// All objects of one kind in order of their keys. Files that are not named as objects are left alone.
fn list_folder(place: &Place, kind: KeyKind) -> Result<Vec<ListedObject>> {
    let unusable = |source: io::Error| ObjectError::Unusable {
        place: place.root.join(kind.folder()).display().to_string(),
        reason: source.to_string(),
    };
    let mut objects = Vec::new();
    for shard in fs::read_dir(place.root.join(kind.folder())).map_err(unusable)? {
        let shard = shard.map_err(unusable)?;
        if !shard.file_type().map_err(unusable)?.is_dir() {
            continue;
        }
        for file in fs::read_dir(shard.path()).map_err(unusable)? {
            let file = file.map_err(unusable)?;
            let name =
                format!("{}/{}/{}", kind.folder(), shard.file_name().display(), file.file_name().display());
            if let Ok(key) = name.parse() {
                objects.push(ListedObject { key, size: file.metadata().map_err(unusable)?.len() });
            }
        }
    }
    objects.sort_by_key(|object| object.key);
    Ok(objects)
}
