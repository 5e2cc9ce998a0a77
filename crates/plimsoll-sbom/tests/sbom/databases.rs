//! Databases of operating-system packages, made by the tools whose they are, against what the tools themselves say.

mod damaged;
mod dpkg;
mod rpm;

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use plimsoll_sbom::{Candidate, Facts, File, Owned, READERS, ReadFault};

/// Puts a file before all readers, as the analyser does, and returns what the one that wants it says.
fn read(path: &str, bytes: &[u8]) -> Result<Facts, ReadFault> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let head = &bytes[..bytes.len().min(Candidate::HEAD_BYTES)];
    let candidate = Candidate { path, name, head, size_bytes: bytes.len() as u64, mode: 0o644 };
    let reader = READERS.iter().find(|reader| (reader.wants)(&candidate)).expect("somebody wants it");
    let mut content = Cursor::new(bytes);
    (reader.read)(&mut File { path, size_bytes: bytes.len() as u64, content: &mut content })
}

fn read_file(path: &str, place: impl AsRef<Path>) -> Facts {
    read(path, &std::fs::read(place).unwrap()).unwrap()
}

/// What a program writes, which must be content.
fn output(command: &mut Command) -> Vec<u8> {
    let output = command.env("LC_ALL", "C.UTF-8").output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The lines that a program writes, sorted.
fn lines(command: &mut Command) -> Vec<String> {
    let text = String::from_utf8(output(command)).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// `package path` for all files that are owned, sorted.
fn owned(facts: &Facts) -> Vec<String> {
    let mut all = Vec::new();
    for owned in &facts.owned {
        let Owned::Paths(paths) = &owned.files else { panic!("{owned:?}") };
        all.extend(paths.iter().map(|path| format!("{} /{path}", owned.package)));
    }
    all.sort();
    all
}
