//! How a compiled index is an OCI artifact.
//!
//! Its catalogue is the config, and each shard a layer (image-spec, `manifest.md`, "Guidelines for Artifact Usage"). So
//! any registry serves it, and a node takes only the shards that it needs.

/// The artifact's type.
pub const ARTIFACT_TYPE: &str = "application/vnd.plimsoll.advisories.v1";

/// The media type of the catalogue, which is the artifact's config.
pub const CATALOGUE_TYPE: &str = "application/vnd.plimsoll.advisories.catalogue.v1+json";

/// The media type of a shard, which is a layer.
pub const SHARD_TYPE: &str = "application/vnd.plimsoll.advisories.shard.v1";

/// The annotation with a shard's name, such as `Debian:12`.
pub const SHARD_NAME: &str = "io.plimsoll.advisories.shard";

/// The annotation with a shard's kind.
pub const SHARD_KIND: &str = "io.plimsoll.advisories.kind";

/// The largest shard that is read.
pub const SHARD_BYTES_MAX: u64 = 512 << 20;
