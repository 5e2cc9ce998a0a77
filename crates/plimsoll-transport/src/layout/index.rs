//! `index.json`: the images that a layout offers by itself.

use std::fs::File;
use std::path::{Path, PathBuf};

use plimsoll_oci::{Descriptor, Digest, MANIFEST_BYTES_MAX, Manifest, MediaType, Reference, Tag};
use serde_json::{Value, json};

use super::files::{Directory, LayoutFiles};
use crate::replace_file::replace_file;
use crate::{Target, TransportError};

/// The annotation with an image's tag or name (image-spec, `annotations.md`).
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The annotation in which containerd and Docker keep the whole name, beside the tag in [`REF_NAME`].
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// The mode of a layout's files, before the umask.
const FILE_MODE: u32 = 0o666;

/// The entries of `index.json`.
pub(crate) fn read_entries(files: &dyn LayoutFiles) -> Result<Vec<Descriptor>, TransportError> {
    let bytes = files.open("index.json")?.read_all(MANIFEST_BYTES_MAX)?;
    let place = || format!("{}/index.json", files.place());
    match Manifest::parse(&bytes, Some(&MediaType::IMAGE_INDEX)) {
        Ok((Manifest::Index(index), _)) => Ok(index.manifests),
        Ok((Manifest::Image(_), _)) => Err(TransportError::damaged(place(), "it is not an image index")),
        Err(error) => Err(TransportError::damaged(place(), error.to_string())),
    }
}

/// Whether the entry is the image that `target` names.
pub(crate) fn entry_matches(entry: &Descriptor, target: &Target) -> bool {
    match target {
        Target::Sole => true,
        Target::Digest(digest) => entry.digest == *digest,
        Target::Tag(tag) => ref_name(entry) == Some(tag.as_str()),
        Target::Reference(reference) => names_of(entry).any(|name| same_reference(name, reference)),
    }
}

/// The name under which the entry can be asked for.
pub(crate) fn display_name(entry: &Descriptor) -> Option<&str> {
    ref_name(entry).or_else(|| names_of(entry).next())
}

/// The entry's tag, when its name is one.
pub(crate) fn tag_of(entry: &Descriptor) -> Option<Tag> {
    ref_name(entry)?.parse().ok()
}

fn ref_name(entry: &Descriptor) -> Option<&str> {
    entry.annotations.get(REF_NAME).map(String::as_str)
}

fn names_of(entry: &Descriptor) -> impl Iterator<Item = &str> {
    [CONTAINERD_NAME, REF_NAME].into_iter().filter_map(|key| entry.annotations.get(key).map(String::as_str))
}

/// Whether `name` and `wanted` are the same image once both are written out.
pub(crate) fn same_reference(name: &str, wanted: &Reference) -> bool {
    name.parse::<Reference>().is_ok_and(|named| {
        named.registry == wanted.registry
            && named.repository == wanted.repository
            && named.target() == wanted.target()
    })
}

/// Adds an entry to the `index.json` of a directory, or moves a tag to it. It blocks.
///
/// The directory is locked from reading to replacing, so that no entry of another writer is lost. What this program
/// does not know in the file stays as it is.
pub(crate) fn add_entry(
    directory: &Path,
    descriptor: &Descriptor,
    tag: Option<&Tag>,
) -> Result<(), TransportError> {
    let lock = File::open(directory).map_err(TransportError::io("open", directory))?;
    lock.lock().map_err(TransportError::io("lock", directory))?;
    let path = directory.join("index.json");
    let mut document = read_document(directory, &path)?;
    let entries = entries_of(&mut document, &path)?;
    if place_entry(entries, descriptor, tag) {
        let bytes = serde_json::to_vec(&document).expect("JSON values serialise");
        replace_file(&path, &bytes, FILE_MODE)?;
    }
    Ok(())
}

/// Writes `oci-layout` and an empty `index.json` where they are missing. It blocks.
pub(crate) fn initialise(directory: &Path) -> Result<(), TransportError> {
    std::fs::create_dir_all(directory).map_err(TransportError::io("create", directory))?;
    let lock = File::open(directory).map_err(TransportError::io("open", directory))?;
    lock.lock().map_err(TransportError::io("lock", directory))?;
    let write_if_missing = |name: &str, content: &Value| {
        let path = directory.join(name);
        if path.exists() { Ok(()) } else { replace_file(&path, content.to_string().as_bytes(), FILE_MODE) }
    };
    write_if_missing("oci-layout", &json!({ "imageLayoutVersion": "1.0.0" }))?;
    write_if_missing("index.json", &empty_index())
}

