use std::fs::{File, TryLockError};
use std::ops::{Deref, DerefMut};

use super::super::{ObjectError, ObjectKey, Result};

/// A file that no other writer gets, until this value goes or the process dies.
///
/// The lock belongs to what is open, and not to this process (flock(2)): a child that another thread starts has it too,
/// from its fork until its exec closes the file. So it is given back by name, and not by closing alone.
#[derive(Debug)]
pub(in super::super) struct LockedFile(File);

impl LockedFile {
    pub(super) fn lock(file: File, key: ObjectKey) -> Result<Self> {
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(ObjectError::Busy(key)),
            Err(TryLockError::Error(error)) => Err(ObjectError::io("lock", key)(error)),
        }
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Where that fails, closing the file gives it back too.
        let _ = self.0.unlock();
    }
}

impl Deref for LockedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl DerefMut for LockedFile {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::KeyKind;

    #[test]
    fn what_a_child_still_has_open_keeps_nobody_out() {
        let directory = tempfile::tempdir().unwrap();
        let (path, key) = (directory.path().join("object"), ObjectKey::fresh(KeyKind::Blob));
        let open = || File::options().create(true).append(true).open(&path).unwrap();
        let locked = LockedFile::lock(open(), key).unwrap();
        assert!(matches!(LockedFile::lock(open(), key), Err(ObjectError::Busy(_))));
        let of_child = locked.try_clone().unwrap();
        drop(locked);
        LockedFile::lock(open(), key).unwrap();
        drop(of_child);
    }
}
