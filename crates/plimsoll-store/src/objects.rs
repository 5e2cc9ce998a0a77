//! Bytes at rest, under keys that are never used twice.

mod buffers;
mod key;
mod local;
mod memory;
mod s3;

use std::io;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};

pub use key::{KeyKind, ObjectKey, ParseObjectKeyError};
pub use local::LocalObjects;
pub use memory::MemoryObjects;
pub use s3::{S3Config, S3Objects};

/// The outcome of work on an object.
pub type Result<T, E = ObjectError> = std::result::Result<T, E>;

/// Bytes of an object as they are read.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// Takes objects in.
///
/// - An object becomes readable when its [`ObjectWriter`] completes, or `put` returns; its bytes are durable then.
/// - A writer that is suspended can be resumed by any process that reaches the same storage.
/// - A writer that is dropped leaves bytes that nobody reads; `abandon` removes them.
pub trait IngestObjects: Send + Sync {
    /// Stores a small object whole.
    fn put(&self, key: ObjectKey, bytes: Bytes) -> BoxFuture<'_, Result<()>>;

    /// Begins an object under a key that was never used.
    fn create(&self, key: ObjectKey) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>>>;

    /// Continues an object where it was suspended; changes nothing before the first byte is written, or it is suspended
    /// or completed. Where a writer could spoil what another one wrote, it fails with [`ObjectError::Busy`] while another
    /// writer or its claim lives. So whoever resumes, then finds its suspended state still the committed one, and then
    /// writes, keeps everybody else out until it has committed in turn.
    fn resume(&self, key: ObjectKey, at: SuspendedObject) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>>>;

    /// Removes an object that was begun and will not be completed.
    fn abandon(&self, key: ObjectKey, at: Option<SuspendedObject>) -> BoxFuture<'_, Result<()>>;

    /// Removes what a writer that was resumed at `from` has made until it was suspended at `at`, because `at` was not
    /// committed. What `from` needs stays.
    fn withdraw(
        &self,
        key: ObjectKey,
        from: SuspendedObject,
        at: SuspendedObject,
    ) -> BoxFuture<'_, Result<()>>;
}

/// One object being written, from its first byte to its last.
pub trait ObjectWriter: Send {
    /// Appends `bytes`. They may rest in memory until the next suspension or completion.
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>>;

    /// Brings all bytes to the storage and puts the object down. The claim is held until the state is committed.
    fn suspend(self: Box<Self>) -> BoxFuture<'static, Result<(SuspendedObject, Claim)>>;

    /// Makes all bytes durable and readable, and says where. The claim is held until the object is committed.
    fn complete(self: Box<Self>) -> BoxFuture<'static, Result<(CompletedObject, Claim)>>;
}

/// Hands objects out.
pub trait ProvideObjects: Send + Sync {
    /// Reads the bytes in `range`. An object shorter than `range` ends the stream with an error.
    fn read(&self, key: ObjectKey, range: Range<u64>) -> BoxFuture<'_, Result<ByteStream>>;

    /// Reads some bytes from number `start` on of an object that may still be written: none where no more rest there yet,
    /// and `None` where the storage shows unfinished objects to nobody. Bytes may be others later: a writer that comes
    /// to nothing leaves some that the next one replaces. Whoever reads ahead makes sure of them by the digest, at last.
    fn read_unfinished(&self, _key: ObjectKey, _start: u64) -> BoxFuture<'_, Result<Option<Bytes>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// The object's length in bytes, or `None` where there is no object.
    fn size(&self, key: ObjectKey) -> BoxFuture<'_, Result<Option<u64>>>;

    /// An address where a client can fetch the object itself, if the storage has such addresses.
    fn presign(&self, key: ObjectKey, valid_for: Duration) -> BoxFuture<'_, Result<Option<String>>>;
}

/// Looks after what is there.
pub trait ManageObjects: Send + Sync {
    /// Removes an object. Removing what is not there is not an error.
    fn delete(&self, key: ObjectKey) -> BoxFuture<'_, Result<()>>;

    /// Lists the objects of one kind, ordered by key for [`KeyKind::Record`]. Walks the storage.
    fn list(&self, kind: KeyKind) -> BoxStream<'_, Result<ListedObject>>;

