//! Applies layers to a root file system, one entry at a time.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use plimsoll_image::{
    Found, Kind, LayerAlgorithms, LayerListing, LayerWalk, Limits, ListingBuilder, OwnedEntry,
};
use rustix::fs::{
    AtFlags, Dir, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, UTIME_OMIT, Uid, chownat, linkat,
    mkdirat, openat, openat2, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::{RootFs, UnpackError};

/// Deepest directory that is taken away; layers hold paths to a smaller depth.
const DEPTH_MAX: usize = 512;

impl RootFs {
    /// Applies one layer, and tells what it holds (image-spec, `layer.md`, "Applying Changesets").
    pub fn apply(
        &mut self,
        layer: impl io::Read,
        algorithms: LayerAlgorithms,
        limits: &Limits,
    ) -> Result<LayerListing, UnpackError> {
        let mut walk = LayerWalk::new(layer, algorithms, limits)?;
        let mut listing = ListingBuilder::new(limits);
        // Whiteouts hide what lower layers brought, wherever in the archive they stand.
        let mut own: HashSet<Vec<u8>> = HashSet::new();
        while let Some(found) = walk.next()? {
            listing.add(&found)?;
            match &found {
                Found::Entry(entry) => {
                    self.put(entry, &mut walk)?;
                    own.insert(entry.path.clone());
                }
                Found::Whiteout { path, is_opaque } => self.hide(path, *is_opaque, &own)?,
            }
        }
        Ok(listing.build(walk.finish()?))
    }

    /// Sets the modes of directories, once everything is in them.
    pub fn finish(&mut self) -> Result<(), UnpackError> {
        for (path, mode) in std::mem::take(&mut self.modes).into_iter().rev() {
            let set = || {
                let directory = self.directory_at(&path, OFlags::RDONLY)?;
                rustix::fs::fchmod(directory, Mode::from_raw_mode(mode.into()))
            };
            match set() {
                // A later layer took it away, or put something else there.
                Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => return Err(failed(&path, error)),
            }
        }
        Ok(())
    }

    pub(super) fn own_root(&mut self) -> io::Result<()> {
        let root = openat(&self.root, ".", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        if let Some(id) = self.isolation.on_disk(0) {
            rustix::fs::fchown(root, Some(Uid::from_raw(id)), Some(Gid::from_raw(id)))?;
        }
        Ok(())
    }

    fn put(&mut self, entry: &OwnedEntry, walk: &mut LayerWalk<'_>) -> Result<(), UnpackError> {
        let is_device = matches!(entry.kind, Kind::CharDevice | Kind::BlockDevice | Kind::Fifo);
        if is_device {
            self.notes.push(format!("`/{}` is a device or pipe, and is not made", text(&entry.path)));
            return Ok(());
        }
        if entry.is_sparse {
            return Err(UnpackError::Sparse(text(&entry.path)));
        }
        if entry.path.is_empty() {
            self.modes.push((Vec::new(), entry.mode));
            return Ok(());
        }
        let (parent, name) = self.parent_of(&entry.path).map_err(|error| failed(&entry.path, error))?;
        self.put_in(&parent, name, entry, walk)
            .map_err(|source| UnpackError::Write { path: text(&entry.path), source })
    }

    fn put_in(
        &mut self,
        parent: &OwnedFd,
        name: &OsStr,
        entry: &OwnedEntry,
        walk: &mut LayerWalk<'_>,
    ) -> io::Result<()> {
        if entry.kind == Kind::Directory {
            return self.put_directory(parent, name, entry);
        }
        clear(parent.as_fd(), name, 0)?;
        match entry.kind {
            Kind::File => self.put_file(parent, name, entry, walk),
            Kind::HardLink => {
                let (target, target_name) = self.parent_of(&entry.link)?;
                Ok(linkat(&target, target_name, parent, name, AtFlags::empty())?)
            }
            _ => {
                symlinkat(OsStr::from_bytes(&entry.link), parent, name)?;
                self.own(parent, name, entry)
            }
        }
    }

    fn put_directory(&mut self, parent: &OwnedFd, name: &OsStr, entry: &OwnedEntry) -> io::Result<()> {
        match mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
            Ok(()) => {}
            Err(Errno::EXIST) if is_directory(parent.as_fd(), name) => {}
            Err(Errno::EXIST) => {
                clear(parent.as_fd(), name, 0)?;
                mkdirat(parent, name, Mode::from_raw_mode(0o755))?;
            }
            Err(error) => return Err(error.into()),
        }
        self.own(parent, name, entry)?;
        self.modes.push((entry.path.clone(), entry.mode));
        Ok(())
    }

    fn put_file(
        &mut self,
        parent: &OwnedFd,
        name: &OsStr,
        entry: &OwnedEntry,
        walk: &mut LayerWalk<'_>,
    ) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(parent, name, flags, Mode::from_raw_mode(0o600))?);
        io::copy(&mut walk.content(), &mut file)?;
        self.own(parent, name, entry)?;
        // After the owner: a change of owner takes the bits away that make a program run as another.
        rustix::fs::fchmod(&file, Mode::from_raw_mode(entry.mode.into()))?;
        let modified =
            Timespec { tv_sec: i64::try_from(entry.modified_unix).unwrap_or_default(), tv_nsec: 0 };
        let times = Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            last_modification: modified,
        };
        Ok(utimensat(parent, name, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn own(&self, parent: &OwnedFd, name: &OsStr, entry: &OwnedEntry) -> io::Result<()> {
        let (Some(uid), Some(gid)) = (self.isolation.on_disk(entry.uid), self.isolation.on_disk(entry.gid))
        else {
            return Ok(());
        };
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        Ok(chownat(parent, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn hide(&mut self, path: &[u8], is_opaque: bool, own: &HashSet<Vec<u8>>) -> Result<(), UnpackError> {
        let hidden = || -> io::Result<()> {
            if is_opaque {
                let Ok(directory) = self.directory_at(path, OFlags::RDONLY) else { return Ok(()) };
                return empty(&directory, path, own, 0);
            }
            let Ok((parent, name)) = self.parent_at(path) else { return Ok(()) };
            take_away(&parent, name, path, own, 0)
        };
        hidden().map_err(|source| UnpackError::Write { path: text(path), source })
    }

    /// The directory that a path lies in, made where it is missing, and the path's name in it.
    fn parent_of<'p>(&self, path: &'p [u8]) -> rustix::io::Result<(OwnedFd, &'p OsStr)> {
        match self.parent_at(path) {
            Err(Errno::NOENT) => {
                self.make_directories(plain_parent(path))?;
                self.parent_at(path)
            }
            found => found,
        }
    }

    fn parent_at<'p>(&self, path: &'p [u8]) -> rustix::io::Result<(OwnedFd, &'p OsStr)> {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        Ok((self.directory_at(plain_parent(path), OFlags::PATH)?, OsStr::from_bytes(name)))
    }

    fn make_directories(&self, path: &[u8]) -> rustix::io::Result<()> {
        let mut end = 0;
        while end < path.len() {
            let next = path.get(end + 1..).and_then(|rest| rest.iter().position(|byte| *byte == b'/'));
            end = next.map_or(path.len(), |at| end + 1 + at);
            let so_far = path.get(..end).unwrap_or_default();
            if self.directory_at(so_far, OFlags::PATH).is_ok() {
                continue;
            }
            let (parent, name) = self.parent_at(so_far)?;
            mkdirat(&parent, name, Mode::from_raw_mode(0o755))?;
            if let Some(id) = self.isolation.on_disk(0) {
                let (uid, gid) = (Some(Uid::from_raw(id)), Some(Gid::from_raw(id)));
                chownat(&parent, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
            }
        }
        Ok(())
    }

    /// Opens a directory, links followed as if this were the root.
    fn directory_at(&self, path: &[u8], access: OFlags) -> rustix::io::Result<OwnedFd> {
        let path = if path.is_empty() { b"." } else { path };
        let flags = access | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        openat2(&self.root, OsStr::from_bytes(path), flags, Mode::empty(), resolve)
    }
}

/// Takes away whatever stands at a name.
fn clear(parent: BorrowedFd<'_>, name: &OsStr, depth: usize) -> io::Result<()> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR | Errno::PERM) if is_directory(parent, name) => {
            let directory = enter(parent, name)?;
            empty(&directory, b"", &HashSet::new(), depth + 1)?;
            Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes away what stands at a path, but what the same layer put there.
fn take_away(
    parent: &OwnedFd,
    name: &OsStr,
    path: &[u8],
    own: &HashSet<Vec<u8>>,
    depth: usize,
) -> io::Result<()> {
    if !is_directory(parent.as_fd(), name) {
        return if own.contains(path) { Ok(()) } else { clear(parent.as_fd(), name, depth) };
    }
    let directory = enter(parent.as_fd(), name)?;
    empty(&directory, path, own, depth + 1)?;
    match unlinkat(parent, name, AtFlags::REMOVEDIR) {
        // Something of this layer is in it.
        Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn empty(directory: &OwnedFd, path: &[u8], own: &HashSet<Vec<u8>>, depth: usize) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Err(io::Error::other("directories lie too deep in each other"));
    }
    let names: Vec<_> = Dir::read_from(directory)?
        .map(|entry| entry.map(|entry| entry.file_name().to_owned()))
        .collect::<Result<_, _>>()?;
    for name in names.iter().filter(|name| !matches!(name.to_bytes(), b"." | b"..")) {
        let inner = [path, if path.is_empty() { b"" } else { b"/" }, name.to_bytes()].concat();
        take_away(directory, OsStr::from_bytes(name.to_bytes()), &inner, own, depth)?;
    }
    Ok(())
}

fn enter(parent: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

fn is_directory(parent: BorrowedFd<'_>, name: &OsStr) -> bool {
    rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir())
}

fn plain_parent(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    path.get(..end).unwrap_or_default()
}

fn failed(path: &[u8], error: Errno) -> UnpackError {
    UnpackError::Write { path: text(path), source: error.into() }
}

fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use plimsoll_slim::closure::Contents as _;

    use super::*;
    use crate::Isolation;

    fn archive(members: &[(u8, &str, &str, u32)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (flag, path, text, mode) in members {
            let mut header = [0_u8; 512];
            let is_file = *flag == b'0';
            let size = if is_file { text.len() } else { 0 };
            header[..path.len()].copy_from_slice(path.as_bytes());
            header[100..108].copy_from_slice(format!("{mode:07o}\0").as_bytes());
            header[108..124].copy_from_slice(b"0000000\x000000000\0");
            header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
            header[136..148].copy_from_slice(b"00000001750\0");
            header[156] = *flag;
            if !is_file {
                header[157..157 + text.len()].copy_from_slice(text.as_bytes());
            }
            header[257..265].copy_from_slice(b"ustar\x0000");
            header[148..156].fill(b' ');
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            bytes.extend_from_slice(&header);
            if is_file {
                bytes.extend_from_slice(text.as_bytes());
                bytes.resize(bytes.len().next_multiple_of(512), 0);
            }
        }
        bytes.resize(bytes.len() + 1024, 0);
        bytes
    }

    /// Unpacks layers, and returns the directory with its root file system.
    fn unpack(layers: &[&[(u8, &str, &str, u32)]]) -> (tempfile::TempDir, Result<RootFs, UnpackError>) {
        let place = tempfile::tempdir().unwrap();
        let unpacked = (|| {
            let mut rootfs = RootFs::create(&place.path().join("root"), Isolation::of_process())?;
            for layer in layers {
                let bytes = Cursor::new(archive(layer));
                rootfs.apply(bytes, LayerAlgorithms::default(), &Limits::default())?;
            }
            rootfs.finish()?;
            Ok(rootfs)
        })();
        (place, unpacked)
    }

    fn read(place: &tempfile::TempDir, path: &str) -> Option<String> {
        std::fs::read_to_string(place.path().join("root").join(path)).ok()
    }

    #[test]
    fn what_leads_outside_stays_inside() {
        let outside = tempfile::tempdir().unwrap();
        let target = outside.path().display().to_string();
        let (place, unpacked) = unpack(&[&[
            (b'2', "out", &target, 0o777),
            (b'0', "out/evil", "evil", 0o644),
            (b'2', "up", "../../../../../../tmp", 0o777),
            (b'0', "up/evil", "evil", 0o644),
            (b'5', "tmp", "", 0o755),
        ]]);
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
        assert!(!std::path::Path::new("/tmp/evil").exists());
        // The links lead to directories that the image does not have.
        let _ = (place, unpacked);
    }

    #[test]
    fn a_link_to_a_directory_of_the_image_is_followed_within_it() {
        let (place, unpacked) = unpack(&[
            &[(b'5', "usr", "", 0o755), (b'5', "usr/lib", "", 0o755), (b'2', "lib", "/usr/lib", 0o777)],
            &[(b'0', "lib/x", "x", 0o640)],
        ]);
        unpacked.unwrap();
        assert_eq!(read(&place, "usr/lib/x").as_deref(), Some("x"));
    }

    #[test]
    fn whiteouts_hide_lower_layers_and_nothing_of_their_own() {
        let (place, unpacked) = unpack(&[
            &[(b'0', "d/old", "old", 0o644), (b'0', "gone", "gone", 0o644), (b'0', "e/kept", "kept", 0o644)],
            &[
                (b'0', "d/new", "new", 0o644),
                (b'0', "d/.wh..wh..opq", "", 0o644),
                (b'0', ".wh.gone", "", 0o644),
            ],
        ]);
        unpacked.unwrap();
        assert_eq!(read(&place, "d/old"), None);
        assert_eq!(read(&place, "d/new").as_deref(), Some("new"));
        assert_eq!(read(&place, "gone"), None);
        assert_eq!(read(&place, "e/kept").as_deref(), Some("kept"));
    }

    #[test]
    fn a_file_takes_the_place_of_a_directory_and_back() {
        let (place, unpacked) = unpack(&[
            &[(b'0', "a/b/c", "c", 0o644), (b'0', "f", "f", 0o644)],
            &[(b'0', "a", "file", 0o644), (b'5', "f", "", 0o755), (b'0', "f/g", "g", 0o644)],
        ]);
        unpacked.unwrap();
        assert_eq!(read(&place, "a").as_deref(), Some("file"));
        assert_eq!(read(&place, "f/g").as_deref(), Some("g"));
    }

    #[test]
    fn modes_and_times_are_those_of_the_image() {
        let (_place, unpacked) = unpack(&[&[
            (b'0', "bin/su", "su", 0o4755),
            (b'5', "closed", "", 0o555),
            (b'0', "closed/x", "x", 0o400),
        ]]);
        let mut rootfs = unpacked.unwrap();
        assert_eq!(rootfs.modified_unix(b"bin/su").unwrap(), 1000);
        let mut text = String::new();
        io::Read::read_to_string(
            &mut plimsoll_slim::closure::Contents::open(&mut rootfs, b"closed/x").unwrap(),
            &mut text,
        )
        .unwrap();
        assert_eq!(text, "x");
    }
}
