//! Packages of programming languages, installed by the tools whose they are, against what the tools themselves say.
//!
//! Everything is built on the spot and installed without a network.

mod composer;
mod gem;
mod jar;
mod npm;
mod pip;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use plimsoll_sbom::{Candidate, Component, Facts, File, Kinship, Owned, READERS};

/// Puts every file of a tree before all readers, as the analyser does. Links are not followed.
fn read_tree(root: &Path) -> Vec<Facts> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                directories.push(entry.path());
            } else if kind.is_file() {
                found.extend(read_file(root, &entry.path()));
            }
        }
    }
    found
}

fn read_file(root: &Path, place: &Path) -> Vec<Facts> {
    let Some(path) = place.strip_prefix(root).unwrap().to_str() else { return Vec::new() };
    let mut file = fs::File::open(place).unwrap();
    let size_bytes = file.metadata().unwrap().len();
    let mut head = Vec::new();
    (&mut file).take(Candidate::HEAD_BYTES as u64).read_to_end(&mut head).unwrap();
    let name = path.rsplit('/').next().unwrap();
    let candidate = Candidate { path, name, head: &head, size_bytes, mode: 0o644 };
    let mut said = Vec::new();
    for reader in READERS.iter().filter(|reader| (reader.wants)(&candidate)) {
        assert!(size_bytes <= reader.bytes_max, "{path} is too large for {}", reader.name);
        let facts = (reader.read)(&mut File { path, size_bytes, content: &mut file })
            .unwrap_or_else(|fault| panic!("{} of {path}: {fault}", reader.name));
        said.push(facts);
    }
    said
}

/// The components of one kinship.
fn components(read: &[Facts], kinship: Kinship) -> impl Iterator<Item = &Component> {
    read.iter().flat_map(|read| &read.components).filter(move |component| component.kinship == kinship)
}

/// `name version` of the components of one kinship, sorted.
fn names(read: &[Facts], kinship: Kinship) -> Vec<String> {
    let line = |component: &Component| format!("{} {}", component.full_name(), component.version);
    let mut names: Vec<String> = components(read, kinship).map(line).collect();
    names.sort();
    names
}

/// Which package owns a file.
fn owner<'a>(read: &'a [Facts], path: &str) -> Option<&'a str> {
    let holds = |files: &Owned| match files {
        Owned::Paths(paths) => paths.iter().any(|other| other == path),
        Owned::Beneath(directory) => path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/')),
    };
    let owned = read.iter().flat_map(|read| &read.owned);
    owned.filter(|owned| holds(&owned.files)).map(|owned| owned.package.as_str()).next()
}

fn write(place: impl AsRef<Path>, text: &str) {
    fs::create_dir_all(place.as_ref().parent().unwrap()).unwrap();
    fs::write(place, text).unwrap();
}

/// A program that a test made.
#[expect(clippy::disallowed_methods, reason = "a program that a test made is on no path")]
fn program_at(place: &Path) -> Command {
    Command::new(place)
}

/// What a program writes, which must be content. It finds its settings nowhere but in an empty home.
fn output(command: &mut Command, home: &Path) -> String {
    command.env("HOME", home).env("LC_ALL", "C.UTF-8");
    let output = command.output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}

fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

/// A directory of the test's own, with no link in its path.
fn scratch() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    (directory, path)
}
