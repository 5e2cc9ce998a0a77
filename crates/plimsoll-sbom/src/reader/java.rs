//! Java archives: jars, what is shaded into them, and the jars within wars, ears and executable jars.
//!
//! Maven leaves `pom.properties` in what it builds, which names group, artifact and version. Without it the manifest
//! and the file's name are asked, and a group is only claimed where one of them says it.

use super::{Candidate, File, ReadFault, Reader};
use crate::Facts;

mod artifact;
mod file_name;
mod groups;
mod identity;
mod manifest;
mod place;
mod properties;
mod search;

/// Extensions that only Java archives have.
const SURE_EXTENSIONS: &[&str] = &["jar", "war", "ear"];
/// Extensions that other files have too: Jenkins and Hudson plug-ins, and archives of application servers.
const OTHER_EXTENSIONS: &[&str] = &["jpi", "hpi", "par", "sar", "kar", "nar", "lpkg"];

pub(super) const READER: Reader = Reader {
    name: "java-archive",
    wants,
    // Only the directory and a few members are read, wherever they lie.
    bytes_max: 4 << 30,
    read,
};

fn wants(file: &Candidate<'_>) -> bool {
    let is_zip = file.head.starts_with(b"PK");
    file.size_bytes > 0 && (has_extension(file.name, SURE_EXTENSIONS) || is_zip && is_archive_name(file.name))
}

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    search::search(file.path, file.content)
}

/// Whether a member of an archive is an archive, by its name.
fn is_archive_name(name: &str) -> bool {
    has_extension(name, SURE_EXTENSIONS) || has_extension(name, OTHER_EXTENSIONS)
}

fn has_extension(name: &str, extensions: &[&str]) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| extensions.iter().any(|other| extension.eq_ignore_ascii_case(other)))
}

#[cfg(test)]
mod tests;
