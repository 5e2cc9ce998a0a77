use std::collections::BTreeMap;

use serde::Deserialize;

use crate::descriptor::null_as_default;
use crate::{Descriptor, Digest, MediaType};

/// Largest manifest that is read or stored, in bytes; the specification asks for at least 4 MB.
pub const MANIFEST_BYTES_MAX: usize = 5 * 1024 * 1024;

/// A document uploaded at the manifests endpoint, as a view of its bytes.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is not kept")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// An image manifest: one config and its layers, or an artifact.
    Image(ImageManifest),
    /// An image index: a list of manifests.
    Index(ImageIndex),
}

/// The view of an image manifest (image-spec, `manifest.md`; Docker's version 2 schema 2 has the same shape).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// The type that the document says it has.
    #[serde(default)]
    pub media_type: Option<MediaType>,
    /// The type of the artifact, when it is one.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// The config.
    pub config: Descriptor,
    /// The layers from the base up.
    #[serde(default, deserialize_with = "null_as_default")]
    pub layers: Vec<Descriptor>,
    /// The manifest that this one refers to.
    #[serde(default)]
    pub subject: Option<Descriptor>,
    /// Free annotations.
    #[serde(default, deserialize_with = "null_as_default")]
    pub annotations: BTreeMap<String, String>,
}

/// The view of an image index (image-spec, `image-index.md`; Docker's manifest list has the same shape).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIndex {
    /// The type that the document says it has.
    #[serde(default)]
    pub media_type: Option<MediaType>,
    /// The type of the artifact, when it is one.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// The manifests listed, usually one per platform.
    #[serde(deserialize_with = "null_as_default")]
    pub manifests: Vec<Descriptor>,
    /// The manifest that this one refers to.
    #[serde(default)]
    pub subject: Option<Descriptor>,
    /// Free annotations.
    #[serde(default, deserialize_with = "null_as_default")]
    pub annotations: BTreeMap<String, String>,
}

/// Why some bytes are not a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ParseManifestError {
    /// More bytes than [`MANIFEST_BYTES_MAX`].
    #[error("the manifest has {bytes} bytes, over the limit of {MANIFEST_BYTES_MAX}")]
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
    /// Not a manifest in JSON.
    #[error("the manifest is not valid: {0}")]
    Json(#[from] serde_json::Error),
    /// The document's own `mediaType` differs from the type it was sent with.
    #[error("the manifest says its media type is `{inside}`, but it was sent as `{outside}`")]
    MediaTypeMismatch {
        /// The document's own word.
        inside: MediaType,
        /// The sender's word.
        outside: MediaType,
    },
    /// A type that is neither an image manifest nor an image index.
    #[error("manifests of media type `{0}` are not supported; use an OCI or Docker image manifest or index")]
    UnknownMediaType(MediaType),
    /// The sender gave no type and the document has neither `config` nor `manifests`.
    #[error("the manifest has no media type, and is neither an image manifest nor an image index")]
    Undetermined,
    /// `schemaVersion` is not 2.
    #[error("the manifest's `schemaVersion` is not 2")]
    SchemaVersion,
    /// Both `config` or `layers` and `manifests` are present.
    #[error("the manifest has the properties of both an image manifest and an image index")]
    Ambiguous,
}

/// What is looked at before the document is read as one kind or the other.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    schema_version: Option<u64>,
    media_type: Option<MediaType>,
    config: Option<serde::de::IgnoredAny>,
    layers: Option<serde::de::IgnoredAny>,
    manifests: Option<serde::de::IgnoredAny>,
}

