use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// The type of some content, such as `application/vnd.oci.image.manifest.v1+json` (RFC 6838, section 4.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct MediaType(Cow<'static, str>);

macro_rules! known {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        impl MediaType {
            $($(#[$doc])* pub const $name: Self = Self(Cow::Borrowed($text));)*
        }
    };
}

known! {
    /// OCI image manifest.
    IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image index.
    IMAGE_INDEX = "application/vnd.oci.image.index.v1+json";
    /// OCI image config.
    IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json";
    /// OCI layer, a plain tar.
    LAYER = "application/vnd.oci.image.layer.v1.tar";
    /// OCI layer, a tar compressed with gzip.
    LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// OCI layer, a tar compressed with Zstandard.
    LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd";
    /// OCI's empty JSON object, the config of artifacts that need none.
    EMPTY_JSON = "application/vnd.oci.empty.v1+json";
    /// Docker image manifest, version 2 schema 2.
    DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker manifest list: Docker's image index.
    DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker image config.
    DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
    /// Docker layer, a tar compressed with gzip.
    DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    /// Docker layer that must not be pushed to registries of others.
    DOCKER_FOREIGN_LAYER_GZIP = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
}

/// Longest accepted media type: RFC 6838 allows 127 characters on each side of the slash.
const LENGTH_MAX: usize = 255;

impl MediaType {
    /// The text, without parameters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of the two image manifest types.
    pub fn is_image_manifest(&self) -> bool {
        *self == Self::IMAGE_MANIFEST || *self == Self::DOCKER_MANIFEST
    }

    /// Whether it is one of the two image index types.
    pub fn is_image_index(&self) -> bool {
        *self == Self::IMAGE_INDEX || *self == Self::DOCKER_MANIFEST_LIST
    }

    /// Whether it is one of the two image config types.
    pub fn is_image_config(&self) -> bool {
        *self == Self::IMAGE_CONFIG || *self == Self::DOCKER_CONFIG
    }

    /// Whether it is a layer of a container image, distributable or not.
    pub fn is_layer(&self) -> bool {
        let prefixes = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];
        prefixes.iter().any(|prefix| self.as_str().starts_with(prefix))
    }

    /// Whether a registry may lack the blob: OCI's deprecated non-distributable layers and Docker's foreign layers.
    pub fn is_nondistributable(&self) -> bool {
        self.0.starts_with("application/vnd.oci.image.layer.nondistributable.v1.")
            || *self == Self::DOCKER_FOREIGN_LAYER_GZIP
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not a media type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a media type is `type/subtype` in at most {LENGTH_MAX} characters of RFC 6838")]
pub struct ParseMediaTypeError;

impl FromStr for MediaType {
    type Err = ParseMediaTypeError;

    /// Takes the type and drops any parameters after a semicolon.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let essence = text.split(';').next().unwrap_or_default().trim();
        let (kind, subtype) = essence.split_once('/').ok_or(ParseMediaTypeError)?;
        let well_formed =
            essence.len() <= LENGTH_MAX && is_restricted_name(kind) && is_restricted_name(subtype);
        if well_formed { Ok(Self(Cow::Owned(essence.to_owned()))) } else { Err(ParseMediaTypeError) }
    }
}

fn is_restricted_name(name: &str) -> bool {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
    name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric()) && name.bytes().all(is_name_byte)
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_dropped() {
        let parsed: MediaType = "application/vnd.oci.image.index.v1+json; charset=utf-8".parse().unwrap();
        assert_eq!(parsed, MediaType::IMAGE_INDEX);
    }

    #[test]
    fn header_tricks_are_refused() {
        for text in ["", "json", "a/", "/b", "a/b\r\nX: y", "a/b c", &format!("a/{}", "b".repeat(300))] {
            assert_eq!(text.parse::<MediaType>(), Err(ParseMediaTypeError), "{text:?}");
        }
    }
}
