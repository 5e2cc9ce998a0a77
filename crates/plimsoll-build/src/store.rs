//! Where builds keep what they fetched and made: an OCI image layout, with a list of the layers that were made.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use plimsoll_oci::{Descriptor, DiffId, Digest, MediaType};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use serde_json::json;
use tempfile::NamedTempFile;

use crate::BuildError;
use crate::layer::Compression;

/// Bytes that are kept from build to build.
pub const STORE_BYTES_MAX: u64 = 20 << 30;
/// What directories begin with that go with their build.
const WORK_PREFIX: &str = "work-";
/// What files begin with that have no name yet.
const SCRATCH_PREFIX: &str = "scratch-";
/// Longest note about a layer.
const NOTE_BYTES_MAX: usize = 4096;

/// The directory in which builds keep their blobs. Several builds may use it at once.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    /// Held as long as something here is in use.
    lock: File,
}

impl Store {
    /// Opens the store in a directory that is an OCI image layout already.
    pub(crate) fn open(directory: &Path) -> Result<Self, BuildError> {
        let failed =
            |operation| move |source| BuildError::Io { operation, path: directory.to_owned(), source };
        for inner in ["blobs/sha256", "layers"] {
            std::fs::create_dir_all(directory.join(inner)).map_err(failed("create"))?;
        }
        let lock =
            File::options().create(true).truncate(false).write(true).read(true).open(directory.join("lock"));
        let lock = lock.map_err(failed("open"))?;
        lock.lock_shared().map_err(failed("lock"))?;
        Ok(Self { directory: directory.to_owned(), lock })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A file without a name, which goes when it is closed.
    pub(crate) fn nameless_file(&self) -> Result<File, BuildError> {
        tempfile::tempfile_in(&self.directory).map_err(|source| self.io("create a file in", source))
    }

    /// A file whose name nobody knows yet.
    pub(crate) fn scratch_file(&self) -> Result<NamedTempFile, BuildError> {
        let scratch = tempfile::Builder::new().prefix(SCRATCH_PREFIX).tempfile_in(&self.directory);
        scratch.map_err(|source| self.io("create a file in", source))
    }

    /// A directory that goes when it is no longer used.
    pub(crate) fn scratch_directory(&self) -> Result<tempfile::TempDir, BuildError> {
        tempfile::Builder::new()
            .prefix(WORK_PREFIX)
            .tempdir_in(&self.directory)
            .map_err(|source| self.io("create a directory in", source))
    }

    /// Opens a blob.
    pub(crate) fn open_blob(&self, digest: &Digest) -> Result<File, BuildError> {
        let path = self.blob_path(digest);
        File::open(&path).map_err(|source| BuildError::Io { operation: "open", path, source })
    }

    /// Reads a blob that is small.
    pub(crate) fn read_blob(&self, descriptor: &Descriptor, bytes_max: usize) -> Result<Vec<u8>, BuildError> {
        let length = usize::try_from(descriptor.size).ok().filter(|length| *length <= bytes_max);
        let length = length.ok_or_else(|| {
            BuildError::wrong(format!(
                "`{}` has {} bytes, over the limit of {bytes_max}",
                descriptor.digest, descriptor.size
            ))
        })?;
        let mut bytes = vec![0; length];
        let file = self.open_blob(&descriptor.digest)?;
        file.read_exact_at(&mut bytes, 0).map_err(|source| self.io("read a blob of", source))?;
        Ok(bytes)
    }

    /// Keeps bytes as a blob.
    pub(crate) fn put_blob(&self, media_type: MediaType, bytes: &[u8]) -> Result<Descriptor, BuildError> {
        let descriptor = Descriptor::of(media_type, bytes);
        let mut file = self.scratch_file()?;
        file.write_all(bytes).map_err(|source| self.io("write to", source))?;
        self.persist(file, &self.blob_path(&descriptor.digest))?;
        Ok(descriptor)
    }

    /// The layer with this content, if it was made before and is there still.
    pub(crate) fn known_layer(&self, diff_id: &DiffId, compression: Compression) -> Option<Descriptor> {
        let note = std::fs::read(self.note_path(diff_id, compression)).ok()?;
        let descriptor: Descriptor =
            serde_json::from_slice(note.get(..note.len().min(NOTE_BYTES_MAX))?).ok()?;
        let path = self.blob_path(&descriptor.digest);
        let is_whole = std::fs::metadata(&path).is_ok_and(|blob| blob.len() == descriptor.size);
        if is_whole {
            touch(&path);
        }
        is_whole.then_some(descriptor)
    }

    /// Keeps a layer that was made.
    pub(crate) fn keep_layer(
        &self,
        file: NamedTempFile,
        descriptor: &Descriptor,
        diff_id: &DiffId,
        compression: Compression,
    ) -> Result<(), BuildError> {
        self.persist(file, &self.blob_path(&descriptor.digest))?;
        let mut note = self.scratch_file()?;
        let text = serde_json::to_vec(descriptor).map_err(io::Error::other);
        let written = text.and_then(|text| note.write_all(&text));
        written.map_err(|source| self.io("write to", source))?;
        self.persist(note, &self.note_path(diff_id, compression))
    }

    /// Takes over the blobs in a directory of the same file system, named by their hashes. They are checked when they are
    /// read.
    pub(crate) fn adopt(&self, blobs: &Path) -> Result<(), BuildError> {
        let failed = |source| self.io("take blobs over into", source);
        for entry in std::fs::read_dir(blobs).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let target = self.directory.join("blobs/sha256").join(entry.file_name());
            std::fs::rename(entry.path(), target).map_err(failed)?;
        }
        Ok(())
    }

