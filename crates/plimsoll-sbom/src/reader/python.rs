//! Python distributions as installers leave them: `*.dist-info` (PEP 376, PEP 627), `*.egg-info` and eggs.
//!
//! `METADATA` and `PKG-INFO` name the distribution, `RECORD` and `installed-files.txt` its files.

use std::io::{Read as _, SeekFrom};

use super::{Candidate, File, ReadFault, Reader};
use crate::reader::zip::{Allowance, Archive};
use crate::{Facts, Kinship};

mod distribution;
mod headers;
mod lock;
mod owned;

pub(super) use lock::{PIPFILE, POETRY, REQUIREMENTS};
pub(super) use owned::READER as FILES_READER;

use distribution::InfoPlace;

/// Headers stand before the description, which is often a whole README.
const HEADER_BYTES_MAX: u64 = 256 * 1024;
/// An egg's directory.
const EGG_MEMBERS_MAX: u64 = 100_000;

pub(super) const READER: Reader =
    Reader { name: "python-metadata", wants: wants_metadata, bytes_max: 16 << 20, read: read_metadata };

pub(super) const EGG_READER: Reader =
    Reader { name: "python-egg", wants: wants_egg, bytes_max: 1 << 30, read: read_egg };

fn wants_metadata(file: &Candidate<'_>) -> bool {
    match file.name {
        "METADATA" | "PKG-INFO" => InfoPlace::of_member(file.path).is_some(),
        name => name.ends_with(".egg-info"),
    }
}

fn read_metadata(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let place = InfoPlace::of_member(file.path).unwrap_or_else(|| InfoPlace::of_whole(file.path));
    file.content.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    (&mut *file.content).take(HEADER_BYTES_MAX).read_to_end(&mut bytes)?;
    facts(&place, &bytes)
}

fn wants_egg(file: &Candidate<'_>) -> bool {
    file.name.ends_with(".egg") && file.head.starts_with(b"PK")
}

/// An egg is a zip with its metadata in a directory of its own.
fn read_egg(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let mut archive = Archive::open(file.content)?;
    let mut allowance = Allowance { members: EGG_MEMBERS_MAX, name_bytes: 1024 };
    let selection = archive.select(&mut allowance, |path| path == "EGG-INFO/PKG-INFO")?;
    let [member, ..] = selection.members.as_slice() else {
        return Err(ReadFault::malformed("it holds no `EGG-INFO/PKG-INFO`"));
    };
    let bytes = archive.read(member, HEADER_BYTES_MAX)?;
    facts(&InfoPlace::of_whole(file.path), &bytes)
}

fn facts(place: &InfoPlace<'_>, bytes: &[u8]) -> Result<Facts, ReadFault> {
    let text = String::from_utf8_lossy(bytes);
    let mut component = distribution::component(place, &headers::Headers::parse(&text))
        .ok_or_else(|| ReadFault::malformed("it names no distribution and no version"))?;
    if is_vendored(place.path) {
        component.kinship = Kinship::Embedded;
    }
    Ok(Facts::of_components(vec![component]))
}

/// Whether the distribution was copied into another, as setuptools and pip do.
fn is_vendored(path: &str) -> bool {
    path.split('/').any(|directory| matches!(directory, "_vendor" | "_vendored" | "vendored"))
}

#[cfg(test)]
mod tests;
