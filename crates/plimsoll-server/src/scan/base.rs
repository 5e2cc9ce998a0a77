//! The image that another was built on: exactly, because the registry knows the stack of layers of each image it holds.

use plimsoll_oci::{ChainId, Digest, History, ImageConfig};
use plimsoll_registry::access::CanList;
use plimsoll_sbom::ImageContents;
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::ImagePlace;
use plimsoll_vuln::report::BaseImage;

use super::{ImageReport, Scanner};

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
        let mut places = self.parts.storage.catalogue().places_of_images(images.clone()).await?;
        places.retain(|place| can_list.may_see(&place.repository));
        Ok(Some(named(layers, &images, &places)))
    }

    /// The images that the layers of this one say lie beneath it, and how many layers those have.
    pub(crate) async fn bases_beneath(
        &self,
        image: Digest,
    ) -> Result<Option<(usize, Vec<Digest>)>, CatalogueError> {
        let ImageReport::Known(contents) = self.contents(image).await? else { return Ok(None) };
        self.images_beneath(image, &ChainId::of_stack(&contents.layers)).await
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
            let images = catalogue.images_with_stack(*stack, image, EQUALS_MAX).await?;
            let begun_with = self.begun_with(image, &images).await?;
            if !begun_with.is_empty() {
                return Ok(Some((number + 1, begun_with)));
            }
            // Not every builder writes down what the base went through.
            if number + 1 < stacks.len() && !images.is_empty() {
                return Ok(Some((number + 1, images)));
            }
        }
        Ok(None)
    }

    /// Those of the images whose history is the longest beginning of this image's: with the same stack of layers others
    /// may have settings of their own.
    async fn begun_with(&self, image: Digest, images: &[Digest]) -> Result<Vec<Digest>, CatalogueError> {
        let Some(config) = self.parts.images.config_of(image).await? else { return Ok(Vec::new()) };
        let mut bases: Vec<(usize, Digest)> = Vec::new();
        for base in images {
            let of_base = self.parts.images.config_of(*base).await?;
            bases.extend(
                of_base.filter(|of_base| adds_steps(of_base, &config)).map(|of| (of.history.len(), *base)),
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

/// The base under the names of the first of the images that has any for the asker.
fn named(layers: usize, images: &[Digest], places: &[ImagePlace]) -> BaseImage {
    let tagged =
        |image: &&Digest| places.iter().any(|place| place.manifest == **image && !place.tags.is_empty());
    let seen = |image: &&Digest| places.iter().any(|place| place.manifest == **image);
    let chosen = images.iter().find(tagged).or_else(|| images.iter().find(seen));
    let of_chosen = places.iter().filter(|place| Some(&place.manifest) == chosen);
    let names =
        of_chosen.flat_map(|place| place.tags.iter().map(|tag| format!("{}:{tag}", place.repository)));
    BaseImage { layers, digest: chosen.map(Digest::to_string), names: names.collect() }
}
