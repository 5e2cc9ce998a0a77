//! Which files a distribution owns.

use super::distribution::InfoPlace;
use crate::reader::{Candidate, File, ReadFault, Reader, relative};
use crate::{Facts, Note, Owned, OwnedFiles};

/// Paths of one distribution's files, in bytes: the largest have some twenty thousand files.
const PATHS_BYTES_MAX: usize = 8 << 20;
/// What a path takes beside its text.
const PATH_BYTES: usize = 40;

pub(in crate::reader) const READER: Reader = Reader { name: "python-files", wants, bytes_max: 8 << 20, read };

fn wants(file: &Candidate<'_>) -> bool {
    matches!(file.name, "RECORD" | "installed-files.txt") && InfoPlace::of_member(file.path).is_some()
}

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let text = file.text()?;
    let Some(place) = InfoPlace::of_member(file.path) else { return Ok(Facts::default()) };
    let Some((info, name)) = file.path.rsplit_once('/') else { return Ok(Facts::default()) };
    // RECORD counts from the directory that holds the metadata's, the other file from the metadata's own.
    let base = match name {
        "RECORD" => info.rsplit_once('/').map_or("", |(site_packages, _)| site_packages),
        _ => info,
    };
    let written = text.lines().map(first_field).filter(|path| !path.is_empty());
    let mut paths = written.filter_map(|path| relative::joined(base, &path));
    let mut facts = Facts::default();
    let kept = bounded(&mut paths);
    facts.owned.push(OwnedFiles { package: place.normal_name(), files: Owned::Paths(kept) });
    if paths.next().is_some() {
        let limit = PATHS_BYTES_MAX >> 20;
        facts
            .notes
            .push(Note::new(format!("its files' paths take more than {limit} MiB; the rest is left out")));
    }
    Ok(facts)
}

/// As many paths as may be kept.
fn bounded(paths: &mut impl Iterator<Item = String>) -> Vec<String> {
    let mut bytes_left = PATHS_BYTES_MAX;
    let mut kept = Vec::new();
    for path in paths {
        let Some(left) = bytes_left.checked_sub(path.len() + PATH_BYTES) else { break };
        bytes_left = left;
        kept.push(path);
    }
    kept
}

/// The first field of a line of comma-separated values: what stands in quotes may hold commas, and doubled quotes.
fn first_field(line: &str) -> String {
    let Some(quoted) = line.strip_prefix('"') else {
        return line.split(',').next().unwrap_or_default().to_owned();
    };
    let mut field = String::new();
    let mut characters = quoted.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '"' && characters.next_if_eq(&'"').is_none() {
            break;
        }
        field.push(character);
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_field_may_hold_commas() {
        assert_eq!(first_field("a/b.py,sha256=x,12"), "a/b.py");
        assert_eq!(first_field("\"a,\"\"b\"\".py\",,"), "a,\"b\".py");
        assert_eq!(first_field("\"open"), "open");
    }
}
