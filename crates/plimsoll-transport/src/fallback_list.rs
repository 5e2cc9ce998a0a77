//! The list of referrers under a `sha256-<hex>` tag, where a registry keeps none itself (distribution-spec, "Referrers
//! Tag Schema").

use std::collections::HashSet;

use bytes::Bytes;
use plimsoll_oci::{Digest, Manifest, MediaType};
use serde_json::{Value, json};

use crate::{RawManifest, TransportError};

/// A list, and whether there is something else in its place.
pub(crate) struct FallbackList {
    document: Value,
    media_type: MediaType,
    listed: HashSet<String>,
    /// Some tools leave an image manifest under the tag: it lists nothing, and is replaced by the next that writes.
    pub(crate) is_poisoned: bool,
}

impl FallbackList {
    /// The list that `raw` is; an empty one where there is none, or something else.
    pub(crate) fn read(raw: Option<&RawManifest>) -> Result<Self, TransportError> {
        let Some(raw) = raw else { return Ok(Self::empty(false)) };
        match raw.parse() {
            Ok(Manifest::Index(index)) => Ok(Self {
                document: serde_json::from_slice(&raw.bytes).expect("it was parsed before"),
                media_type: raw.media_type.clone(),
                listed: index.manifests.iter().map(|entry| entry.digest.to_string()).collect(),
                is_poisoned: false,
            }),
            Ok(Manifest::Image(_)) => Ok(Self::empty(true)),
            Err(error) => Err(error),
        }
    }

    fn empty(is_poisoned: bool) -> Self {
        let document = json!({ "schemaVersion": 2, "mediaType": MediaType::IMAGE_INDEX, "manifests": [] });
        Self { document, media_type: MediaType::IMAGE_INDEX, listed: HashSet::new(), is_poisoned }
    }

    /// The entries as they stand there. What they say of themselves may be wrong: cosign writes the type of the empty
    /// config for that of the artifact, and leaves the annotations out. So nothing may be chosen by it.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Value> {
        self.document["manifests"].as_array().into_iter().flatten()
    }

    /// The list with the entries that it lacks, at its end; nothing when it lacks none. What else it holds stays.
    pub(crate) fn with<'v>(mut self, entries: impl IntoIterator<Item = &'v Value>) -> Option<RawManifest> {
        let mut is_new = |entry: &&Value| {
            let digest = entry["digest"].as_str();
            digest.is_some_and(|digest| self.listed.insert(digest.to_owned()))
        };
        let missing: Vec<Value> = entries.into_iter().filter(&mut is_new).cloned().collect();
        if missing.is_empty() {
            return None;
        }
        match &mut self.document["manifests"] {
            Value::Array(entries) => entries.extend(missing),
            none => *none = Value::Array(missing),
        }
        let bytes = Bytes::from(self.document.to_string());
        Some(RawManifest { digest: Digest::sha256_of(&bytes), media_type: self.media_type, bytes })
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_oci::Descriptor;

    use super::*;

    fn entry(content: &[u8]) -> Value {
        serde_json::to_value(Descriptor::of(MediaType::IMAGE_MANIFEST, content)).unwrap()
    }

    fn list(contents: &[&[u8]]) -> RawManifest {
        let entries: Vec<Value> = contents.iter().map(|content| entry(content)).collect();
        FallbackList::read(None).unwrap().with(&entries).unwrap()
    }

    #[test]
    fn an_entry_is_added_once_and_others_stay() {
        let (first, added) = (list(&[b"a"]), entry(b"b"));
        let second = FallbackList::read(Some(&first)).unwrap().with([&added]).unwrap();
        assert_eq!(second.bytes, list(&[b"a", b"b"]).bytes);
        assert!(FallbackList::read(Some(&second)).unwrap().with([&added]).is_none());
    }

    #[test]
    fn an_image_in_its_place_is_replaced() {
        let bytes = Bytes::from(format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"{}","digest":"{}","size":2}},"layers":[]}}"#,
            MediaType::IMAGE_CONFIG,
            Digest::sha256_of(b"{}")
        ));
        let digest = Digest::sha256_of(&bytes);
        let image = RawManifest { bytes, digest, media_type: MediaType::IMAGE_MANIFEST };
        let poisoned = FallbackList::read(Some(&image)).unwrap();
        assert!(poisoned.is_poisoned && poisoned.entries().next().is_none());
        assert_eq!(poisoned.with([&entry(b"a")]).unwrap().bytes, list(&[b"a"]).bytes);
    }
}
