use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use plimsoll_dockerfile::ignore::IgnoreFile;
use plimsoll_image::Kind;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::{Content, Entry, Files, components, join, last_name, parent};
use crate::BuildError;

/// Most names of one directory.
const NAMES_MAX: usize = 1_000_000;
/// Deepest directory in which something that is not ignored is looked for.
const DEPTH_MAX: usize = 256;

/// A directory on this machine, such as the context of a build.
///
/// Every directory is opened from the one above it, and never through a symbolic link: a link leads nowhere outside,
/// even if it is put there while the tree is read.
pub(crate) struct LocalTree {
    root: OwnedFd,
    path: PathBuf,
    ignore: IgnoreFile,
}

impl LocalTree {
    /// Opens the directory at `path`, without what `ignore` leaves out.
    pub(crate) fn open_root(path: &Path, ignore: IgnoreFile) -> Result<Self, BuildError> {
        // The user's own word for the root may be a link.
        let root = openat(CWD, path, DIRECTORY & !OFlags::NOFOLLOW, Mode::empty());
        let failed = |error: Errno| BuildError::Io {
            operation: "open the context",
            path: path.to_owned(),
            source: error.into(),
        };
        Ok(Self { root: root.map_err(failed)?, path: path.to_owned(), ignore })
    }

    /// Opens a file for reading.
    pub(crate) fn open(&self, path: &[u8]) -> io::Result<File> {
        let directory = self.directory(parent(path))?;
        let name = c_string(last_name(path))?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&directory, &*name, flags, Mode::empty())?;
        Ok(File::from(file))
    }

    fn directory(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let mut open = self.root.try_clone()?;
        for name in components(path) {
            open = openat(&open, &*c_string(name)?, DIRECTORY, Mode::empty())?;
        }
        Ok(open)
    }

    fn stat(&self, path: &[u8]) -> io::Result<Option<(Stat, Vec<u8>)>> {
        let directory = match self.directory(parent(path)) {
            Ok(directory) => directory,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let name = c_string(last_name(path))?;
        let stat = match statat(directory.as_fd(), &*name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let link = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => readlinkat(directory.as_fd(), &*name, Vec::new())?.into_bytes(),
            _ => Vec::new(),
        };
        Ok(Some((stat, link)))
    }

    fn list(&self, directory: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let open = self.directory(directory)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(&open)? {
            let entry = entry?;
            let name: &CStr = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                names.push(name.to_bytes().to_vec());
            }
            if names.len() > NAMES_MAX {
                return Err(io::Error::other(format!("it holds more than {NAMES_MAX} names")));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether the ignore file leaves the path out. A directory stays while something in it does.
    fn is_left_out(&self, path: &[u8], is_directory: bool, depth: usize) -> Result<bool, BuildError> {
        if !self.ignore.ignores(&String::from_utf8_lossy(path)) {
            return Ok(false);
        }
        if !is_directory || !self.ignore.has_exceptions() || depth > DEPTH_MAX {
            return Ok(true);
        }
        for name in self.list(path).map_err(|source| self.io("list", path, source))? {
            let inner = join(path, &name);
            let stat = self.stat(&inner).map_err(|source| self.io("look at", &inner, source))?;
            let is_directory = stat.is_some_and(|(stat, _)| is_directory_of(&stat));
            if !self.is_left_out(&inner, is_directory, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn io(&self, operation: &'static str, path: &[u8], source: io::Error) -> BuildError {
        BuildError::Io { operation, path: self.path.join(OsStr::from_bytes(path)), source }
    }
}

impl Files for LocalTree {
    fn name(&self) -> String {
        "the context".to_owned()
    }

    fn look(&self, path: &[u8]) -> Result<Option<Entry>, BuildError> {
        if path.is_empty() {
            return Ok(Some(Entry::directory()));
        }
        let found = self.stat(path).map_err(|source| self.io("look at", path, source))?;
        let Some((stat, link)) = found else { return Ok(None) };
        if self.is_left_out(path, is_directory_of(&stat), 0)? {
            return Ok(None);
        }
        let kind = kind_of(&stat).ok_or_else(|| {
            let shown = String::from_utf8_lossy(path).into_owned();
            BuildError::wrong(format!("`{shown}` in the context is a socket or a device"))
                .help("leave it out with .dockerignore")
        })?;
        let is_file = kind == Kind::File;
        Ok(Some(Entry {
            kind,
            mode: u16::try_from(stat.st_mode & 0o7777).unwrap_or_default(),
            // Who owns a file here says nothing about the image.
            uid: 0,
            gid: 0,
            size_bytes: if is_file { u64::try_from(stat.st_size).unwrap_or_default() } else { 0 },
            link,
            content: if is_file { Content::Local(path.to_vec()) } else { Content::None },
            identity: (is_file && stat.st_nlink > 1).then_some((stat.st_dev, stat.st_ino)),
        }))
    }

    fn names(&self, directory: &[u8]) -> Result<Vec<Vec<u8>>, BuildError> {
        self.list(directory).map_err(|source| self.io("list", directory, source))
    }
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn is_directory_of(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

fn kind_of(stat: &Stat) -> Option<Kind> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Some(Kind::Directory),
        FileType::RegularFile => Some(Kind::File),
        FileType::Symlink => Some(Kind::Symlink),
        FileType::Fifo => Some(Kind::Fifo),
        _ => None,
    }
}

fn is_absent(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [Errno::NOENT, Errno::NOTDIR, Errno::LOOP].iter().any(|known| code == Some(known.raw_os_error()))
}

fn c_string(name: &[u8]) -> io::Result<CString> {
    CString::new(name).map_err(|_| io::Error::other("a name holds a zero byte"))
}
