//! How contents rest in the catalogue: JSON, compressed.

use std::io::Read as _;

use plimsoll_index::Interned;
use plimsoll_sbom::ImageContents;

/// Fast, and a tenth of the text.
const LEVEL: i32 = 3;

/// Bytes of one image's contents as text; a hundred thousand components take some 50 MB.
const TEXT_BYTES_MAX: u64 = 256 << 20;

pub(super) fn write(contents: &ImageContents) -> Vec<u8> {
    let text = serde_json::to_vec(contents).unwrap_or_default();
    zstd::encode_all(&*text, LEVEL).unwrap_or_default()
}

pub(super) fn read(bytes: &[u8]) -> Option<ImageContents> {
    let mut text = Vec::new();
    zstd::Decoder::new(bytes).ok()?.take(TEXT_BYTES_MAX).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

pub(super) fn write_component(component: &Interned) -> Vec<u8> {
    serde_json::to_vec(component).unwrap_or_default()
}

pub(super) fn read_component(body: &[u8]) -> Option<Interned> {
    serde_json::from_slice(body).ok()
}
