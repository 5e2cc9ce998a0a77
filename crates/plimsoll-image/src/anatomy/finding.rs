use plimsoll_oci::{Descriptor, MediaType};
use serde::Serialize;

use super::ImageParts;
use crate::{Compression, FileTree, LayerListing};

/// Something in an image that does not fit together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Which kind of thing.
    pub code: FindingCode,
    /// The number of the layer that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// What was found.
    pub message: String,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingCode {
    /// The layer's bytes hash to another digest than the manifest says.
    DigestMismatch,
    /// The layer has another length than the manifest says.
    SizeMismatch,
    /// The layer's uncompressed archive hashes to another digest than the config says: runtimes refuse to unpack it.
    DiffIdMismatch,
    /// The config lists another number of layers than the manifest.
    LayerCountMismatch,
    /// The history tells of another number of layers than the manifest.
    HistoryMismatch,
    /// The layer was not read.
    LayerNotRead,
    /// The layer is compressed otherwise than its media type says.
    CompressionMismatch,
    /// Bytes follow the compressed stream.
    TrailingBytes,
    /// Bytes stand behind the end of the archive, where no reader looks.
    BytesBehindArchive,
    /// Several entries of one layer have the same path.
    ShadowedEntries,
    /// Hard links lead nowhere.
    DanglingHardLinks,
}

impl FindingCode {
    /// Whether runtimes refuse such an image, or would run another than was described.
    pub fn breaks_image(self) -> bool {
        match self {
            Self::DigestMismatch
            | Self::SizeMismatch
            | Self::DiffIdMismatch
            | Self::LayerCountMismatch
            | Self::DanglingHardLinks => true,
            Self::HistoryMismatch
            | Self::LayerNotRead
            | Self::CompressionMismatch
            | Self::TrailingBytes
            | Self::BytesBehindArchive
            | Self::ShadowedEntries => false,
        }
    }
}

pub(super) fn all(parts: &ImageParts<'_>, tree: Option<&FileTree<'_>>) -> Vec<Finding> {
    let mut findings = of_counts(parts);
    for (index, (descriptor, listing)) in parts.manifest.layers.iter().zip(parts.layers).enumerate() {
        let number = index + 1;
        match listing {
            Some(listing) => {
                of_bytes(number, descriptor, listing, &mut findings);
                of_diff_id(number, parts, listing, &mut findings);
                of_archive(number, listing, &mut findings);
            }
            None => {
                findings.push(Finding::of_layer(FindingCode::LayerNotRead, number, "was not read"));
            }
        }
    }
    findings.extend(tree.and_then(of_tree));
    findings
}

fn of_counts(parts: &ImageParts<'_>) -> Vec<Finding> {
    let layers = parts.manifest.layers.len();
    let diff_ids = parts.config.rootfs.diff_ids.len();
    let steps = parts.config.layer_history().count();
    let mut findings = Vec::new();
    if diff_ids != layers {
        let message = format!("the manifest has {layers} layers, and the config lists {diff_ids}");
        findings.push(Finding { code: FindingCode::LayerCountMismatch, layer: None, message });
    }
    if steps != layers {
        let message = format!(
            "the history tells of {steps} layers, and the manifest has {layers}: which instruction made which \
             layer is not known"
        );
        findings.push(Finding { code: FindingCode::HistoryMismatch, layer: None, message });
    }
    findings
}

fn of_bytes(number: usize, descriptor: &Descriptor, listing: &LayerListing, findings: &mut Vec<Finding>) {
    if listing.measures.digest != descriptor.digest {
        let message =
            format!("hashes to {}, and the manifest says {}", listing.measures.digest, descriptor.digest);
        findings.push(Finding::of_layer(FindingCode::DigestMismatch, number, &message));
    }
    if listing.measures.stored_bytes != descriptor.size {
        let message =
            format!("has {} bytes, and the manifest says {}", listing.measures.stored_bytes, descriptor.size);
        findings.push(Finding::of_layer(FindingCode::SizeMismatch, number, &message));
    }
    if let Some(said) = said_compression(&descriptor.media_type)
        && said != listing.measures.compression
    {
        let message = format!("is {}, and its media type says {said}", listing.measures.compression);
        findings.push(Finding::of_layer(FindingCode::CompressionMismatch, number, &message));
    }
}

/// The compression that a media type speaks of. Docker's type says gzip, and was always also used for plain archives.
fn said_compression(media_type: &MediaType) -> Option<Compression> {
    let text = media_type.as_str();
    if text.ends_with("+gzip") {
        Some(Compression::Gzip)
    } else if text.ends_with("+zstd") {
        Some(Compression::Zstd)
    } else if text.ends_with(".tar") {
        Some(Compression::None)
    } else {
        None
    }
}

fn of_diff_id(number: usize, parts: &ImageParts<'_>, listing: &LayerListing, findings: &mut Vec<Finding>) {
    let Some(said) = parts.config.rootfs.diff_ids.get(number - 1) else { return };
    if *said != listing.measures.diff_id {
        let message = format!("unpacks to {}, and the config says {said}", listing.measures.diff_id);
        findings.push(Finding::of_layer(FindingCode::DiffIdMismatch, number, &message));
    }
}

fn of_archive(number: usize, listing: &LayerListing, findings: &mut Vec<Finding>) {
    if listing.measures.trailing_bytes > 0 {
        let message = format!("has {} bytes behind its compressed stream", listing.measures.trailing_bytes);
        findings.push(Finding::of_layer(FindingCode::TrailingBytes, number, &message));
    }
    if listing.measures.hides_bytes {
        let message = "has bytes behind the end of its archive, where no reader looks";
        findings.push(Finding::of_layer(FindingCode::BytesBehindArchive, number, message));
    }
    if listing.shadowed_entries > 0 {
        let message = format!("holds {} entries that later ones replace", listing.shadowed_entries);
        findings.push(Finding::of_layer(FindingCode::ShadowedEntries, number, &message));
    }
}

fn of_tree(tree: &FileTree<'_>) -> Option<Finding> {
    let links = tree.dangling_links();
    let message = format!("{links} hard links lead nowhere; runtimes refuse to unpack the image");
    (links > 0).then_some(Finding { code: FindingCode::DanglingHardLinks, layer: None, message })
}

impl Finding {
    fn of_layer(code: FindingCode, number: usize, what: &str) -> Self {
        Self { code, layer: Some(number), message: format!("layer {number} {what}") }
    }
}
