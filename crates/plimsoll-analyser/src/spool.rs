use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use plimsoll_sbom::Spool;
use rustix::fs::{Mode, OFlags};

/// Files without names in one directory: they are gone with the process, whatever becomes of it.
pub(crate) struct UnnamedFiles {
    directory: OwnedFd,
}

impl UnnamedFiles {
    pub(crate) fn in_directory(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Self { directory: rustix::fs::open(path, flags, Mode::empty())? })
    }
}

impl Spool for UnnamedFiles {
    type File = File;

    fn open(&mut self) -> io::Result<File> {
        // `O_TMPFILE` is also how the sandbox tells this from opening what is there.
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, ".", flags, Mode::RUSR | Mode::WUSR)?;
        Ok(file.into())
    }
}
