//! Running builds: our own assembler, and buildah as a child.
//!
//! [`build()`] makes the image that a Dockerfile describes. Stages that run no command are assembled here: their layers
//! are written from the context and from the layers of other images, which are never unpacked, and depend on nothing
//! but their content. Stages that run commands go to buildah, and come back as an OCI layout.
//!
//! What is fetched and made lies in a store, an OCI layout that is kept from build to build.

mod assemble;
mod base;
mod buildah;
mod config;
mod copy;
mod error;
mod files;
mod layer;
mod load;
mod plan;
mod request;
mod stage;
mod store;

pub use assemble::build;
pub use buildah::{Buildah, SecretFile};
pub use error::BuildError;
pub use layer::Compression;
pub use load::load;
pub use request::{BaseUsed, BuildRequest, Built, NamedContext, Staged, Watch};
pub use store::STORE_BYTES_MAX;
