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

/// First bytes of each layer that are kept.
const FIRST_BYTES_MAX: usize = 4 << 20;

/// A layer that was analysed.
pub(super) struct ReadLayer {
    pub(super) record: LayerRecord<File>,
    /// Its first bytes as stored, for a trial with another compression.
    pub(super) first: Vec<u8>,
}

/// Finds what is inside an image: each layer is analysed, and the records are merged.
pub(crate) async fn read_contents(
    source: &dyn Source,
    image: &FoundImage,
    analyser: &Analyser,
    step: &Step,
) -> Result<ImageContents, Failure> {
    let layers = read_records(source, image, analyser, step).await?;
    let mut records: Vec<LayerRecord<File>> = layers.into_iter().map(|layer| layer.record).collect();
    let merging = tokio::task::spawn_blocking(move || merge(&mut records));
    let merged = merging
        .await
        .map_err(|error| Failure::not_evaluated("merging the layers ended early").because(&error))?;
    let mut contents = merged
        .map_err(|error| Failure::not_evaluated("cannot read the records of the layers").because(&error))?;
    contents.compare_with_config(&image.config.rootfs.diff_ids);
    Ok(contents)
}

/// Has every layer of an image analysed, from the base up.
pub(super) async fn read_records(
    source: &dyn Source,
    image: &FoundImage,
    analyser: &Analyser,
    step: &Step,
) -> Result<Vec<ReadLayer>, Failure> {
    let one = |descriptor: &Descriptor| {
        let descriptor = descriptor.clone();
        async move { analyse(source, &descriptor, analyser, step).await }
    };
    stream::iter(image.manifest.layers.iter().map(one)).buffered(PARALLEL_MAX).try_collect().await
}

async fn analyse(
    source: &dyn Source,
    descriptor: &Descriptor,
    analyser: &Analyser,
    step: &Step,
) -> Result<ReadLayer, Failure> {
    let mut transport_error: Option<TransportError> = None;
    let mut first = Vec::new();
    let bytes = source.blob(BlobVerifier::start(descriptor)).await?;
    let outcome = {
        let bytes = bytes.map(|part| match part {
            Ok(part) => {
                step.advance(part.len() as u64);
                let room = FIRST_BYTES_MAX.saturating_sub(first.len());
                first.extend_from_slice(&part[..part.len().min(room)]);
                Ok(part)
            }
            Err(error) => {
                transport_error = Some(error);
                Err(io::Error::other("the layer's stream ended in an error"))
            }
        });
        analyser.analyse(bytes).await
    };
    let record = match (outcome, transport_error) {
        (Ok(record), _) => record,
        (Err(_), Some(error)) => return Err(Failure::from(error).at(source.place())),
        (Err(error), None) => return Err(not_analysed(&error, descriptor).at(source.place())),
    };
    Ok(ReadLayer { record, first })
}

fn not_analysed(error: &AnalysisError, descriptor: &Descriptor) -> Failure {
    let digest = descriptor.digest.short();
    Failure::not_evaluated(format!("could not evaluate: layer {digest} cannot be analysed")).because(error)
}
