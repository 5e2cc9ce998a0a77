//! Where the image goes, with all that is said about it.

use std::sync::Arc;

use plimsoll_oci::Reference;
use plimsoll_transport::{
    CopyOptions, CopyReport, DockerArchiveSink, Evidence, ImageName, Places, Platforms, Sink, copy,
};

use crate::command::cp::ProgressBar;
use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::terminal::Step;

/// Blobs that travel at once.
const PARALLEL_BLOBS: usize = 4;

/// Copies the image with its evidence; its tag is set last.
pub(super) fn deliver(
    staged: &ImageName,
    to: &ImageName,
    places: &Places,
    step: &Step,
    context: &Context,
) -> Result<CopyReport, Failure> {
    let sent = context.block_on(async {
        let sink = places.open_sink(to, None).await?;
        send(staged, sink.sink.as_ref(), sink.tag, places, step).await
    });
    sent.map_err(|failure| not_delivered(failure, to))
}

async fn send(
    staged: &ImageName,
    sink: &dyn Sink,
    tag: Option<plimsoll_oci::Tag>,
    places: &Places,
    step: &Step,
) -> Result<CopyReport, Failure> {
    let open = places.open_source(staged).await?;
    let options = CopyOptions {
        target: open.target,
        tag,
        platforms: Platforms::All,
        evidence: Evidence::All,
        parallel_blobs: PARALLEL_BLOBS,
        progress: Arc::new(ProgressBar(step.clone())),
    };
    Ok(copy(open.source.as_ref(), sink, &options).await?)
}

fn not_delivered(failure: Failure, to: &ImageName) -> Failure {
    let failure = failure.at(to.to_string());
    match (failure.verdict, &failure.help) {
        (Verdict::NotEvaluated, None) => failure.help(
            "run it again: what was built is kept, and what has arrived is not sent again; no tag was set",
        ),
        _ => failure,
    }
}

/// Gives the image to Podman or Docker on this machine.
pub(super) fn load(
    staged: &ImageName,
    reference: Option<&Reference>,
    places: &Places,
    step: &Step,
    context: &Context,
) -> Result<&'static str, Failure> {
    let scratch = tempfile::tempdir_in(&places.scratch_directory).map_err(|error| {
        crate::advisories::cannot("create a directory in", &places.scratch_directory, &error)
    })?;
    let archive = scratch.path().join("image.tar");
    let variables = super::inputs::variables(context.environment());
    context.block_on(async {
        let sink = DockerArchiveSink::create(&archive, reference.cloned()).await?;
        send(staged, &sink, None, places, step).await?;
        Ok(plimsoll_build::load(&archive, &variables).await?)
    })
}
