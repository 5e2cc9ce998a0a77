//! Which files a distribution owns.

use super::distribution::InfoPlace;
use crate::reader::{Candidate, File, ReadFault, Reader, relative};
use crate::{Facts, Note, Owned, OwnedFiles};

/// Files of one distribution; the largest have some ten thousand.
const FILES_MAX: usize = 100_000;

pub(in crate::reader) const READER: Reader =
    Reader { name: "python-files", wants, bytes_max: 16 << 20, read };

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
    let mut lines = text.lines().map(first_field).filter(|path| !path.is_empty());
    let paths: Vec<String> =
        lines.by_ref().take(FILES_MAX).filter_map(|path| relative::joined(base, &path)).collect();
    let mut facts = Facts::default();
    facts.owned.push(OwnedFiles { package: place.normal_name(), files: Owned::Paths(paths) });
    if lines.next().is_some() {
        facts.notes.push(Note::new(format!("it names more than {FILES_MAX} files; the rest is left out")));
    }
    Ok(facts)
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
