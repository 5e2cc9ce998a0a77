use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::advisories::{cannot, read_bounded};
use crate::failure::Failure;

/// Largest Dockerfile that is read.
pub(crate) const DOCKERFILE_BYTES_MAX: u64 = 4 << 20;
/// What is looked for in a directory.
const NAMES: [&str; 2] = ["Dockerfile", "Containerfile"];

/// A Dockerfile on this machine.
pub(in crate::command) struct Dockerfile {
    pub(in crate::command) path: PathBuf,
    /// The path as it is shown, with slashes.
    pub(in crate::command) name: String,
    /// The directory that is sent to the build with it, where it is known.
    pub(super) context: Option<PathBuf>,
}

/// The Dockerfiles that paths name.
pub(super) fn find(paths: &[PathBuf], context: Option<&Path>) -> Result<Vec<Dockerfile>, Failure> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    paths.iter().map(|path| find_one(path, context)).collect()
}

pub(in crate::command) fn find_one(path: &Path, context: Option<&Path>) -> Result<Dockerfile, Failure> {
    let named = |path: PathBuf, context: Option<PathBuf>| {
        let name = path.strip_prefix(".").unwrap_or(&path).display().to_string();
        Dockerfile { path, name, context }
    };
    if !path.is_dir() {
        return Ok(named(path.to_owned(), context.map(Path::to_owned)));
    }
    let context = context.unwrap_or(path).to_owned();
    let found = NAMES.iter().map(|name| path.join(name)).find(|path| path.is_file());
    match found {
        Some(found) => Ok(named(found, Some(context))),
        None => {
            let what = format!("`{}` holds no Dockerfile and no Containerfile", path.display());
            Err(Failure::not_evaluated(what).help("plimsoll lint FILE"))
        }
    }
}

impl Dockerfile {
    pub(in crate::command) fn read(&self) -> Result<Vec<u8>, Failure> {
        read_bounded(&self.path, DOCKERFILE_BYTES_MAX).map_err(|error| cannot("read", &self.path, &error))
    }

    /// Puts other text in its place, at once and with the same rights.
    pub(super) fn write(&self, text: &[u8]) -> Result<(), Failure> {
        let replace = || {
            let target = self.path.canonicalize()?;
            let mut file = NamedTempFile::new_in(target.parent().unwrap_or(Path::new(".")))?;
            file.write_all(text)?;
            file.as_file().set_permissions(target.metadata()?.permissions())?;
            file.as_file().sync_all()?;
            file.persist(&target).map(drop).map_err(|error| error.error)
        };
        replace().map_err(|error| cannot("write", &self.path, &error))
    }
}
