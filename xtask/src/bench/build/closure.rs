//! The static closure of a Debian system with Node.js, of some 260 MB.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use plimsoll_image::Kind;
use plimsoll_sbom::Content;
use plimsoll_slim::Cause;
use plimsoll_slim::closure::{Closure, Contents, Ownership, Seed, Setting};
use plimsoll_slim::file_system::{FileNode, FileSystem};

use super::options::Options;
use crate::bench::child::run;

/// Follows the program `node`, and tells the medians.
pub(super) fn measure(options: &Options) -> anyhow::Result<String> {
    let directory = tempfile::tempdir()?;
    let root = directory.path().join("root");
    let mut bootstrap = Command::new("mmdebstrap");
    bootstrap.args(["--quiet", "--variant=minbase", "--include=nodejs,tzdata,ca-certificates", "bookworm"]);
    run(bootstrap.arg(&root)).context("making a Debian system by mmdebstrap")?;
    let mut nodes = Vec::new();
    walk(&root, Path::new(""), &mut nodes)?;
    let system = FileSystem::of_nodes(nodes.into_iter());
    let before: u64 = system.nodes().map(|(_, node)| node.size_bytes).sum();
    let (mut times, mut after) = (Vec::new(), 0);
    for _ in 0..options.rounds.max(1) {
        let (time, kept) = close(&system, &root)?;
        times.push(time);
        after = kept;
    }
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let megabytes = |bytes: u64| bytes / 1_000_000;
    Ok(format!(
        "| static closure of Node.js on Debian | s |\n| --- | --: |\n| {} MB, of which {} MB stay | {:.2} |\n",
        megabytes(before),
        megabytes(after),
        median.as_secs_f64()
    ))
}

/// Reads the packages' lists and follows everything, and tells how long that took and what is kept.
fn close(system: &FileSystem, root: &Path) -> anyhow::Result<(Duration, u64)> {
    let start = Instant::now();
    let mut contents = OnDisk(root.to_owned());
    let ownership = Ownership::read(system, &mut contents);
    let setting =
        Setting { environment: BTreeMap::new(), directory: "/".to_owned(), copied_layers: Vec::new() };
    let mut closure = Closure::new(system, &mut contents, &ownership, &setting);
    closure.add_seeds(&[Seed { cause: Cause::Entrypoint, words: vec!["node".to_owned()] }]);
    let kept = closure.finish();
    let time = start.elapsed();
    let bytes: u64 = kept.files.keys().map(|id| system.node(*id).size_bytes).sum();
    ensure!(bytes > 1_000_000, "the closure is empty");
    Ok((time, bytes))
}

fn walk(root: &Path, path: &Path, nodes: &mut Vec<FileNode>) -> anyhow::Result<()> {
    let metadata = fs::symlink_metadata(root.join(path))?;
    let kind = match metadata.file_type() {
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_symlink() => Kind::Symlink,
        kind if kind.is_file() => Kind::File,
        _ => return Ok(()),
    };
    let link = if kind == Kind::Symlink { fs::read_link(root.join(path))? } else { PathBuf::new() };
    nodes.push(FileNode {
        path: path.as_os_str().as_bytes().to_vec(),
        kind,
        size_bytes: if kind == Kind::File { metadata.len() } else { 0 },
        mode: u16::try_from(metadata.mode() & 0o7777)?,
        uid: metadata.uid(),
        gid: metadata.gid(),
        link: link.as_os_str().as_bytes().to_vec(),
        layer: 0,
    });
    if kind == Kind::Directory {
        let mut names = fs::read_dir(root.join(path))?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<Vec<_>, _>>()?;
        names.sort();
        for name in names {
            walk(root, &path.join(name), nodes)?;
        }
    }
    Ok(())
}

struct OnDisk(PathBuf);

impl Contents for OnDisk {
    fn open(&mut self, path: &[u8]) -> io::Result<Box<dyn Content + '_>> {
        Ok(Box::new(File::open(self.0.join(std::ffi::OsStr::from_bytes(path)))?))
    }

    fn modified_unix(&mut self, _path: &[u8]) -> io::Result<u64> {
        Ok(0)
    }
}
