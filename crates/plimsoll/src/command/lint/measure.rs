use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_dockerfile::ignore::IgnoreFile;
use plimsoll_dockerfile::lint::Context;

use crate::advisories::{cannot, read_bounded};
use crate::failure::Failure;

/// Largest ignore file that is read.
const IGNORE_BYTES_MAX: u64 = 1 << 20;
/// Most files that are looked at; a directory with more is measured up to here.
const FILES_MAX: u64 = 500_000;
/// Entries at the top that are told of.
const LARGEST: usize = 10;

/// Measures what a build sends of a directory.
pub(in crate::command) fn measure(directory: &Path, dockerfile: &Path) -> Result<Context, Failure> {
    let ignore = ignore_file(directory, dockerfile)?.map(|(_, ignore)| ignore);
    let mut context = Context { ignore, ..Context::default() };
    let mut by_entry: BTreeMap<String, u64> = BTreeMap::new();
    let mut open = vec![(directory.to_owned(), String::new())];
    while let Some((path, relative)) = open.pop() {
        // What cannot be read cannot be sent either.
        let Ok(entries) = fs::read_dir(&path) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let relative = if relative.is_empty() { name } else { format!("{relative}/{name}") };
            let Ok(metadata) = entry.path().symlink_metadata() else { continue };
            let is_ignored = context.ignore.as_ref().is_some_and(|ignore| ignore.ignores(&relative));
            if metadata.is_dir() {
                let may_hold = context.ignore.as_ref().is_some_and(IgnoreFile::has_exceptions);
                if !is_ignored || may_hold {
                    open.push((entry.path(), relative));
                }
            } else if !is_ignored && context.files < FILES_MAX {
                context.files += 1;
                context.bytes += metadata.len();
                let top = relative.split('/').next().unwrap_or_default().to_owned();
                *by_entry.entry(top).or_default() += metadata.len();
            }
        }
    }
    context.largest = by_entry.into_iter().collect();
    context.largest.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    context.largest.truncate(LARGEST);
    Ok(context)
}

/// The ignore file of the Dockerfile itself, else that of the directory; with its path.
pub(in crate::command) fn ignore_file(
    directory: &Path,
    dockerfile: &Path,
) -> Result<Option<(PathBuf, IgnoreFile)>, Failure> {
    let mut own = dockerfile.as_os_str().to_owned();
    own.push(".dockerignore");
    let found = [PathBuf::from(own), directory.join(".dockerignore")].into_iter().find(|path| path.is_file());
    let Some(path) = found else { return Ok(None) };
    let bytes = read_bounded(&path, IGNORE_BYTES_MAX).map_err(|error| cannot("read", &path, &error))?;
    let what = || Failure::not_evaluated(format!("cannot understand `{}`", path.display()));
    let ignore = IgnoreFile::parse(&bytes).map_err(|error| what().because(&error))?;
    Ok(Some((path, ignore)))
}
