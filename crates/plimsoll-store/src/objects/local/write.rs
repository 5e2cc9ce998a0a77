//! Writes gather to 1 MiB and go to the file on a blocking thread while the next ones arrive.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;

use super::super::{Claim, CompletedObject, ObjectError, ObjectKey, ObjectWriter, Result, SuspendedObject};
use super::locked_file::LockedFile;
use super::{Place, blocking};

/// How much is gathered before it is written.
const WRITE_BYTES: usize = 1024 * 1024;

/// One object being written to its file.
pub(super) struct LocalWriter {
    place: Arc<Place>,
    key: ObjectKey,
    resumed_at: u64,
    length: u64,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    file: Handle,
}

/// Where the open file is at the moment.
enum Handle {
    /// Not made yet: a small object is made, written and synced in one go.
    NotMade,
    /// Open and locked, with its length still to be cut to what was suspended.
    Resumed(LockedFile),
    /// On a blocking thread, taking bytes.
    Writing(JoinHandle<Result<LockedFile>>),
    /// Lost in a failed write.
    Gone,
}

impl LocalWriter {
    pub(super) fn create(place: Arc<Place>, key: ObjectKey) -> Self {
        Self::at(place, key, 0, Handle::NotMade)
    }

    /// Opens and locks the file again. What was written after `length` is cut off later, once there is more to write.
    pub(super) fn resume(place: Arc<Place>, key: ObjectKey, length: u64) -> Result<Self> {
        let not_resumable = |reason: String| ObjectError::NotResumable { key, reason };
        let file = match OpenOptions::new().read(true).write(true).open(place.path(key)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(not_resumable("its file is gone".into()));
            }
            Err(error) => return Err(ObjectError::io("open", key)(error)),
        };
        let file = LockedFile::lock(file, key)?;
        let on_disk = file.metadata().map_err(ObjectError::io("measure", key))?.len();
        if on_disk < length {
            return Err(not_resumable(format!("its file has {on_disk} of {length} bytes")));
        }
        Ok(Self::at(place, key, length, Handle::Resumed(file)))
    }

    fn at(place: Arc<Place>, key: ObjectKey, length: u64, file: Handle) -> Self {
        Self { place, key, resumed_at: length, length, gathered: Vec::new(), gathered_bytes: 0, file }
    }

    /// Starts writing what was gathered, once the write before it is done.
    async fn flush(&mut self) -> Result<()> {
        let file = self.take_file().await?;
        let (place, key) = (self.place.clone(), self.key);
        let gathered = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        self.file =
            Handle::Writing(tokio::task::spawn_blocking(move || append(&place, key, file, &gathered)));
        Ok(())
    }

    /// The file, if it was made, after any write on its way is done.
    async fn take_file(&mut self) -> Result<Option<LockedFile>> {
        match std::mem::replace(&mut self.file, Handle::Gone) {
            Handle::NotMade => Ok(None),
            Handle::Resumed(file) => {
                let (key, length) = (self.key, self.resumed_at);
                blocking(move || cut(file, key, length)).await.map(Some)
            }
            Handle::Writing(write) => match write.await {
                Ok(file) => file.map(Some),
                Err(stopped) => Err(ObjectError::io("write", self.key)(io::Error::other(stopped))),
            },
            Handle::Gone => {
                Err(ObjectError::io("write", self.key)(io::Error::other("an earlier write of it failed")))
            }
        }
    }
}

impl ObjectWriter for LocalWriter {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        async move {
            self.length += bytes.len() as u64;
            self.gathered_bytes += bytes.len();
            self.gathered.push(bytes);
            if self.gathered_bytes >= WRITE_BYTES { self.flush().await } else { Ok(()) }
        }
        .boxed()
    }

    fn suspend(mut self: Box<Self>) -> BoxFuture<'static, Result<(SuspendedObject, Claim)>> {
        async move {
            let file = self.take_file().await?;
            let Self { place, key, gathered, length, .. } = *self;
            let file = blocking(move || append(&place, key, file, &gathered)).await?;
            Ok((SuspendedObject { length, ..SuspendedObject::default() }, Claim::by_lock(file)))
        }
        .boxed()
    }

    fn complete(mut self: Box<Self>) -> BoxFuture<'static, Result<(CompletedObject, Claim)>> {
        async move {
            let file = self.take_file().await?;
            let Self { place, key, gathered, .. } = *self;
            blocking(move || {
                let file = append(&place, key, file, &gathered)?;
                file.sync_data().map_err(ObjectError::io("sync", key))?;
                place.sync_folder_of(key).map_err(ObjectError::io("sync the folder of", key))?;
                Ok((CompletedObject::at(key), Claim::by_lock(file)))
            })
            .await
        }
        .boxed()
    }
}

/// Cuts off what a writer that came to nothing has left.
fn cut(mut file: LockedFile, key: ObjectKey, length: u64) -> Result<LockedFile> {
    file.set_len(length).map_err(ObjectError::io("cut", key))?;
    file.seek(SeekFrom::Start(length)).map_err(ObjectError::io("seek in", key))?;
    Ok(file)
}

fn append(place: &Place, key: ObjectKey, file: Option<LockedFile>, gathered: &[Bytes]) -> Result<LockedFile> {
    place.check_room()?;
    let mut file = match file {
        Some(file) => file,
        None => make(place, key)?,
    };
    write_all(&mut file, gathered).map_err(ObjectError::io("write", key))?;
    Ok(file)
}

/// Makes the file, and its folder the first time one falls into it.
fn make(place: &Place, key: ObjectKey) -> Result<LockedFile> {
    let path = place.path(key);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let file = match options.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let shard = path.parent().unwrap_or(&place.root);
            fs::create_dir_all(shard)
                .and_then(|()| File::open(shard.parent().unwrap_or(&place.root))?.sync_all())
                .map_err(ObjectError::io("make the folder of", key))?;
            options.open(&path)
        }
        opened => opened,
    };
    let file = match file {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(ObjectError::Busy(key)),
        file => file.map_err(ObjectError::io("create", key))?,
    };
    LockedFile::lock(file, key)
}

/// Writes all of `gathered` with as few system calls as the kernel allows.
fn write_all(file: &mut File, gathered: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = gathered.iter().map(|bytes| IoSlice::new(bytes)).collect();
    let mut rest = slices.as_mut_slice();
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