    /// Marks the storage as one of ours.
    fn mark(&self) -> BoxFuture<'_, Result<()>>;

    /// Whether the storage answers and bears the mark. A wrong bucket or a folder that is not mounted does not, and what
    /// is missing there is not lost.
    fn check(&self) -> BoxFuture<'_, Result<()>>;
}

/// A storage of objects: everything that can be done with them.
pub trait Objects: IngestObjects + ProvideObjects + ManageObjects {}

impl<T: IngestObjects + ProvideObjects + ManageObjects> Objects for T {}

/// Keeps other writers of an object out for as long as it lives.
#[derive(Debug, Default)]
#[must_use = "others may write to the object as soon as its claim is dropped"]
pub struct Claim {
    /// The locked file, where there is one. Closing it lets go of the lock.
    _lock: Option<local::LockedFile>,
}

impl Claim {
    /// A claim by a file that this process has locked.
    fn by_lock(file: local::LockedFile) -> Self {
        Self { _lock: Some(file) }
    }
}

/// Where a writer was put down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspendedObject {
    /// Bytes written so far.
    pub length: u64,
    /// What the storage needs to go on, in words of its own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Objects that the state before this one needed, to be deleted once this one is committed.
    #[serde(skip)]
    pub superseded: Vec<ObjectKey>,
}

/// Where a finished object rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedObject {
    /// The key to read it under: mostly the one it was created with.
    pub key: ObjectKey,
    /// Whether this writer made the object. One that rested there before belongs to the session and not to this request.
    pub is_fresh: bool,
    /// Objects that were needed on the way, to be deleted once this one is committed.
    pub superseded: Vec<ObjectKey>,
}

impl CompletedObject {
    fn at(key: ObjectKey) -> Self {
        Self { key, is_fresh: true, superseded: Vec::new() }
    }
}

/// One line of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// The object's key.
    pub key: ObjectKey,
    /// Its length in bytes.
    pub size: u64,
}

/// The name of the mark beside the folders of objects.
const MARK: &str = "plimsoll-objects";

/// Why work on an object failed.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// There is no such object.
    #[error("object `{0}` is not in the storage")]
    NotFound(ObjectKey),
    /// Another writer has the object.
    #[error("object `{0}` is being written by another request")]
    Busy(ObjectKey),
    /// What was suspended is no longer there as it was left.
    #[error("object `{key}` cannot be continued: {reason}")]
    NotResumable {
        /// The object.
        key: ObjectKey,
        /// What is wrong with it.
        reason: String,
    },
    /// The object ended before the bytes that were asked for.
    #[error("object `{key}` ended at byte {at}, before the end of the range that was asked for")]
    Truncated {
        /// The object.
        key: ObjectKey,
        /// Where it ended.
        at: u64,
    },
    /// No room is left.
    #[error("the storage is full: {0}")]
    Full(String),
    /// The operating system refused.
    #[error("cannot {doing} object `{key}`")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which object.
        key: ObjectKey,
        /// Why it failed.
        source: io::Error,
    },
    /// The object storage service refused.
    #[error("cannot {doing} object `{key}`")]
    Service {
        /// What was being done.
        doing: &'static str,
        /// To which object.
        key: ObjectKey,
        /// Why it failed.
        source: object_store::Error,
    },
    /// The storage is not the one that it should be.
    #[error("the object storage at `{place}` does not bear our mark: it is the wrong one, or is not mounted")]
    Unmarked {
        /// Directory or bucket.
        place: String,
    },
    /// The storage itself cannot be used.
    #[error("cannot use the object storage at `{place}`: {reason}")]
    Unusable {
        /// Directory or bucket.
        place: String,
        /// Why not.
        reason: String,
    },
}

impl ObjectError {
    /// Names operation and object around an error of the operating system.
    fn io(doing: &'static str, key: ObjectKey) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full(format!("cannot {doing} object `{key}`: {source}"))
            }
            io::ErrorKind::NotFound => Self::NotFound(key),
            _ => Self::Io { doing, key, source },
        }
    }
}
