//! An image's files on disk, unpacked where nothing of them can lead outside.

mod unpack;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use plimsoll_image::ReadLayerError;
use plimsoll_sbom::Content;
use plimsoll_slim::closure::Contents;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2};

use crate::isolation::Isolation;

/// A root file system on disk.
///
/// Its files are reached from the descriptor of its root alone, and the kernel keeps every path beneath it
/// (`openat2(2)`): a link that points to the machine's files leads to the image's.
#[derive(Debug)]
pub struct RootFs {
    directory: PathBuf,
    root: OwnedFd,
    isolation: Isolation,
    /// What was left out, for a person to read.
    pub notes: Vec<String>,
    /// Directories whose modes are set when all is there, since some forbid writing.
    modes: Vec<(Vec<u8>, u16)>,
}

/// Why an image could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// A layer is not what it should be.
    #[error("cannot read a layer")]
    Layer(#[from] ReadLayerError),
    /// A file of it could not be written.
    #[error("cannot unpack `/{path}`")]
    Write {
        /// The path in the image.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file with holes that the archive leaves out.
    #[error("`/{0}` is a sparse file of the archive, which is not unpacked")]
    Sparse(String),
    /// The directory itself.
    #[error("cannot open the directory `{path}`")]
    Root {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl RootFs {
    /// Begins an empty file system in a new directory.
    pub fn create(directory: &Path, isolation: Isolation) -> Result<Self, UnpackError> {
        let failed = |source| UnpackError::Root { path: directory.to_owned(), source };
        mkdirat(CWD, directory, Mode::from_raw_mode(0o755)).map_err(|error| failed(error.into()))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, directory, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
        let mut rootfs =
            Self { directory: directory.to_owned(), root, isolation, notes: Vec::new(), modes: Vec::new() };
        rootfs.own_root().map_err(failed)?;
        Ok(rootfs)
    }

    /// Where it lies.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Opens a regular file by its path in normal form. No link is followed.
    fn file(&self, path: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let file = openat2(self.root.as_fd(), OsStr::from_bytes(path), flags, Mode::empty(), resolve)?;
        Ok(File::from(file))
    }
}

impl Contents for RootFs {
    fn open(&mut self, path: &[u8]) -> io::Result<Box<dyn Content + '_>> {
        Ok(Box::new(self.file(path)?))
    }

    fn modified_unix(&mut self, path: &[u8]) -> io::Result<u64> {
        Ok(u64::try_from(self.file(path)?.metadata()?.mtime()).unwrap_or_default())
    }
}