impl Manifest {
    /// Reads `bytes` that were sent as `sent_as`, and returns the view with its effective media type.
    ///
    /// A document that looks like both an image manifest and an index is refused: two readers could take it for two
    /// different images (CVE-2021-41190).
    pub fn parse(bytes: &[u8], sent_as: Option<&MediaType>) -> Result<(Self, MediaType), ParseManifestError> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(ParseManifestError::TooLarge { bytes: bytes.len() });
        }
        let outline: Outline = serde_json::from_slice(bytes)?;
        let media_type = outline.media_type(sent_as)?;
        if outline.schema_version != Some(2) {
            return Err(ParseManifestError::SchemaVersion);
        }
        if outline.manifests.is_some() && (outline.config.is_some() || outline.layers.is_some()) {
            return Err(ParseManifestError::Ambiguous);
        }
        if media_type.is_image_manifest() {
            Ok((Self::Image(serde_json::from_slice(bytes)?), media_type))
        } else if media_type.is_image_index() {
            Ok((Self::Index(serde_json::from_slice(bytes)?), media_type))
        } else {
            Err(ParseManifestError::UnknownMediaType(media_type))
        }
    }

    /// The manifest that this one refers to.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Image(image) => image.subject.as_ref(),
            Self::Index(index) => index.subject.as_ref(),
        }
    }

    /// Its annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        match self {
            Self::Image(image) => &image.annotations,
            Self::Index(index) => &index.annotations,
        }
    }

    /// Whether it is a container image, and not an artifact in the form of one, as signatures and attestations are.
    pub fn is_container_image(&self) -> bool {
        let Self::Image(image) = self else { return false };
        image.config.media_type.is_image_config()
            && image.artifact_type.is_none()
            && image.layers.iter().all(|layer| layer.media_type.is_layer())
    }

    /// The type shown in a referrers list: its own, else an image manifest's config type
    /// (distribution-spec, "Listing Referrers").
    pub fn artifact_type(&self) -> Option<&str> {
        let not_empty = |text: &&str| !text.is_empty();
        match self {
            Self::Image(image) => {
                let own = image.artifact_type.as_deref().filter(not_empty);
                Some(own.unwrap_or(image.config.media_type.as_str()))
            }
            Self::Index(index) => index.artifact_type.as_deref().filter(not_empty),
        }
    }

    /// The blobs that make up the object: config and layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, layers) = match self {
            Self::Image(image) => (Some(&image.config), image.layers.as_slice()),
            Self::Index(_) => (None, [].as_slice()),
        };
        config.into_iter().chain(layers)
    }

    /// The manifests that it lists.
    pub fn children(&self) -> &[Descriptor] {
        match self {
            Self::Image(_) => &[],
            Self::Index(index) => &index.manifests,
        }
    }

    /// The descriptor under which this manifest appears in a referrers list.
    pub fn as_referrer(&self, media_type: MediaType, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            artifact_type: self.artifact_type().map(str::to_owned),
            annotations: self.annotations().clone(),
            ..Descriptor::new(media_type, digest, size)
        }
    }
}

impl Outline {
    fn media_type(&self, sent_as: Option<&MediaType>) -> Result<MediaType, ParseManifestError> {
        match (&self.media_type, sent_as) {
            (Some(inside), Some(outside)) if inside != outside => {
                Err(ParseManifestError::MediaTypeMismatch {
                    inside: inside.clone(),
                    outside: outside.clone(),
                })
            }
            (Some(known), _) | (None, Some(known)) => Ok(known.clone()),
            (None, None) if self.manifests.is_some() => Ok(MediaType::IMAGE_INDEX),
            (None, None) if self.config.is_some() => Ok(MediaType::IMAGE_MANIFEST),
            (None, None) => Err(ParseManifestError::Undetermined),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image_json(extra: &str) -> String {
        let config = Digest::sha256_of(b"{}");
        format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":2}},"layers":null{extra}}}"#
        )
    }

    #[test]
    fn the_kind_is_taken_from_the_shape_when_nobody_says() {
        let (manifest, media_type) = Manifest::parse(image_json("").as_bytes(), None).unwrap();
        assert_eq!(media_type, MediaType::IMAGE_MANIFEST);
        assert_eq!(manifest.blobs().count(), 1);
        assert_eq!(manifest.artifact_type(), Some("application/vnd.oci.image.config.v1+json"));
    }

    #[test]
    fn a_document_of_two_kinds_is_refused() {
        let both = image_json(r#","manifests":[]"#);
        let refused = Manifest::parse(both.as_bytes(), Some(&MediaType::IMAGE_INDEX));
        assert!(matches!(refused, Err(ParseManifestError::Ambiguous)));
    }

    #[test]
    fn a_wrong_or_unknown_type_is_refused() {
        let inside = image_json(r#","mediaType":"application/vnd.oci.image.manifest.v1+json""#);
        let refused = Manifest::parse(inside.as_bytes(), Some(&MediaType::IMAGE_INDEX));
        assert!(matches!(refused, Err(ParseManifestError::MediaTypeMismatch { .. })));
        let unknown: MediaType = "text/plain".parse().unwrap();
        let refused = Manifest::parse(image_json("").as_bytes(), Some(&unknown));
        assert!(matches!(refused, Err(ParseManifestError::UnknownMediaType(_))));
        assert!(matches!(Manifest::parse(b"{}", None), Err(ParseManifestError::Undetermined)));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
            let _ = Manifest::parse(&bytes, Some(&MediaType::IMAGE_MANIFEST));
        }
    }
}
