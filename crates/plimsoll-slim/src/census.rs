//! The files of an image as its layers' records tell them: what the tree shows, what it hides, and whose each file is.

mod owners;

use std::io::{self, Read, Seek};

use plimsoll_image::{At, FileTree, Found, LayerListing, Limits, ListingBuilder};
use plimsoll_sbom::LayerRecord;

use owners::Owners;

/// The SHA-256 digest of a file's content.
pub(crate) type ContentDigest = [u8; 32];

/// What a layer's record says of its files, without their content.
#[derive(Debug)]
pub struct LayerFiles {
    /// The files themselves.
    pub listing: LayerListing,
    /// The digest of each, in the order of the listing.
    digests: Vec<Option<ContentDigest>>,
    /// What files of the layer say about whose files are whose.
    claims: Vec<owners::Claim>,
}

impl LayerFiles {
    /// Reads a record's index and its facts about owners.
    pub fn read<R: Read + Seek>(record: &mut LayerRecord<R>) -> io::Result<Self> {
        let limits = Limits::default();
        let mut builder = ListingBuilder::new(&limits);
        let mut add = |found: &Found| builder.add(found).map_err(io::Error::other);
        let outline = record.outline()?;
        for (path, is_opaque) in outline.whiteouts {
            add(&Found::Whiteout { path, is_opaque })?;
        }
        let mut digests = Vec::new();
        for file in record.index()?.entries() {
            let file = file?;
            add(&Found::Entry(file.entry))?;
            digests.push(file.digest);
        }
        let listing = builder.build(record.head.measures.clone());
        let claims = record.facts()?.filter_map(|facts| owners::claims(facts).transpose());
        Ok(Self { digests, claims: claims.collect::<io::Result<_>>()?, listing })
    }
}

/// All files of an image.
#[derive(Debug)]
pub struct Census<'a> {
    /// What the image shows, and what became of the rest.
    pub tree: FileTree<'a>,
    layers: &'a [LayerFiles],
    owners: Owners,
}

impl<'a> Census<'a> {
    /// Puts the layers upon each other, from the base up.
    pub fn of(layers: &'a [LayerFiles]) -> Self {
        let tree = FileTree::merge(layers.iter().map(|layer| &layer.listing));
        let owners = Owners::of(&tree, layers.iter().map(|layer| layer.claims.as_slice()));
        Self { tree, layers, owners }
    }

    /// The layers, from the base up.
    pub fn layers(&self) -> &'a [LayerFiles] {
        self.layers
    }

    /// The digest of a file's content; sparse files have none.
    pub(crate) fn digest(&self, content: At) -> Option<ContentDigest> {
        let layer = self.layers.get(content.layer as usize)?;
        layer.digests.get(content.entry as usize).copied().flatten()
    }

    /// The package that owns what the image shows at a path.
    pub(crate) fn package(&self, path: &[u8]) -> Option<&str> {
        self.owners.of_shown(path)
    }

    /// The package that owns a path, or did in some layer.
    pub(crate) fn package_ever(&self, path: &[u8]) -> Option<&str> {
        self.owners.of_any(path)
    }
}

#[cfg(test)]
pub(crate) mod tests;
