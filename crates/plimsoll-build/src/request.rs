use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plimsoll_dockerfile::ignore::IgnoreFile;
use plimsoll_oci::{Descriptor, Digest, Platform};
use plimsoll_transport::ImageName;

use crate::store::{STORE_BYTES_MAX, Store, make_layout};
use crate::{BuildError, Buildah, Compression};

/// What is to be built.
#[derive(Debug)]
pub struct BuildRequest {
    /// What messages call the Dockerfile.
    pub name: String,
    /// Its text.
    pub dockerfile: Vec<u8>,
    /// The directory that files are copied from.
    pub context: PathBuf,
    /// What of it is left out.
    pub ignore: IgnoreFile,
    /// The stage to build; the last one unless it is said.
    pub target: Option<String>,
    /// Values for `ARG`.
    pub arguments: BTreeMap<String, String>,
    /// Directories and images that stand for names in the Dockerfile.
    pub contexts: BTreeMap<String, NamedContext>,
    /// What the image is made for.
    pub platform: Platform,
    /// How the layers that are made here are compressed.
    pub compression: Compression,
    /// The time of everything in the image, in seconds since 1970.
    pub time: u64,
    /// Where builds keep what they fetched and made.
    pub store: PathBuf,
    /// Who runs commands.
    pub buildah: Buildah,
}

/// What a name in the Dockerfile stands for.
#[derive(Clone, Debug)]
pub enum NamedContext {
    /// A directory.
    Directory(PathBuf),
    /// An image.
    Image(ImageName),
}

/// An image that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// Its manifest.
    pub manifest: Descriptor,
    /// The digest of its config.
    pub config: Digest,
    /// The OCI layout that it is in.
    pub store: PathBuf,
    /// The images from elsewhere that it was built with.
    pub bases: Vec<BaseUsed>,
    /// Whether its last stage was assembled here: the same files give the same digest.
    pub is_assembled: bool,
    /// The builder that ran commands, with its version.
    pub builder: Option<String>,
    /// Keeps others from taking away what the image is made of.
    pub(crate) lock: Arc<Store>,
}

impl Built {
    /// A layout with this image alone, which shares the store's blobs. What is attached to the image there is in the
    /// store too, but nobody else comes upon it.
    pub fn stage(&self) -> Result<Staged, BuildError> {
        let directory = self.lock.scratch_directory()?;
        make_layout(directory.path(), &self.manifest, &self.lock)?;
        Ok(Staged { directory })
    }

    /// Lets the image go, and with it what was not used for longest where the store is larger than it should be.
    pub fn close(self) -> std::io::Result<()> {
        Arc::into_inner(self.lock).map_or(Ok(()), |store| store.prune(STORE_BYTES_MAX))
    }
}

/// An image in a layout of its own, which goes when this is dropped.
#[derive(Debug)]
pub struct Staged {
    directory: tempfile::TempDir,
}

impl Staged {
    /// The layout's directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// An image from elsewhere, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUsed {
    /// As the Dockerfile names it.
    pub written: String,
    /// Where it came from.
    pub name: String,
    /// Its manifest.
    pub digest: Digest,
}

/// Hears what a build is doing.
pub trait Watch: Send + Sync {
    /// An instruction or another step begins.
    fn step(&self, text: &str);
    /// A command wrote a line.
    fn line(&self, text: &str);
}
