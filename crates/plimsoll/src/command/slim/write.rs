//! Writes the results, once the smaller image has passed.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use plimsoll_slim::closure::Ownership;
use plimsoll_slim::keep::KeepList;
use plimsoll_slim::lock::Lock;
use plimsoll_slim::patch::patch;
use plimsoll_transport::{
    BlobContent, BlobVerifier, ImageName, Placement, Places, PortFuture, Presence, TransportError,
    VerifiedStream, put_bytes,
};
use serde_json::Value;

use super::image::Unpacked;
use super::outcome::Outcome;
use super::pack::Packed;
use crate::command::lint::DOCKERFILE_BYTES_MAX;
use crate::failure::Failure;

/// How much of the layer is read at once.
const PIECE_BYTES: usize = 1 << 20;

/// All that is written.
pub(super) struct Written<'a> {
    pub(super) list: &'a KeepList<'a>,
    pub(super) ownership: &'a Ownership,
    pub(super) packed: &'a Packed,
    pub(super) unpacked: &'a Unpacked,
    pub(super) profile: &'a Value,
    pub(super) dockerfile: Option<(&'a Path, &'a [u8])>,
    pub(super) has_tar: bool,
}

/// Writes the image, then what is said of it; the list of reasons comes last, so that it never speaks of results that are
/// not there.
pub(super) async fn write_all(
    written: &Written<'_>,
    out: &Path,
    to: Option<&ImageName>,
    places: &Places,
) -> Result<Outcome, Failure> {
    let lock =
        Lock::new(written.list, written.ownership, written.unpacked.digest, written.packed.manifest.digest);
    let patch = written.patch_text()?;
    std::fs::create_dir_all(out).map_err(|error| {
        Failure::not_evaluated("cannot make the directory for the results")
            .at(out.display().to_string())
            .because(&error)
    })?;
    let layout;
    let place = match to {
        Some(name) => name,
        None => {
            layout =
                ImageName::Layout { directory: out.join("image"), target: plimsoll_transport::Target::Sole };
            &layout
        }
    };
    written.put_image(place, places).await?;
    let mut files = vec![("seccomp.json", pretty(written.profile).into_bytes())];
    files.extend(patch.map(|text| ("Dockerfile.slim.patch", text)));
    files.push(("plimsoll.lock", lock.print().into_bytes()));
    let mut names = Vec::new();
    for (name, content) in &files {
        names.push(write_file(&out.join(name), content)?);
    }
    Ok(Outcome::new(written, &lock, place.to_string(), names))
}

impl Written<'_> {
    fn patch_text(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some((path, source)) = self.dockerfile else { return Ok(None) };
        let health_check = self.unpacked.raw_config["config"].get("Healthcheck");
        let patch =
            patch(source, self.has_tar, &self.unpacked.config, health_check, self.list).map_err(|error| {
                Failure::not_evaluated("cannot make a patch").at(path.display().to_string()).because(&error)
            })?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Ok(Some(patch.text(&name, source)))
    }

    async fn put_image(&self, to: &ImageName, places: &Places) -> Result<(), Failure> {
        let open = places.open_sink(to, None).await?;
        let sink = open.sink.as_ref();
        let (config, config_bytes) = &self.packed.config;
        put_bytes(sink, config, config_bytes.clone()).await?;
        let layer = &self.packed.layer;
        if sink.obtain_blob(layer).await? == Presence::Absent {
            let file = File::open(&self.packed.layer_file)
                .map_err(|error| Failure::not_evaluated("cannot read the layer").because(&error))?;
            let layer_file = LayerFile { file: Arc::new(file), path: self.packed.layer_file.clone() };
            sink.put_blob(layer, &layer_file).await?;
        }
        let placement = open.tag.map_or(Placement::TopLevel, Placement::Tagged);
        sink.put_manifest(&self.packed.manifest, &placement).await?;
        Ok(sink.finish().await?)
    }
}

/// A layer in a file.
struct LayerFile {
    file: Arc<File>,
    path: PathBuf,
}

impl BlobContent for LayerFile {
    fn open(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream> {
        let start = (Arc::clone(&self.file), self.path.clone(), from.offset());
        let pieces = stream::try_unfold(start, |(file, path, at)| async move {
            let reading = tokio::task::spawn_blocking(move || {
                let mut piece = vec![0; PIECE_BYTES];
                file.read_at(&mut piece, at).map(|count| {
                    piece.truncate(count);
                    (file, Bytes::from(piece))
                })
            });
            let failed = |source| TransportError::Io { operation: "read", path: path.clone(), source };
            let (file, piece) = reading.await.map_err(io::Error::other).flatten().map_err(failed)?;
            let next = at + piece.len() as u64;
            Ok((!piece.is_empty()).then_some((piece, (file, path, next))))
        });
        Box::pin(async move { Ok(VerifiedStream::new(Box::pin(pieces), from)) })
    }
}

/// Reads the Dockerfile before anything is run, so that a wrong path costs no time.
pub(super) fn read_dockerfile(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(DOCKERFILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    let failed = || Failure::usage("cannot read the Dockerfile").at(path.display().to_string());
    read.map_err(|error| failed().because(&error))?;
    if bytes.len() as u64 > DOCKERFILE_BYTES_MAX {
        return Err(failed().help(format!("it is longer than {DOCKERFILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// Writes a file that is there whole or as it was.
fn write_file(path: &Path, content: &[u8]) -> Result<PathBuf, Failure> {
    let write = || {
        let directory = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        use std::os::unix::fs::PermissionsExt as _;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error: io::Error| {
        Failure::not_evaluated("cannot write a result").at(path.display().to_string()).because(&error)
    })?;
    Ok(path.to_owned())
}

fn pretty(value: &Value) -> String {
    let mut text = format!("{value:#}");
    text.push('\n');
    text
}
