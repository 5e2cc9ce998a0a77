//! The image that another was built on: by its layers, by who built it, and by what it says of itself.

use plimsoll_attest::Aspect;
use plimsoll_oci::{Digest, Manifest};

use super::Evidence;
use super::account::Base;
use super::hop::{Grade, Said};
use super::reading::{ReadError, parse};
use super::scene::{Best, Scene};

/// What lies beneath an image.
pub(super) struct Beneath {
    /// The base as it is named.
    pub(super) base: Option<Base>,
    /// Images of the registry that are it, or are what it lists.
    pub(super) here: Vec<Digest>,
    pub(super) grade: Grade,
    pub(super) said: Option<Said>,
    pub(super) known_by: Vec<&'static str>,
    /// Layers that come from it.
    pub(super) layers: Option<usize>,
    /// Steps of the history that come from it.
    pub(super) steps: usize,
}

/// Finds what lies beneath. The layers decide which of the images that the builder names is the base: a build of several
/// stages names more than one, and the base of the last stage comes last.
pub(super) async fn beneath(
    evidence: &Evidence,
    scene: &Scene,
    build: Option<&Best<'_>>,
) -> Result<Beneath, ReadError> {
    let (layers, measured) = evidence.measured_base(scene.image).await?.unzip();
    let measured = measured.unwrap_or_default();
    let said = build.map(|build| build.account().summary.bases).unwrap_or_default();
    let labelled = labelled(scene);
    let fits = |base: &&Base| {
        measured.contains(&base.digest) || labelled.as_ref().is_some_and(|label| label.digest == base.digest)
    };
    let named = said.iter().find(fits).or(said.last()).cloned();
    let mut known_by = Vec::new();
    known_by.extend((!measured.is_empty()).then_some("layers"));
    known_by.extend(named.is_some().then_some("provenance"));
    known_by.extend(labelled.is_some().then_some("label"));
    let grade = match (&named, build, measured.is_empty(), &labelled) {
        (Some(_), Some(build), ..) if build.grade_of(Aspect::Inputs) == Grade::Signed => Grade::Signed,
        (_, _, false, _) => Grade::Measured,
        (Some(_), Some(build), ..) => build.grade_of(Aspect::Inputs),
        (_, _, _, Some(_)) => Grade::Claimed,
        _ => Grade::Missing,
    };
    let said = build.filter(|_| named.is_some()).map(|build| Said::of(build.said));
    let base = named.or(labelled);
    let steps = evidence.steps_of(&measured).await?;
    Ok(Beneath { base, here: measured, grade, said, known_by, layers, steps })
}

/// The base that the image itself names (image-spec, `annotations.md`).
fn labelled(scene: &Scene) -> Option<Base> {
    let digest = scene.label("org.opencontainers.image.base.digest")?.parse().ok()?;
    let name = scene.label("org.opencontainers.image.base.name").unwrap_or_default();
    Some(Base { name: name.chars().take(256).collect(), digest })
}

impl Evidence {
    /// The images that the layers say lie beneath, and how many layers these have.
    async fn measured_base(&self, image: Digest) -> Result<Option<(usize, Vec<Digest>)>, ReadError> {
        match &self.parts.scanner {
            Some(scanner) => Ok(scanner.bases_beneath(image).await?),
            None => Ok(None),
        }
    }

    /// How many steps the history of a base has: those are not the image's own.
    async fn steps_of(&self, bases: &[Digest]) -> Result<usize, ReadError> {
        let storage = &self.parts.storage;
        let Some(base) = bases.first() else { return Ok(0) };
        let Some(stored) = storage.catalogue().manifest_anywhere(*base).await? else { return Ok(0) };
        let Some(Manifest::Image(image)) = parse(&stored.bytes, &stored.media_type) else { return Ok(0) };
        Ok(storage.image_config(&image).await?.map_or(0, |config| config.history.len()))
    }
}
