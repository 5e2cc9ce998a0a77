use std::collections::HashMap;
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, major, minor, openat, readlinkat, statat};
use tar::{Builder, EntryType, Header};

use crate::TransportError;

/// Deepest directory that is entered: one directory is held open per level.
const DEPTH_MAX: usize = 256;

/// Most files of one tree.
const ENTRIES_MAX: u64 = 10_000_000;

/// Writes a directory tree as a tar.
///
/// Directories are opened one by one from their parent and never through a link, so that a link, even one put there
/// while the tree is read, leads nowhere outside it. Names are sorted and owners are numbers, so that equal trees give equal tars.
/// Sockets are left out: they mean nothing in an image.
pub(crate) struct TreeWriter<'a, W: Write> {
    tar: &'a mut Builder<W>,
    root: &'a Path,
    entries: u64,
    /// The first path of each file that has several.
    first_paths: HashMap<(u64, u64), PathBuf>,
}

impl<'a, W: Write> TreeWriter<'a, W> {
    pub(crate) fn new(tar: &'a mut Builder<W>, root: &'a Path) -> Self {
        Self { tar, root, entries: 0, first_paths: HashMap::new() }
    }

    /// Writes everything below the root. The root's own mode and owner are the first entry.
    pub(crate) fn write(mut self) -> Result<(), TransportError> {
        // The user's own word for the root may be a link; everything below may not.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, self.root, flags, Mode::empty())
            .map_err(|error| self.io("open", Path::new(""), error))?;
        let stat = rustix::fs::fstat(&root).map_err(|error| self.io("look at", Path::new(""), error))?;
        self.append(EntryType::Directory, Path::new("./"), &stat)?;
        self.write_directory(&root, Path::new(""), 0)
    }

    fn write_directory(
        &mut self,
        directory: &OwnedFd,
        path: &Path,
        depth: usize,
    ) -> Result<(), TransportError> {
        if depth > DEPTH_MAX {
            let what = format!("the depth of `{}`", self.root.join(path).display());
            return Err(TransportError::limit(what, format!("{DEPTH_MAX} directories")));
        }
        for name in self.sorted_names(directory, path)? {
            let path = path.join(OsStr::from_bytes(name.to_bytes()));
            let stat = statat(directory, &*name, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|error| self.io("look at", &path, error))?;
            self.write_entry(directory, &name, &path, &stat, depth)?;
        }
        Ok(())
    }

    fn sorted_names(
        &self,
        directory: &OwnedFd,
        path: &Path,
    ) -> Result<Vec<std::ffi::CString>, TransportError> {
        let mut names = Vec::new();
        for entry in Dir::read_from(directory).map_err(|error| self.io("list", path, error))? {
            let entry = entry.map_err(|error| self.io("list", path, error))?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                names.push(entry.file_name().to_owned());
            }
            if names.len() as u64 > ENTRIES_MAX {
                return Err(self.too_many_entries());
            }
        }
        names.sort();
        Ok(names)
    }

    fn write_entry(
        &mut self,
        directory: &OwnedFd,
        name: &CStr,
        path: &Path,
        stat: &Stat,
        depth: usize,
    ) -> Result<(), TransportError> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return Err(self.too_many_entries());
        }
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                self.append(EntryType::Directory, &path.join(""), stat)?;
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let inner = openat(directory, name, flags, Mode::empty())
                    .map_err(|error| self.io("open", path, error))?;
                self.write_directory(&inner, path, depth + 1)
            }
            FileType::RegularFile => self.write_file(directory, name, path, stat),
            FileType::Symlink => {
                let target = readlinkat(directory, name, Vec::new())
                    .map_err(|error| self.io("read the link", path, error))?;
                self.append_link(
                    EntryType::Symlink,
                    path,
                    Path::new(OsStr::from_bytes(target.to_bytes())),
                    stat,
                )
            }
            FileType::CharacterDevice => self.append(EntryType::Char, path, stat),
            FileType::BlockDevice => self.append(EntryType::Block, path, stat),
            FileType::Fifo => self.append(EntryType::Fifo, path, stat),
            _ => {
                tracing::debug!(path = %path.display(), "left out a socket");
                Ok(())
            }
        }
    }

    fn write_file(
        &mut self,
        directory: &OwnedFd,
        name: &CStr,
        path: &Path,
        stat: &Stat,
    ) -> Result<(), TransportError> {
        if stat.st_nlink > 1 {
            let inode = (stat.st_dev, stat.st_ino);
            if let Some(first) = self.first_paths.get(&inode).cloned() {
                return self.append_link(EntryType::Link, path, &first, stat);
            }
            self.first_paths.insert(inode, path.to_owned());
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened =
            openat(directory, name, flags, Mode::empty()).map_err(|error| self.io("open", path, error))?;
        let mut content = ExactReader { file: File::from(opened), left: size_of_file(stat) };
        let mut header = header_of(EntryType::Regular, stat);
        header.set_size(content.left);
        let appended = self.tar.append_data(&mut header, path, &mut content);
        appended.map_err(TransportError::io("read", &self.root.join(path)))
    }

    fn append(&mut self, kind: EntryType, path: &Path, stat: &Stat) -> Result<(), TransportError> {
        let mut header = header_of(kind, stat);
        if matches!(kind, EntryType::Char | EntryType::Block) {
            let numbers = header
                .set_device_major(major(stat.st_rdev))
                .and_then(|()| header.set_device_minor(minor(stat.st_rdev)));
            numbers.map_err(TransportError::io("describe", &self.root.join(path)))?;
        }
        let appended = self.tar.append_data(&mut header, path, std::io::empty());
        appended.map_err(TransportError::io("write", &self.root.join(path)))
    }

    fn append_link(
        &mut self,
        kind: EntryType,
        path: &Path,
        target: &Path,
        stat: &Stat,
    ) -> Result<(), TransportError> {
        let mut header = header_of(kind, stat);
        let appended = self.tar.append_link(&mut header, path, target);
        appended.map_err(TransportError::io("write", &self.root.join(path)))
    }

    fn io(&self, operation: &'static str, path: &Path, error: rustix::io::Errno) -> TransportError {
        TransportError::io(operation, &self.root.join(path))(error.into())
    }

    fn too_many_entries(&self) -> TransportError {
        let what = format!("the number of files in `{}`", self.root.display());
        TransportError::limit(what, ENTRIES_MAX.to_string())
    }
}

fn header_of(kind: EntryType, stat: &Stat) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode & 0o7777);
    header.set_uid(stat.st_uid.into());
    header.set_gid(stat.st_gid.into());
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or_default());
    header.set_size(0);
    header
}

fn size_of_file(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

/// Reads as many bytes as the header announced: a file that grew meanwhile is cut, one that shrank is an error.
struct ExactReader {
    file: File,
    left: u64,
}

impl std::io::Read for ExactReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read(&mut buffer[..wanted])?;
        if read == 0 && wanted > 0 {
            return Err(std::io::Error::other("the file became shorter while it was read"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}
