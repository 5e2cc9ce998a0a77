//! The words of OCI images, parsed and printed.
//!
//! Every other crate speaks in these types: a digest, a reference or a media type is never a bare string past
//! the door where it came in. Nothing here reads a file, a clock or the network.
//!
//! Documents (manifest, index, config) are *views*: the bytes that were received are what is stored, hashed and
//! served, and a parsed view is never serialised again to obtain a digest.

mod config;
mod descriptor;
mod digest;
mod hasher;
mod hashing_writer;
mod manifest;
mod media_type;
mod platform;
mod reference;
mod repository;
mod tag;

pub use config::{ExecutionConfig, History, ImageConfig, ParseConfigError, RootFs};
pub use descriptor::Descriptor;
pub use digest::{Algorithm, ChainId, DiffId, Digest, ImageId, ParseDigestError};
pub use hasher::{Hasher, HasherState, ParseHasherStateError};
pub use hashing_writer::HashingWriter;
pub use manifest::{ImageIndex, ImageManifest, MANIFEST_BYTES_MAX, Manifest, ParseManifestError};
pub use media_type::{MediaType, ParseMediaTypeError};
pub use platform::{ParsePlatformError, Platform};
pub use reference::{ParseReferenceError, Reference, RegistryHost};
pub use repository::{ParseRepositoryNameError, RepositoryName};
pub use tag::{ParseTagError, Tag, TagOrDigest};
