use std::path::Path;

use plimsoll_testkit::{Peer, find_peer, passed_over};
use tempfile::TempDir;

/// A small disk in memory. It is unmounted when this is dropped.
pub(crate) struct SmallDisk {
    directory: TempDir,
    umount: Peer,
}

impl SmallDisk {
    pub(crate) fn mount(bytes: usize) -> Option<Self> {
        let (mount, umount) = (find_peer("mount")?, find_peer("umount")?);
        let directory = tempfile::tempdir().unwrap();
        let size = format!("size={bytes}");
        let mounted = mount
            .command()
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(directory.path())
            .output()
            .unwrap();
        if !mounted.status.success() {
            passed_over("only root can mount a small disk");
            return None;
        }
        Some(Self { directory, umount })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn free_bytes(&self) -> u64 {
        let disk = rustix::fs::statvfs(self.path()).unwrap();
        disk.f_bavail * disk.f_frsize
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.umount.command().arg(self.path()).status();
    }
}