fn empty_index() -> Value {
    json!({ "schemaVersion": 2, "mediaType": MediaType::IMAGE_INDEX, "manifests": [] })
}

fn read_document(directory: &Path, path: &Path) -> Result<Value, TransportError> {
    match Directory(PathBuf::from(directory)).open("index.json") {
        Ok(region) => serde_json::from_slice(&region.read_all(MANIFEST_BYTES_MAX)?)
            .map_err(|error| TransportError::damaged(path.display().to_string(), error.to_string())),
        Err(error) if error.is_not_found() => Ok(empty_index()),
        Err(error) => Err(error),
    }
}

fn entries_of<'a>(document: &'a mut Value, path: &Path) -> Result<&'a mut Vec<Value>, TransportError> {
    let no_object = || TransportError::damaged(path.display().to_string(), "it is not an image index");
    let entries =
        document.as_object_mut().ok_or_else(no_object)?.entry("manifests").or_insert_with(|| json!([]));
    if entries.is_null() {
        *entries = json!([]);
    }
    entries.as_array_mut().ok_or_else(no_object)
}

/// Puts the entry in; the value tells whether anything changed.
fn place_entry(entries: &mut Vec<Value>, descriptor: &Descriptor, tag: Option<&Tag>) -> bool {
    let name_of = |entry: &Value| entry["annotations"][REF_NAME].as_str().map(str::to_owned);
    let is_same = |entry: &Value| {
        let has_digest = entry["digest"].as_str() == Some(&descriptor.digest.to_string());
        has_digest && tag.is_none_or(|tag| name_of(entry).as_deref() == Some(tag.as_str()))
    };
    if entries.iter().any(is_same) {
        return false;
    }
    let mut entry = descriptor.clone();
    if let Some(tag) = tag {
        let is_superseded = |other: &Value| {
            name_of(other).as_deref() == Some(tag.as_str()) || is_untagged(other, &descriptor.digest)
        };
        entries.retain(|other| !is_superseded(other));
        entry.annotations.insert(REF_NAME.to_owned(), tag.to_string());
    }
    entries.push(serde_json::to_value(entry).expect("descriptors serialise"));
    true
}

fn is_untagged(entry: &Value, digest: &Digest) -> bool {
    entry["digest"].as_str() == Some(&digest.to_string()) && entry["annotations"][REF_NAME].is_null()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(content: &[u8]) -> Descriptor {
        Descriptor::of(MediaType::IMAGE_MANIFEST, content)
    }

    fn tag(text: &str) -> Tag {
        text.parse().unwrap()
    }

    fn entries(directory: &Path) -> Vec<(Digest, Option<String>)> {
        let entries = read_entries(&Directory(directory.to_owned())).unwrap();
        entries.iter().map(|entry| (entry.digest, ref_name(entry).map(str::to_owned))).collect()
    }

    #[test]
    fn a_tag_moves_and_other_entries_stay() {
        let directory = tempfile::tempdir().unwrap();
        initialise(directory.path()).unwrap();
        add_entry(directory.path(), &descriptor(b"a"), Some(&tag("1"))).unwrap();
        add_entry(directory.path(), &descriptor(b"b"), Some(&tag("2"))).unwrap();
        add_entry(directory.path(), &descriptor(b"c"), Some(&tag("1"))).unwrap();
        add_entry(directory.path(), &descriptor(b"d"), None).unwrap();
        add_entry(directory.path(), &descriptor(b"d"), None).unwrap();
        let digest = |content: &[u8]| Digest::sha256_of(content);
        let expected = vec![
            (digest(b"b"), Some("2".to_owned())),
            (digest(b"c"), Some("1".to_owned())),
            (digest(b"d"), None),
        ];
        assert_eq!(entries(directory.path()), expected);
    }

    #[test]
    fn many_writers_lose_no_entry() {
        let directory = tempfile::tempdir().unwrap();
        initialise(directory.path()).unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4_u8 {
                let path = directory.path();
                scope.spawn(move || {
                    for number in 0..10_u8 {
                        let name = tag(&format!("{writer}-{number}"));
                        add_entry(path, &descriptor(&[writer, number]), Some(&name)).unwrap();
                    }
                });
            }
        });
        assert_eq!(entries(directory.path()).len(), 40);
    }

    #[test]
    fn unknown_properties_of_the_index_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index.json");
        std::fs::write(&path, r#"{"schemaVersion":2,"manifests":null,"annotations":{"a":"b"}}"#).unwrap();
        add_entry(directory.path(), &descriptor(b"a"), None).unwrap();
        let document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(document["annotations"]["a"], "b");
        assert_eq!(document["manifests"].as_array().unwrap().len(), 1);
    }
}
