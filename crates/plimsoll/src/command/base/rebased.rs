//! A Dockerfile on another base.

use std::path::Path;

use plimsoll_dockerfile::graph::{BuildChoice, Graph};
use plimsoll_dockerfile::lint::{Edit, Fix, Safety, patch};
use plimsoll_dockerfile::parse;
use plimsoll_slim::base::Candidate;

use crate::advisories::{cannot, read_bounded};
use crate::command::lint::DOCKERFILE_BYTES_MAX;
use crate::failure::Failure;

/// The change of the line that the shipping stages begin with, to the base by its digest.
pub(super) fn patch_for(path: &Path, base: &Candidate) -> Result<String, Failure> {
    let source = read_bounded(path, DOCKERFILE_BYTES_MAX).map_err(|error| cannot("read", path, &error))?;
    let document = parse(source);
    let graph = Graph::of(&document, BuildChoice::default());
    let bottom = graph.shipping().last().and_then(|stage| graph.stages.get(*stage));
    let from = bottom.and_then(|stage| document.instructions().get(stage.instructions.start));
    let word = from.and_then(|from| from.words().first());
    let word = word.ok_or_else(|| {
        Failure::usage("the Dockerfile has no stage that becomes an image").at(path.display().to_string())
    })?;
    let fix = Fix {
        title: "begin with another base".to_owned(),
        safety: Safety::Suggested,
        edits: vec![Edit::replace(word.span, format!("{}@{}", base.name, base.digest))],
    };
    let name = path.strip_prefix(".").unwrap_or(path).display().to_string();
    Ok(String::from_utf8_lossy(&patch(&name, document.source(), [&fix])).into_owned())
}
