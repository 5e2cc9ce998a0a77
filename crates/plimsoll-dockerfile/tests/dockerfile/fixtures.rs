//! The Dockerfiles of `tests/fixtures`, and any others that `PLIMSOLL_DOCKERFILES` names a directory of.

use std::path::{Path, PathBuf};

/// Every fixture, with its name.
pub(crate) fn fixtures() -> Vec<(String, Vec<u8>)> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    files(&own)
}

/// Dockerfiles by others, where somebody has some.
#[expect(clippy::disallowed_methods, reason = "no checkout has them; who has, says where")]
pub(crate) fn of_others() -> Vec<(String, Vec<u8>)> {
    let Some(directory) = std::env::var_os("PLIMSOLL_DOCKERFILES").map(PathBuf::from) else {
        plimsoll_peers::left_out("PLIMSOLL_DOCKERFILES names no directory of Dockerfiles");
        return Vec::new();
    };
    files(&directory)
}

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_none_or(|extension| extension != "sh" && extension != "txt") {
                found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}
