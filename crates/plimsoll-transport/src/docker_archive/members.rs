use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::sync::Arc;

use tar::{Archive, Entry, EntryType};

use crate::TransportError;
use crate::file_stream::Region;
use crate::layout::LayoutFiles;

/// Most members that are noted of one archive.
const MEMBERS_MAX: usize = 100_000;

/// Most bytes of a long name or of a member's extended attributes.
const EXTENSION_BYTES_MAX: u64 = 1024 * 1024;

/// Longest chain of links between members.
const LINKS_MAX: usize = 16;

/// Where each member of a tar stands in the file.
pub(crate) struct Members {
    archive: Region,
    place: String,
    by_path: HashMap<String, Member>,
}

enum Member {
    File {
        offset: u64,
        length: u64,
    },
    /// The path of another member: old versions of Docker link to a layer that several images share.
    Link(String),
}

impl Members {
    /// Reads all headers of the tar. It blocks.
    pub(crate) fn list(archive: Region, place: String) -> Result<Self, TransportError> {
        let mut members = Self { archive, place, by_path: HashMap::new() };
        let file = Arc::clone(&members.archive.file);
        check_extension_sizes(&file, &members.place)?;
        let mut tar = Archive::new(rewound(&file, &members.place)?);
        let damaged = |error: std::io::Error| TransportError::damaged(&members.place, error.to_string());
        for entry in tar.entries_with_seek().map_err(damaged)? {
            let entry = entry.map_err(damaged)?;
            if members.by_path.len() >= MEMBERS_MAX {
                let what = format!("the number of files in {}", members.place);
                return Err(TransportError::limit(what, MEMBERS_MAX.to_string()));
            }
            if let Some((path, member)) = note(&entry) {
                members.by_path.insert(path, member);
            }
        }
        Ok(members)
    }

    pub(crate) fn contains(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    fn find(&self, path: &str) -> Option<(u64, u64)> {
        let mut path = path;
        for _ in 0..LINKS_MAX {
            match self.by_path.get(path)? {
                Member::File { offset, length } => return Some((*offset, *length)),
                Member::Link(target) => path = target,
            }
        }
        None
    }
}

/// Refuses a tar whose long names would fill the memory: the reader below takes them in whole.
fn check_extension_sizes(file: &File, place: &str) -> Result<(), TransportError> {
    let damaged = |error: std::io::Error| TransportError::damaged(place, error.to_string());
    let mut tar = Archive::new(rewound(file, place)?);
    for entry in tar.entries_with_seek().map_err(damaged)?.raw(true) {
        let entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        let is_extension = kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions();
        if is_extension && entry.size() > EXTENSION_BYTES_MAX {
            let what = format!("a name in {place}");
            return Err(TransportError::limit(what, format!("{EXTENSION_BYTES_MAX} bytes")));
        }
    }
    Ok(())
}

fn rewound<'a>(mut file: &'a File, place: &str) -> Result<&'a File, TransportError> {
    file.seek(SeekFrom::Start(0)).map_err(|error| TransportError::damaged(place, error.to_string()))?;
    Ok(file)
}

fn note<R: std::io::Read>(entry: &Entry<'_, R>) -> Option<(String, Member)> {
    let path = resolve("", std::str::from_utf8(&entry.path_bytes()).ok()?)?;
    let link_name = || Some(String::from_utf8_lossy(&entry.link_name_bytes()?).into_owned());
    let member = match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => {
            Member::File { offset: entry.raw_file_position(), length: entry.size() }
        }
        EntryType::Symlink => {
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            Member::Link(resolve(directory, &link_name()?)?)
        }
        EntryType::Link => Member::Link(resolve("", &link_name()?)?),
        _ => return None,
    };
    Some((path, member))
}

/// The path without `.` and `..`, or nothing when it leaves the archive.
fn resolve(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

impl LayoutFiles for Members {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn open(&self, path: &str) -> Result<Region, TransportError> {
        let wanted = resolve("", path).unwrap_or_default();
        let not_there = || TransportError::not_found(format!("file `{path}`"), &self.place);
        let (offset, length) = self.find(&wanted).ok_or_else(not_there)?;
        let is_inside = offset.checked_add(length).is_some_and(|end| end <= self.archive.length);
        if !is_inside {
            return Err(TransportError::damaged(&self.place, format!("`{path}` is cut off")));
        }
        Ok(Region { offset, length, ..self.archive.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_resolved_inside_the_archive_only() {
        assert_eq!(resolve("a/b", "../c/layer.tar").as_deref(), Some("a/c/layer.tar"));
        assert_eq!(resolve("", "./x/./y").as_deref(), Some("x/y"));
        assert_eq!(resolve("a", "../../etc/passwd"), None);
    }
}
