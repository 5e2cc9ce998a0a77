//! Objects in memory, for tests; stricter than any real storage.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _};

use super::{
    ByteStream, Claim, CompletedObject, IngestObjects, KeyKind, ListedObject, ManageObjects, ObjectError,
    ObjectKey, ObjectWriter, ProvideObjects, Result, SuspendedObject,
};

/// Objects in memory. Refuses what real storages let pass: writing under a key that was used before, and reading what
/// was not completed.
#[derive(Clone, Debug, Default)]
pub struct MemoryObjects(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    complete: BTreeMap<ObjectKey, Bytes>,
    unfinished: BTreeMap<ObjectKey, Vec<u8>>,
    used: BTreeSet<ObjectKey>,
    is_marked: bool,
}

impl MemoryObjects {
    /// An empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic while the lock is held")
    }

    /// A writer for a key whose first one left nothing behind.
    fn create_again(&self, key: ObjectKey) -> Result<Box<dyn ObjectWriter>> {
        Ok(Box::new(MemoryWriter { objects: self.clone(), key, suspended: 0, bytes: Vec::new() }))
    }

    fn use_once(&self, key: ObjectKey) -> Result<()> {
        let is_fresh = self.state().used.insert(key);
        if is_fresh {
            return Ok(());
        }
        Err(ObjectError::Unusable { place: "memory".into(), reason: format!("key `{key}` was used before") })
    }
}

struct MemoryWriter {
    objects: MemoryObjects,
    key: ObjectKey,
    /// What a suspension has kept; a writer that is dropped leaves this much.
    suspended: usize,
    bytes: Vec<u8>,
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        self.bytes.truncate(self.suspended);
        self.objects.state().unfinished.insert(self.key, std::mem::take(&mut self.bytes));
    }
}

impl ObjectWriter for MemoryWriter {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        self.bytes.extend_from_slice(&bytes);
        std::future::ready(Ok(())).boxed()
    }

    fn suspend(mut self: Box<Self>) -> BoxFuture<'static, Result<(SuspendedObject, Claim)>> {
        self.suspended = self.bytes.len();
        let length = self.bytes.len() as u64;
        let suspended = SuspendedObject { length, ..SuspendedObject::default() };
        std::future::ready(Ok((suspended, Claim::default()))).boxed()
    }

    fn complete(mut self: Box<Self>) -> BoxFuture<'static, Result<(CompletedObject, Claim)>> {
        let bytes = std::mem::take(&mut self.bytes);
        self.objects.state().complete.insert(self.key, bytes.into());
        std::future::ready(Ok((CompletedObject::at(self.key), Claim::default()))).boxed()
    }
}

impl IngestObjects for MemoryObjects {
    fn put(&self, key: ObjectKey, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        let stored = self.use_once(key).map(|()| {
            self.state().complete.insert(key, bytes);
        });
        std::future::ready(stored).boxed()
    }

    fn create(&self, key: ObjectKey) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>>> {
        let writer = self.use_once(key).map(|()| {
            Box::new(MemoryWriter { objects: self.clone(), key, suspended: 0, bytes: Vec::new() })
                as Box<dyn ObjectWriter>
        });
        std::future::ready(writer).boxed()
    }

    fn resume(&self, key: ObjectKey, at: SuspendedObject) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>>> {
        let taken = self.state().unfinished.remove(&key);
        let writer = match taken {
            Some(bytes) if bytes.len() as u64 == at.length => {
                let objects = self.clone();
                Ok(Box::new(MemoryWriter { objects, key, suspended: bytes.len(), bytes })
                    as Box<dyn ObjectWriter>)
            }
            None if at.length == 0 => self.create_again(key),
            _ => Err(ObjectError::Busy(key)),
        };
        std::future::ready(writer).boxed()
    }

    fn abandon(&self, key: ObjectKey, _at: Option<SuspendedObject>) -> BoxFuture<'_, Result<()>> {
        self.delete(key)
    }

    /// Nothing: all writers of a key share its bytes.
    fn withdraw(
        &self,
        _key: ObjectKey,
        _from: SuspendedObject,
        _at: SuspendedObject,
    ) -> BoxFuture<'_, Result<()>> {
        std::future::ready(Ok(())).boxed()
    }
}

impl ProvideObjects for MemoryObjects {
    fn read(&self, key: ObjectKey, range: Range<u64>) -> BoxFuture<'_, Result<ByteStream>> {
        let found = self.state().complete.get(&key).cloned().ok_or(ObjectError::NotFound(key));
        let read = found.and_then(|bytes| {
            let wanted = usize::try_from(range.start).unwrap_or(usize::MAX)
                ..usize::try_from(range.end).unwrap_or(usize::MAX);
            if wanted.end > bytes.len() {
                return Err(ObjectError::Truncated { key, at: bytes.len() as u64 });
            }
            Ok(stream::iter([Ok(bytes.slice(wanted))]).boxed())
        });
        std::future::ready(read).boxed()
    }

    fn size(&self, key: ObjectKey) -> BoxFuture<'_, Result<Option<u64>>> {
        let size = self.state().complete.get(&key).map(|bytes| bytes.len() as u64);
        std::future::ready(Ok(size)).boxed()
    }

    fn presign(&self, _key: ObjectKey, _valid_for: Duration) -> BoxFuture<'_, Result<Option<String>>> {
        std::future::ready(Ok(None)).boxed()
    }
}

impl ManageObjects for MemoryObjects {
    fn delete(&self, key: ObjectKey) -> BoxFuture<'_, Result<()>> {
        let mut state = self.state();
        state.complete.remove(&key);
        state.unfinished.remove(&key);
        std::future::ready(Ok(())).boxed()
    }

    fn list(&self, kind: KeyKind) -> BoxStream<'_, Result<ListedObject>> {
        let state = self.state();
        let of_kind = state.complete.iter().filter(|(key, _)| key.kind() == kind);
        let listed: Vec<_> =
            of_kind.map(|(key, bytes)| Ok(ListedObject { key: *key, size: bytes.len() as u64 })).collect();
        stream::iter(listed).boxed()
    }

    fn mark(&self) -> BoxFuture<'_, Result<()>> {
        self.state().is_marked = true;
        std::future::ready(Ok(())).boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<()>> {
        let checked = if self.state().is_marked {
            Ok(())
        } else {
            Err(ObjectError::Unmarked { place: "memory".into() })
        };
        std::future::ready(checked).boxed()
    }
}
