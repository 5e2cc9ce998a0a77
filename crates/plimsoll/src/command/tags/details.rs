use plimsoll_oci::{Descriptor, Digest, ImageIndex, ImageManifest, Manifest, MediaType, Platform, Tag};
use plimsoll_transport::{RawManifest, Repository, Sink as _};
use serde::Serialize;

use crate::failure::Failure;
use crate::reading::read_config;

/// A tag with what it points at, as far as that was asked for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagDetails {
    pub(super) name: Tag,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<MediaType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    /// Config and layers of an image; those of an index would each have to be asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    platforms: Vec<Platform>,
}

impl TagDetails {
    pub(super) fn name_only(name: Tag) -> Self {
        Self {
            name,
            digest: None,
            media_type: None,
            artifact_type: None,
            size_bytes: None,
            platforms: Vec::new(),
        }
    }

    /// The platforms, or what else it is.
    pub(super) fn describe_content(&self) -> String {
        if self.platforms.is_empty() {
            return self.artifact_type.clone().unwrap_or_else(|| "-".to_owned());
        }
        self.platforms.iter().map(Platform::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// Asks where a tag points. One that was removed meanwhile has a name only.
pub(super) async fn read(repository: &Repository, name: Tag) -> Result<TagDetails, Failure> {
    let Some(raw) = repository.tagged(&name).await? else { return Ok(TagDetails::name_only(name)) };
    match raw.parse()? {
        Manifest::Image(manifest) => of_image(repository, name, &raw, &manifest).await,
        Manifest::Index(index) => Ok(of_index(name, &raw, &index)),
    }
}

async fn of_image(
    repository: &Repository,
    name: Tag,
    raw: &RawManifest,
    manifest: &ImageManifest,
) -> Result<TagDetails, Failure> {
    let blobs = std::iter::once(&manifest.config).chain(&manifest.layers);
    let size_bytes = blobs.map(|blob| blob.size).fold(0, u64::saturating_add);
    let is_image = manifest.config.media_type.is_image_config();
    let platforms =
        if is_image { vec![read_config(repository, &manifest.config).await?.platform] } else { Vec::new() };
    let artifact_type = manifest.artifact_type.clone();
    let config_type = || manifest.config.media_type.to_string();
    Ok(TagDetails {
        digest: Some(raw.digest),
        media_type: Some(raw.media_type.clone()),
        artifact_type: (!is_image).then(|| artifact_type.unwrap_or_else(config_type)),
        size_bytes: Some(size_bytes),
        platforms,
        ..TagDetails::name_only(name)
    })
}

fn of_index(name: Tag, raw: &RawManifest, index: &ImageIndex) -> TagDetails {
    let platform = |child: &Descriptor| child.platform.clone().filter(|platform| !platform.is_unknown());
    TagDetails {
        digest: Some(raw.digest),
        media_type: Some(raw.media_type.clone()),
        artifact_type: index.artifact_type.clone(),
        platforms: index.manifests.iter().filter_map(platform).collect(),
        ..TagDetails::name_only(name)
    }
}
