mod config;
mod finding;
mod instruction;
mod layer;

use plimsoll_oci::{ChainId, Digest, ImageConfig, ImageId, ImageManifest, MediaType, Platform};
use serde::Serialize;

use crate::{FileTree, LayerListing};

pub use config::{EnvironmentVariable, RunSettings};
pub use finding::{Finding, FindingCode};
pub use instruction::clean as clean_instruction;
pub use layer::{LargePath, LayerAnatomy, LayerContents, Taken, TakenBy};

/// An image explained: its layers, what each added and what became of it, how it was made and how it is run.
///
/// It is the one model behind every command and page that shows what an image is made of. Its JSON form is stable:
/// properties are added, never changed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageAnatomy {
    /// The version of this document's form.
    pub api_version: &'static str,
    /// What this document is.
    pub kind: &'static str,
    /// The image as the user named it.
    pub name: String,
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest's type.
    pub media_type: MediaType,
    /// The config's digest.
    pub image_id: ImageId,
    /// What the image runs on.
    pub platform: Platform,
    /// When it was made, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// How a container of it is started.
    pub run: RunSettings,
    /// Sums over all layers.
    pub totals: Totals,
    /// The steps of its making, in order, those without a layer too.
    pub history: Vec<Step>,
    /// The layers from the base up.
    pub layers: Vec<LayerAnatomy>,
    /// What does not fit together.
    pub findings: Vec<Finding>,
}

/// Sums over all layers of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Bytes to pull: all layers as stored.
    pub compressed_bytes: u64,
    /// What is inside; absent when a layer was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents: Option<ContentTotals>,
}

/// Sums over the content of all layers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentTotals {
    /// Bytes of the uncompressed archives.
    pub unpacked_bytes: u64,
    /// Bytes of the files that layers add.
    pub added_bytes: u64,
    /// Of these, bytes of files that a later layer deletes.
    pub deleted_bytes: u64,
    /// Of these, bytes of files that a later layer overwrites.
    pub overwritten_bytes: u64,
    /// Deleted and overwritten bytes: stored and pulled, and never seen.
    pub wasted_bytes: u64,
    /// Bytes of the files that a container sees, hard links counted once.
    pub visible_bytes: u64,
    /// Paths that a container sees.
    pub visible_paths: u64,
}

/// One step of an image's making.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The instruction, in the words of a Dockerfile.
    pub instruction: String,
    /// When, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The number of the layer that it made, counted from 1 at the base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
}

/// What an anatomy is made from.
#[derive(Debug)]
pub struct ImageParts<'a> {
    /// The image as the user named it.
    pub name: &'a str,
    /// The digest of the manifest's bytes.
    pub digest: Digest,
    /// The manifest's type.
    pub media_type: MediaType,
    /// The manifest.
    pub manifest: &'a ImageManifest,
    /// The config.
    pub config: &'a ImageConfig,
    /// The layers in the manifest's order; `None` for one that was not read.
    pub layers: &'a [Option<LayerListing>],
    /// How many of a layer's largest files to name.
    pub largest_max: usize,
}

impl ImageAnatomy {
    /// Explains the image that `parts` describe.
    ///
    /// # Panics
    /// When there are not as many listings as the manifest has layers.
    pub fn of(parts: &ImageParts<'_>) -> Self {
        assert_eq!(parts.layers.len(), parts.manifest.layers.len(), "one listing for each layer");
        let history = steps(parts);
        let tree = parts.layers.iter().map(Option::as_ref).collect::<Option<Vec<_>>>().map(FileTree::merge);
        let layers = layers(parts, &history, tree.as_ref());
        Self {
            api_version: "plimsoll/v1",
            kind: "ImageAnatomy",
            name: parts.name.to_owned(),
            digest: parts.digest,
            media_type: parts.media_type.clone(),
            image_id: ImageId(parts.manifest.config.digest),
            platform: parts.config.platform.clone(),
            created: parts.config.created.clone(),
            run: RunSettings::of(&parts.config.config),
            totals: totals(parts, &layers, tree.as_ref()),
            findings: finding::all(parts, tree.as_ref()),
            history,
            layers,
        }
    }
}

/// The instruction that made each of an image's layers, in the words of a Dockerfile. None where the history names another
/// number of layers than there are: which made which could only be guessed.
pub fn layer_instructions(config: &ImageConfig, layers: usize) -> Vec<Option<String>> {
    let made: Vec<Option<String>> = config
        .layer_history()
        .map(|step| step.created_by.as_deref().filter(|text| !text.is_empty()).map(clean_instruction))
        .collect();
    if made.len() == layers { made } else { vec![None; layers] }
}

/// The history with the layers that its steps made. Steps are given no layers when they are not as many: which made
/// which could only be guessed.
fn steps(parts: &ImageParts<'_>) -> Vec<Step> {
    let fits = parts.config.layer_history().count() == parts.manifest.layers.len();
    let mut numbers = 1..;
    let step = |step: &plimsoll_oci::History| Step {
        instruction: clean_instruction(step.created_by.as_deref().unwrap_or_default()),
        created: step.created.clone(),
        layer: if fits && !step.empty_layer { numbers.next() } else { None },
    };
    parts.config.history.iter().map(step).collect()
}

fn layers(parts: &ImageParts<'_>, history: &[Step], tree: Option<&FileTree<'_>>) -> Vec<LayerAnatomy> {
    let diff_ids = &parts.config.rootfs.diff_ids;
    let chain_ids = ChainId::of_stack(diff_ids);
    let anatomy =
        |(index, (descriptor, listing)): (usize, (&plimsoll_oci::Descriptor, &Option<LayerListing>))| {
            let number = index + 1;
            LayerAnatomy {
                number,
                digest: descriptor.digest,
                media_type: descriptor.media_type.clone(),
                diff_id: diff_ids.get(index).copied(),
                chain_id: chain_ids.get(index).copied(),
                compressed_bytes: descriptor.size,
                instruction: history
                    .iter()
                    .find(|step| step.layer == Some(number))
                    .map(|step| step.instruction.clone()),
                contents: listing
                    .as_ref()
                    .map(|listing| LayerContents::of(listing, index, tree, parts.largest_max)),
            }
        };
    parts.manifest.layers.iter().zip(parts.layers).enumerate().map(anatomy).collect()
}

fn totals(parts: &ImageParts<'_>, layers: &[LayerAnatomy], tree: Option<&FileTree<'_>>) -> Totals {
    let compressed = parts.manifest.layers.iter().map(|layer| layer.size);
    Totals {
        compressed_bytes: compressed.fold(0, u64::saturating_add),
        contents: tree.map(|tree| content_totals(layers, tree)),
    }
}

fn content_totals(layers: &[LayerAnatomy], tree: &FileTree<'_>) -> ContentTotals {
    let mut totals = ContentTotals {
        visible_bytes: tree.size_bytes(),
        visible_paths: tree.nodes().len() as u64,
        ..ContentTotals::default()
    };
    for contents in layers.iter().filter_map(|layer| layer.contents.as_ref()) {
        totals.unpacked_bytes += contents.unpacked_bytes;
        totals.added_bytes += contents.added_bytes;
        totals.deleted_bytes += contents.deleted_bytes;
        totals.overwritten_bytes += contents.overwritten_bytes;
    }
    totals.wasted_bytes = totals.deleted_bytes + totals.overwritten_bytes;
    totals
}

#[cfg(test)]
mod tests;
