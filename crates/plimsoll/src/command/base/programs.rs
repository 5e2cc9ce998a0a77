//! What the programs in an image's own layers ask of the system, read from the layers themselves.

use std::io::{Cursor, Read as _};

use plimsoll_image::{Found, Kind, LayerAlgorithms, LayerWalk, Limits, ReadLayerError};
use plimsoll_slim::base::ProgramNeeds;
use plimsoll_transport::{BlobVerifier, ImageName};

use crate::failure::Failure;
use crate::reading::{BlockingBlob, ImageReader, find_image};

/// Largest program that is read; what a larger one needs is not known.
const PROGRAM_BYTES_MAX: u64 = 256 << 20;

/// Programs of an image that are read.
const PROGRAMS_MAX: usize = 10_000;

/// Reads the programs of the layers above the first `bottom`.
pub(super) async fn read(
    reader: &ImageReader<'_>,
    name: &ImageName,
    bottom: usize,
) -> Result<Vec<ProgramNeeds>, Failure> {
    let open = reader.places.open_source(name).await?;
    let image = find_image(&open, reader.platform).await?;
    let mut programs = Vec::new();
    for layer in image.manifest.layers.iter().skip(bottom) {
        let bytes = open.source.blob(BlobVerifier::start(layer)).await?;
        let blob = BlockingBlob::new(bytes, reader.step.clone());
        let reading = tokio::task::spawn_blocking(move || read_layer(blob)).await;
        let read =
            reading.map_err(|error| Failure::not_evaluated("reading a layer ended early").because(&error))?;
        let unreadable = |error| {
            Failure::not_evaluated(format!("cannot read layer {}", layer.digest.short()))
                .at(open.source.place())
                .because(&error)
        };
        programs.extend(read.map_err(unreadable)?);
        programs.truncate(PROGRAMS_MAX);
    }
    Ok(programs)
}

fn read_layer(blob: BlockingBlob) -> Result<Vec<ProgramNeeds>, ReadLayerError> {
    let limits = Limits::default();
    let mut walk = LayerWalk::new(blob, LayerAlgorithms::default(), &limits)?;
    let mut programs = Vec::new();
    while let Some(found) = walk.next()? {
        let Found::Entry(entry) = found else { continue };
        let is_small = entry.size_bytes <= PROGRAM_BYTES_MAX && !entry.is_sparse;
        if entry.kind != Kind::File || !is_small || programs.len() == PROGRAMS_MAX {
            continue;
        }
        let mut head = [0; 4];
        let mut content = walk.content();
        if content.read_exact(&mut head).is_err() || head != *b"\x7fELF" {
            continue;
        }
        let mut bytes = head.to_vec();
        content.read_to_end(&mut bytes)?;
        programs.extend(ProgramNeeds::read(&mut Cursor::new(bytes))?);
    }
    Ok(programs)
}
