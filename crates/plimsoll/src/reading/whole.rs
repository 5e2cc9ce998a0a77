use plimsoll_analyser::Analyser;
use plimsoll_image::{CompressionTrial, try_zstd};
use plimsoll_oci::Platform;
use plimsoll_sbom::{ImageContents, LayerRecord, merge};
use plimsoll_slim::LayerFiles;
use plimsoll_transport::{ImageName, Places};
use plimsoll_vuln::feed::Terms;
use plimsoll_vuln::report::{Scan, ScanReport};
use plimsoll_vuln::vex::{Image, Statements};

use super::contents::{ReadLayer, read_records};
use super::{FoundImage, find_image};
use crate::advisories::OpenAdvisories;
use crate::failure::Failure;
use crate::terminal::Step;

/// Reads images for the commands that tell of their files and components both.
pub(crate) struct ImageReader<'r> {
    pub(crate) places: &'r Places,
    pub(crate) analyser: &'r Analyser,
    /// Which image of an index.
    pub(crate) platform: Option<&'r Platform>,
    pub(crate) step: &'r Step,
}

/// All that is known of an image: its files, its components, and what other compression would do.
pub(crate) struct WholeImage {
    pub(crate) name: String,
    pub(crate) found: FoundImage,
    /// The layers, from the base up.
    pub(crate) files: Vec<LayerFiles>,
    pub(crate) contents: ImageContents,
    pub(crate) trials: Vec<Option<CompressionTrial>>,
}

impl ImageReader<'_> {
    /// Reads an image: each layer once.
    pub(crate) async fn read(&self, name: &ImageName) -> Result<WholeImage, Failure> {
        let open = self.places.open_source(name).await?;
        let found = find_image(&open, self.platform).await?;
        let sizes = found.manifest.layers.iter().map(|layer| layer.size);
        self.step.expect(sizes.fold(0, u64::saturating_add));
        let layers = read_records(open.source.as_ref(), &found, self.analyser, self.step).await?;
        let name = name.to_string();
        let joining = tokio::task::spawn_blocking(move || join(name, found, layers));
        joining
            .await
            .map_err(|error| Failure::not_evaluated("reading the records ended early").because(&error))?
    }
}

fn join(name: String, found: FoundImage, layers: Vec<ReadLayer>) -> Result<WholeImage, Failure> {
    let trials = layers.iter().map(|layer| try_zstd(&layer.first)).collect();
    let mut records: Vec<LayerRecord<_>> = layers.into_iter().map(|layer| layer.record).collect();
    let unreadable = |error| {
        Failure::not_evaluated("cannot read the records of the layers").because(&error).at(name.clone())
    };
    let mut contents = merge(&mut records).map_err(unreadable)?;
    contents.compare_with_config(&found.config.rootfs.diff_ids);
    let files = records.iter_mut().map(LayerFiles::read).collect::<Result<_, _>>().map_err(unreadable)?;
    Ok(WholeImage { name, found, files, contents, trials })
}

impl WholeImage {
    /// What is known against the components.
    pub(crate) fn scan(&self, advisories: &OpenAdvisories, terms: &Terms) -> ScanReport {
        let digest = self.found.raw.digest.to_string();
        Scan {
            image: &self.name,
            identity: &Image { purls: Vec::new(), digests: vec![digest.clone()] },
            digest: Some(&digest),
            contents: &self.contents,
            instructions: &self.found.config.layer_instructions(),
            base: None,
            index: &advisories.index,
            index_digest: &advisories.digest.to_string(),
            terms,
            statements: &Statements::new(),
            ignores: &[],
        }
        .report()
    }
}
