use std::fs::File;
use std::io;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use plimsoll_analyser::{Analyser, AnalysisError};
use plimsoll_oci::Descriptor;
use plimsoll_sbom::{ImageContents, LayerRecord, merge};
use plimsoll_transport::{BlobVerifier, Source, TransportError};

use super::FoundImage;
use crate::failure::Failure;
use crate::terminal::Step;

/// Layers whose bytes are on their way at the same time; the analyser has its own bound on children.
const PARALLEL_MAX: usize = 4;

/// Finds what is inside an image: each layer is analysed, and the records are merged.
pub(crate) async fn read_contents(
    source: &dyn Source,
    image: &FoundImage,
    analyser: &Analyser,
    step: &Step,
) -> Result<ImageContents, Failure> {
    let one = |descriptor: &Descriptor| {
        let descriptor = descriptor.clone();
        async move { analyse(source, &descriptor, analyser, step).await }
    };
    let mut records: Vec<LayerRecord<File>> =
        stream::iter(image.manifest.layers.iter().map(one)).buffered(PARALLEL_MAX).try_collect().await?;
    let merging = tokio::task::spawn_blocking(move || merge(&mut records));
    let merged = merging
        .await
        .map_err(|error| Failure::not_evaluated("merging the layers ended early").because(&error))?;
    let mut contents = merged
        .map_err(|error| Failure::not_evaluated("cannot read the records of the layers").because(&error))?;
    contents.compare_with_config(&image.config.rootfs.diff_ids);
    Ok(contents)
}

async fn analyse(
    source: &dyn Source,
    descriptor: &Descriptor,
    analyser: &Analyser,
    step: &Step,
) -> Result<LayerRecord<File>, Failure> {
    let mut transport_error: Option<TransportError> = None;
    let bytes = source.blob(BlobVerifier::start(descriptor)).await?;
    let outcome = {
        let bytes = bytes.map(|part| match part {
            Ok(part) => {
                step.advance(part.len() as u64);
                Ok(part)
            }
            Err(error) => {
                transport_error = Some(error);
                Err(io::Error::other("the layer's stream ended in an error"))
            }
        });
        analyser.analyse(bytes).await
    };
    match (outcome, transport_error) {
        (Ok(record), _) => Ok(record),
        (Err(_), Some(error)) => Err(Failure::from(error).at(source.place())),
        (Err(error), None) => Err(not_analysed(&error, descriptor).at(source.place())),
    }
}

fn not_analysed(error: &AnalysisError, descriptor: &Descriptor) -> Failure {
    let digest = descriptor.digest.short();
    Failure::not_evaluated(format!("could not evaluate: layer {digest} cannot be analysed")).because(error)
}
