//! What a program expects of the system around its files: processes, devices, and memory to write to.

use std::fs::File;
use std::io;
use std::path::Path;

use nix::mount::{MsFlags, mount};

/// Devices that every container has (runtime-spec, `config-linux.md`, "Default Devices").
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

/// Links that every container has.
const LINKS: &[(&str, &str)] = &[
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Memory that a container may fill with files.
const MEMORY: &str = "mode=1777,size=67108864";

/// Mounts them where the image expects them. Nothing runs in the image yet, so a directory stays one while it is used.
pub(super) fn mount_beneath(root: &Path) -> io::Result<()> {
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount_new(&directory(root, "proc")?, "proc", quiet, None)?;
    // Where the machine hides parts of its own `/sys` a container may have none at all; few programs look there.
    let _ = mount_new(&directory(root, "sys")?, "sysfs", quiet | MsFlags::MS_RDONLY, None);
    let devices = directory(root, "dev")?;
    mount_new(&devices, "tmpfs", MsFlags::MS_NOSUID, Some("mode=755,size=65536"))?;
    for name in DEVICES {
        let place = devices.join(name);
        File::create_new(&place)?;
        let none: Option<&str> = None;
        mount(Some(&Path::new("/dev").join(name)), &place, none, MsFlags::MS_BIND, none)?;
    }
    for (name, target) in LINKS {
        std::os::unix::fs::symlink(target, devices.join(name))?;
    }
    let terminals = directory(&devices, "pts")?;
    mount_new(
        &terminals,
        "devpts",
        MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
        Some("newinstance,ptmxmode=0666"),
    )?;
    mount_new(&directory(&devices, "shm")?, "tmpfs", quiet, Some(MEMORY))?;
    Ok(())
}

/// A directory of the image, put in the place of whatever else stands there: a link would lead out of the image.
fn directory(root: &Path, name: &str) -> io::Result<std::path::PathBuf> {
    let path = root.join(name);
    match std::fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_dir() => return Ok(path),
        Ok(_) => std::fs::remove_file(&path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    std::fs::create_dir(&path)?;
    Ok(path)
}

fn mount_new(place: &Path, kind: &str, flags: MsFlags, options: Option<&str>) -> io::Result<()> {
    mount(Some(kind), place, Some(kind), flags, options)
        .map_err(|error| io::Error::other(format!("{kind} at `{}`: {error}", place.display())))
}
