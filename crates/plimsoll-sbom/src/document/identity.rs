//! Names that follow from content: of a document, and of each component in it.

use std::collections::{HashMap, HashSet};
use std::io;

use plimsoll_oci::{Algorithm, Digest, Hasher};
use serde::Serialize;

use super::Document;
use crate::Purl;

/// A URN for a document, drawn from its content: a UUID of version 8 (RFC 9562, section 5.8).
pub(super) fn urn(content: &impl Serialize) -> io::Result<String> {
    let mut sink = HashSink(Hasher::new(Algorithm::Sha256));
    serde_json::to_writer(&mut sink, content)?;
    let digest = sink.0.finish();
    let mut uuid = [0; 16];
    for (byte, hash) in uuid.iter_mut().zip(digest.hash()) {
        *byte = *hash;
    }
    uuid[6] = uuid[6] & 0x0F | 0x80;
    uuid[8] = uuid[8] & 0x3F | 0x80;
    let hex: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    let (time, clock, node) = (&hex[..12], &hex[12..20], &hex[20..]);
    Ok(format!("urn:uuid:{}-{}-{}-{}-{node}", &time[..8], &time[8..], &clock[..4], &clock[4..]))
}

struct HashSink(Hasher);

impl io::Write for HashSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A name for each component, in order: readable, unique in the document, and the same in every document in which the
/// same component stands at the same place.
pub(super) fn component_ids(document: &Document) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let unique = |id: String| {
        let count = seen.entry(id.clone()).and_modify(|count| *count += 1).or_insert(1);
        if *count == 1 { id } else { format!("{id}-{count}") }
    };
    let ids = document.components.iter().map(|located| {
        let purl = located.component.purl(document.distribution.as_ref()).to_string();
        let layer = located.layer.map(|layer| layer.to_string()).unwrap_or_default();
        let hash = short_hash(&[&purl, &located.path, &layer, &located.found_by]);
        let package_type = located.component.package_type.as_str();
        format!("Package-{package_type}-{}-{hash}", id_string(&located.component.name))
    });
    ids.map(unique).collect()
}

/// Sixteen hexadecimal digits that stand for some texts.
pub(super) fn short_hash(texts: &[&str]) -> String {
    let encoded = Digest::sha256_of(texts.join("\0").as_bytes()).encoded();
    encoded.chars().take(16).collect()
}

/// What of a text may stand in an identifier of SPDX (2.3, section 3.2): letters, digits, `.` and `-`.
pub(super) fn id_string(text: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    text.chars().take(64).map(allowed).collect()
}

/// For each component the name of the one that owns it, if that is in the document too.
pub(super) fn owners<'a>(document: &'a Document, ids: &'a [String]) -> Vec<Option<&'a str>> {
    let wanted: HashSet<&Purl> =
        document.components.iter().filter_map(|located| located.owner.as_ref()).collect();
    let mut found: HashMap<Purl, &str> = HashMap::new();
    let candidates = if wanted.is_empty() { &[] } else { document.components.as_slice() };
    for (located, id) in candidates.iter().zip(ids) {
        let purl = located.component.purl(document.distribution.as_ref());
        if located.owner.is_none() && wanted.contains(&purl) {
            found.entry(purl).or_insert(id);
        }
    }
    document.components.iter().map(|located| found.get(located.owner.as_ref()?).copied()).collect()
}
