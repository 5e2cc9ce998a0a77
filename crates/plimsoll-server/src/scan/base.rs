//! The image that another was built on: exactly, because the registry knows the stack of layers of each image it holds.

use plimsoll_oci::{ChainId, Digest, History, ImageConfig};
use plimsoll_registry::access::CanList;
use plimsoll_sbom::ImageContents;
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::ImagePlace;
use plimsoll_vuln::report::BaseImage;

use super::Scanner;

/// Images with one stack of layers that are looked at; they differ in settings only.
const EQUALS_MAX: usize = 16;

impl Scanner {
    /// The image whose whole stack of layers is the longest beginning of this one's. It is named as far as the asker
    /// may see the repositories that hold it.
    pub(super) async fn base(
        &self,
        image: Digest,
        contents: &ImageContents,
        can_list: &CanList,
    ) -> Result<Option<BaseImage>, CatalogueError> {
        let stacks = ChainId::of_stack(&contents.layers);
        let Some((layers, images)) = self.images_beneath(image, &stacks).await? else { return Ok(None) };
        let mut places = self.parts.storage.catalogue().places_of_images(images).await?;
        places.retain(|place| can_list.may_see(&place.repository));
        Ok(Some(named(layers, &places)))
    }

    /// The images with the longest stack that is the beginning of `stacks`, and how many layers that has.
    async fn images_beneath(
        &self,
        image: Digest,
        stacks: &[ChainId],
    ) -> Result<Option<(usize, Vec<Digest>)>, CatalogueError> {
        let catalogue = self.parts.storage.catalogue();
        let held = catalogue.stacks_held(stacks, image).await?;
        let held = stacks.iter().enumerate().rev().filter(|(_, stack)| held.contains(stack));
        for (number, stack) in held {
            let mut images = catalogue.images_with_stack(*stack, image, EQUALS_MAX).await?;
            if number + 1 == stacks.len() {
                images = self.without_its_last_steps(image, images).await?;
            }
            if !images.is_empty() {
                return Ok(Some((number + 1, images)));
            }
        }
        Ok(None)
    }

    /// Those of `equals`, images with the same stack, whose history is the beginning of this image's: it adds settings to
    /// them and no layer.
    async fn without_its_last_steps(
        &self,
        image: Digest,
        equals: Vec<Digest>,
    ) -> Result<Vec<Digest>, CatalogueError> {
        let Some(config) = self.parts.images.config_of(image).await? else { return Ok(Vec::new()) };
        let mut bases: Vec<(usize, Digest)> = Vec::new();
        for equal in equals {
            let of_equal = self.parts.images.config_of(equal).await?;
            bases.extend(
                of_equal.filter(|of_equal| adds_steps(of_equal, &config)).map(|of| (of.history.len(), equal)),
            );
        }
        let most = bases.iter().map(|(steps, _)| *steps).max();
        Ok(bases.into_iter().filter(|(steps, _)| Some(*steps) == most).map(|(_, base)| base).collect())
    }
}

/// Whether an image has all the steps of `base`, and more. Without a history nothing can be said.
fn adds_steps(base: &ImageConfig, image: &ImageConfig) -> bool {
    let step = |step: &History| (step.created.clone(), step.created_by.clone(), step.empty_layer);
    !base.history.is_empty()
        && base.history.len() < image.history.len()
        && base.history.iter().map(step).eq(image.history.iter().map(step).take(base.history.len()))
}

/// The base under the names of one of the equal images that hold its stack: one that has tags before one that has none.
fn named(layers: usize, places: &[ImagePlace]) -> BaseImage {
    let chosen = places.iter().find(|place| !place.tags.is_empty()).or(places.first());
    let Some(digest) = chosen.map(|place| place.manifest) else {
        return BaseImage { layers, digest: None, names: Vec::new() };
    };
    let places = places.iter().filter(|place| place.manifest == digest);
    let names = places.flat_map(|place| place.tags.iter().map(|tag| format!("{}:{tag}", place.repository)));
    BaseImage { layers, digest: Some(digest.to_string()), names: names.collect() }
}
