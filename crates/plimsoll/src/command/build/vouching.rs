//! What is said about the image, and signed.

use jiff::Timestamp;
use plimsoll_attest::{Material, PredicateType, SigningKey, Statement, Witness};
use plimsoll_build::Built;
use plimsoll_oci::{Digest, Reference};
use plimsoll_transport::{ImageName, Places};
use serde_json::value::RawValue;

use super::Build;
use super::inputs::Inputs;
use crate::command::attest::BuildArguments;
use crate::context::Context;
use crate::failure::Failure;
use crate::signing::{Saying, sign_and_attach};

/// How the image was built, from git, the Dockerfile and the CI system; with the bases that were used.
pub(super) fn provenance(
    build: &Build,
    inputs: &Inputs,
    built: &Built,
    started: Timestamp,
    context: &mut Context,
) -> Result<Box<RawValue>, Failure> {
    let arguments = BuildArguments {
        source: build.directory.clone(),
        dockerfile: Some(inputs.dockerfile.path.clone()),
        target: build.inputs.target.clone(),
        build_args: inputs.arguments.clone().into_iter().collect(),
        since: None,
        builder: None,
        started: Some(started),
        byproducts: Vec::new(),
    };
    let bases: Vec<Material> = built.bases.iter().map(material).collect();
    let (record, run) = arguments.gather(Some(bases), context)?;
    Ok(record.to_predicate(&run, &Witness::Environment, env!("CARGO_PKG_VERSION")))
}

/// A base as it was found, with its digest.
fn material(base: &plimsoll_build::BaseUsed) -> Material {
    let found = Reference::parse_normalized(&base.name).ok().map(|(reference, _)| reference.at(base.digest));
    match found {
        Some(reference) => Material::of_image(&base.written, Some(&reference)),
        None => Material {
            name: Some(base.written.clone()),
            uri: None,
            digest: [(base.digest.algorithm().name().to_owned(), base.digest.encoded())].into(),
        },
    }
}

/// Says something about an image, and signs it.
pub(super) fn attest(
    image: &ImageName,
    key: &SigningKey,
    kind: &PredicateType,
    predicate: &RawValue,
    places: &Places,
    context: &Context,
) -> Result<Digest, Failure> {
    let statement = |digest: &Digest| Statement::about(digest, kind.clone(), predicate.to_owned());
    context
        .block_on(sign_and_attach(&Saying { image, key, statement: &statement }, places))
        .map(|said| said.evidence)
}

/// Signs an image.
pub(super) fn sign(
    image: &ImageName,
    key: &SigningKey,
    places: &Places,
    context: &Context,
) -> Result<Digest, Failure> {
    let statement = |digest: &Digest| Statement::signature(digest);
    context
        .block_on(sign_and_attach(&Saying { image, key, statement: &statement }, places))
        .map(|said| said.evidence)
}
