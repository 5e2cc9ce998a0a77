use std::path::Path;

use crate::BuildError;
use crate::buildah::{Buildah, run_alone};

/// The programs that keep images on a machine, the preferred one first.
const ENGINES: [&str; 2] = ["podman", "docker"];

/// Gives the image in an archive to Podman or Docker on this machine, and tells to which.
pub async fn load(archive: &Path, environment: &[(String, String)]) -> Result<&'static str, BuildError> {
    let arguments =
        ["load".to_owned(), "--quiet".to_owned(), "--input".to_owned(), archive.display().to_string()];
    let mut last = None;
    for engine in ENGINES {
        let program =
            Buildah { program: engine.into(), environment: environment.to_vec(), ..Buildah::default() };
        match run_alone(&program, "load the image", &arguments).await {
            Ok(()) => return Ok(engine),
            Err(error) => last = Some(last.unwrap_or(error)),
        }
    }
    let none = || BuildError::wrong("there is neither podman nor docker to load the image into");
    Err(last.unwrap_or_else(none))
}
