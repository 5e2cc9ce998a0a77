//! Which images hold a vulnerability, and what brought it into each.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use plimsoll_image::clean_instruction;
use plimsoll_index::Location;
use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_registry::access::CanList;
use plimsoll_sbom::ImageContents;
use plimsoll_store::CatalogueError;

use super::{ImageReport, Scanner};
use crate::evidence::Holding;

impl Scanner {
    /// The images that the caller may see and that hold a component with the vulnerability.
    pub(crate) async fn images_with(
        &self,
        vulnerability: &str,
        can_list: &CanList,
    ) -> Result<BTreeMap<(RepositoryName, Digest), Vec<Holding>>, CatalogueError> {
        let locations = {
            let inventory = self.parts.inventory.read().unwrap_or_else(PoisonError::into_inner);
            inventory.locate(vulnerability)
        };
        let mut held: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
        for location in &locations {
            for image in &location.images {
                held.entry(*image).or_default().push(purl(location));
            }
        }
        let places = self.parts.storage.catalogue().places_of_images(held.keys().copied().collect()).await?;
        let mut found = BTreeMap::new();
        for place in places.into_iter().filter(|place| can_list.may_see(&place.repository)) {
            let purls = held.get(&place.manifest).cloned().unwrap_or_default();
            let holdings = self.holdings(place.manifest, purls).await?;
            found.insert((place.repository, place.manifest), holdings);
        }
        Ok(found)
    }

    /// What brought components in: the layer that has the file which names them.
    async fn holdings(&self, image: Digest, purls: Vec<String>) -> Result<Vec<Holding>, CatalogueError> {
        let contents = match self.contents(image).await? {
            ImageReport::Known(contents) => Some(contents),
            _ => None,
        };
        let instructions = self.instructions(image).await?;
        let holding = |purl: String| {
            let layer = contents.as_ref().and_then(|contents| layer_of(contents, &purl));
            let instruction =
                layer.and_then(|layer| instructions.get(layer)?.as_deref().map(clean_instruction));
            Holding { purl, layer: layer.map(|layer| layer + 1), instruction }
        };
        Ok(purls.into_iter().map(holding).collect())
    }
}

fn purl(location: &Location) -> String {
    let component = &location.component;
    component.component.purl(component.distribution.as_ref()).to_string()
}

/// The layer, from the base up, that brought a component.
fn layer_of(contents: &ImageContents, purl: &str) -> Option<usize> {
    let distribution = contents.distribution.as_ref();
    let mut located = contents.components.iter();
    let located = located.find(|located| located.component.purl(distribution).to_string() == purl)?;
    let layer = located.layer?;
    contents.layers.iter().position(|known| *known == layer)
}
