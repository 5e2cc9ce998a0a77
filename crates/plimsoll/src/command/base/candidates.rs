//! Which images of a registry could be bases, and which is the one that an image stands on.

use plimsoll_oci::{DiffId, Digest, RegistryHost};
use plimsoll_slim::base::layers_of_base;
use plimsoll_transport::{Access, ImageName, Source as _};

use crate::failure::Failure;
use crate::reading::{ImageReader, WholeImage, find_image};

/// Images that are read as candidates; a registry has more, and a prefix says which are meant.
const CANDIDATES_MAX: usize = 50;

/// Tags that are looked at to find them.
const TAGS_MAX: usize = 500;

/// An image of the registry.
pub(super) struct Held {
    pub(super) name: ImageName,
    digest: Digest,
    diff_ids: Vec<DiffId>,
}

/// The images that were found.
pub(super) struct Shelf {
    /// The base that the image stands on, and how many layers it brings.
    pub(super) present: Option<(Held, usize)>,
    /// Those that it could stand on.
    pub(super) others: Vec<Held>,
    /// How many more there are.
    pub(super) left_out: usize,
    /// Names that are no image for the platform, or could not be read.
    pub(super) unread: Vec<String>,
}

impl Shelf {
    /// Lists the images, by their configs alone. The image itself and what was built on the same base are none.
    pub(super) async fn look(
        reader: &ImageReader<'_>,
        from: &str,
        image: &WholeImage,
    ) -> Result<Self, Failure> {
        let (mut all, unread) = held(reader, from).await?;
        let own = &image.contents.layers;
        all.retain(|held| held.digest != image.found.raw.digest);
        let layers = |held: &Held| layers_of_base(own, &held.diff_ids);
        let longest = all.iter().enumerate().filter_map(|(at, held)| Some((layers(held)?, at))).max();
        let present = longest.map(|(count, at)| (all.swap_remove(at), count));
        if let Some((base, _)) = &present {
            all.retain(|held| layers_of_base(&held.diff_ids, &base.diff_ids).is_none());
        }
        all.sort_by_key(|held| held.name.to_string());
        let left_out = all.len().saturating_sub(CANDIDATES_MAX);
        all.truncate(CANDIDATES_MAX);
        Ok(Self { present, others: all, left_out, unread })
    }
}

/// The images of the registry whose repositories begin with the prefix, each digest once, for the platform.
async fn held(reader: &ImageReader<'_>, from: &str) -> Result<(Vec<Held>, Vec<String>), Failure> {
    let (host, prefix) = from.split_once('/').unwrap_or((from, ""));
    let registry: RegistryHost = host.parse().map_err(|error| {
        Failure::usage(format!("`{from}` does not name a registry"))
            .because(&error)
            .help("plimsoll base IMAGE --from localhost:5000/base")
    })?;
    let mut held: Vec<Held> = Vec::new();
    let mut unread = Vec::new();
    let mut tags_left = TAGS_MAX;
    for name in reader.places.registries.catalogue(&registry).await? {
        if !name.as_str().starts_with(prefix) {
            continue;
        }
        let repository = reader.places.registries.repository(&registry, &name, &Access::Pull);
        let tags = repository.tags().await?;
        for tag in tags.iter().filter(|tag| !tag.is_evidence()) {
            if tags_left == 0 {
                return Ok((held, unread));
            }
            tags_left -= 1;
            let image: ImageName = format!("{registry}/{name}:{tag}").parse().map_err(|error| {
                Failure::not_evaluated(format!("the registry names an image `{name}:{tag}`")).because(&error)
            })?;
            let open = reader.places.open_source(&image).await?;
            let Ok(found) = find_image(&open, reader.platform).await else {
                unread.push(image.to_string());
                continue;
            };
            let digest = found.raw.digest;
            if !held.iter().any(|other| other.digest == digest) {
                held.push(Held { name: image, digest, diff_ids: found.config.rootfs.diff_ids });
            }
        }
    }
    Ok((held, unread))
}