    /// Takes away what was not used for longest, until what is left is not more than `bytes_max`. While others build,
    /// nothing goes.
    pub(crate) fn prune(self, bytes_max: u64) -> io::Result<()> {
        self.lock.unlock()?;
        if self.lock.try_lock().is_err() {
            return Ok(());
        }
        self.remove_left_over()?;
        let mut blobs = Vec::new();
        for entry in std::fs::read_dir(self.directory.join("blobs/sha256"))? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            blobs.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        blobs.sort();
        let mut total: u64 = blobs.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in blobs {
            if total <= bytes_max {
                break;
            }
            std::fs::remove_file(path)?;
            total -= bytes;
        }
        Ok(())
    }

    /// Takes away what builds left that were killed.
    fn remove_left_over(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(WORK_PREFIX) {
                std::fs::remove_dir_all(entry.path())?;
            } else if name.starts_with(SCRATCH_PREFIX) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn persist(&self, file: NamedTempFile, path: &Path) -> Result<(), BuildError> {
        file.persist(path).map(drop).map_err(|error| BuildError::Io {
            operation: "write",
            path: path.to_owned(),
            source: error.error,
        })
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.directory.join("blobs").join(digest.algorithm().name()).join(digest.encoded())
    }

    fn note_path(&self, diff_id: &DiffId, compression: Compression) -> PathBuf {
        self.directory.join("layers").join(format!("{}-{}", diff_id.0.encoded(), compression.word()))
    }

    fn io(&self, operation: &'static str, source: io::Error) -> BuildError {
        BuildError::Io { operation, path: self.directory.clone(), source }
    }
}

/// Makes a layout of one image, whose blobs stay where they are.
pub(crate) fn make_layout(layout: &Path, manifest: &Descriptor, store: &Store) -> Result<(), BuildError> {
    let failed = |source| BuildError::Io { operation: "create", path: layout.to_owned(), source };
    std::fs::create_dir_all(layout).map_err(failed)?;
    let blobs = std::path::absolute(store.directory()).map_err(failed)?.join("blobs");
    let linked = std::os::unix::fs::symlink(blobs, layout.join("blobs"));
    linked
        .or_else(|error| if error.kind() == std::io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
        .map_err(failed)?;
    let index = json!({ "schemaVersion": 2, "mediaType": MediaType::IMAGE_INDEX, "manifests": [manifest] });
    let marker = json!({ "imageLayoutVersion": "1.0.0" });
    std::fs::write(layout.join("oci-layout"), marker.to_string()).map_err(failed)?;
    std::fs::write(layout.join("index.json"), index.to_string()).map_err(failed)
}

/// Notes that a blob was used. A blob that cannot be noted is only taken away earlier.
fn touch(path: &Path) {
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
    };
    if let Err(error) = rustix::fs::utimensat(CWD, path, &times, AtFlags::empty()) {
        tracing::debug!(path = %path.display(), %error, "cannot note that a blob was used");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first_and_leftovers_go() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let mut paths = Vec::new();
        for (age, content) in [(300, vec![1; 1000]), (100, vec![2; 1000]), (200, vec![3; 1000])] {
            let blob = store.put_blob(MediaType::LAYER, &content).unwrap();
            let path = store.blob_path(&blob.digest);
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 - age);
            File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
            paths.push(path);
        }
        std::fs::create_dir_all(directory.path().join("work-killed/blobs")).unwrap();
        std::fs::write(directory.path().join("scratch-killed"), "").unwrap();
        let other = Store::open(directory.path()).unwrap();
        store.prune(1500).unwrap();
        assert!(paths.iter().all(|path| path.exists()), "while another builds, nothing goes");
        other.prune(1500).unwrap();
        let left: Vec<bool> = paths.iter().map(|path| path.exists()).collect();
        assert_eq!(left, [false, true, false]);
        assert!(
            !directory.path().join("work-killed").exists()
                && !directory.path().join("scratch-killed").exists()
        );
    }
}
