use std::collections::BTreeMap;

use plimsoll_oci::{Digest, Reference, RegistryHost, RepositoryName, Tag};
use plimsoll_transport::{Access, ImageName, Places, Sink as _, Source as _};

use crate::command::approve::repository_of;
use crate::command::cp::read_name;
use crate::context::Context;
use crate::failure::Failure;

/// Most images of one answer.
const IMAGES_MAX: usize = 10_000;

/// What approvals are listed of.
pub(super) enum Scope {
    Image(ImageName),
    Repository(RegistryHost, RepositoryName),
    Registry(RegistryHost),
}

/// An image, with the names by which it is known there.
pub(super) struct NamedImage {
    pub(super) name: ImageName,
    pub(super) names: Vec<String>,
    pub(super) digest: Digest,
    /// The repository, as approvals name it.
    pub(super) repository: Option<String>,
}

impl Scope {
    /// A text without a tag or digest names a repository, and one without a slash a registry.
    pub(super) fn read(text: &str, context: &mut Context) -> Result<Self, Failure> {
        let last = text.rsplit('/').next().unwrap_or(text);
        let is_plain = !["oci:", "docker:", "podman:", "docker-archive:", "rootfs:"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        let unknown = |error: &dyn std::error::Error| {
            let failure = Failure::usage(format!("`{text}` names no image, repository or registry"));
            failure.because(error).help("plimsoll approvals localhost:5000/team/app")
        };
        if is_plain
            && !text.contains('/')
            && (text.contains(':') || text.contains('.') || text == "localhost")
        {
            return text.parse().map(Self::Registry).map_err(|error| unknown(&error));
        }
        if is_plain && text.contains('/') && !last.contains([':', '@']) {
            let (reference, _) = Reference::parse_normalized(text).map_err(|error| unknown(&error))?;
            return Ok(Self::Repository(reference.registry, reference.repository));
        }
        read_name(text, context).map(Self::Image)
    }

    /// The registry that is asked about many images at once.
    pub(super) fn registry(&self) -> Option<&RegistryHost> {
        match self {
            Self::Image(_) => None,
            Self::Repository(host, _) | Self::Registry(host) => Some(host),
        }
    }

    /// Whether a repository is part of it.
    pub(super) fn holds(&self, repository: &RepositoryName) -> bool {
        match self {
            Self::Image(_) => false,
            Self::Repository(_, own) => own == repository,
            Self::Registry(_) => true,
        }
    }

    /// The images, by repository.
    pub(super) async fn images(&self, places: &Places) -> Result<Vec<Vec<NamedImage>>, Failure> {
        match self {
            Self::Image(name) => {
                let open = places.open_source(name).await?;
                let digest = open.source.resolve(&open.target).await?.digest;
                let repository = repository_of(name);
                let names = vec![name.to_string()];
                Ok(vec![vec![NamedImage { name: name.clone(), names, digest, repository }]])
            }
            Self::Repository(host, repository) => {
                let mut left = IMAGES_MAX;
                Ok(vec![tagged(places, host, repository, &mut left).await?])
            }
            Self::Registry(host) => {
                let mut left = IMAGES_MAX;
                let mut groups = Vec::new();
                for repository in places.registries.catalogue(host).await? {
                    groups.push(tagged(places, host, &repository, &mut left).await?);
                }
                Ok(groups)
            }
        }
    }
}

/// The images of a repository that have tags, each once.
async fn tagged(
    places: &Places,
    host: &RegistryHost,
    repository: &RepositoryName,
    left: &mut usize,
) -> Result<Vec<NamedImage>, Failure> {
    let client = places.registries.repository(host, repository, &Access::Pull);
    let mut found: BTreeMap<Digest, Vec<Tag>> = BTreeMap::new();
    for tag in client.tags().await?.into_iter().filter(|tag| !tag.is_evidence()) {
        let many = || {
            Failure::usage(format!("there are more than {IMAGES_MAX} tags"))
                .help("name one of its repositories")
        };
        *left = left.checked_sub(1).ok_or_else(many)?;
        // A tag may be gone since the list was made.
        let Some(raw) = client.tagged(&tag).await? else { continue };
        found.entry(raw.digest).or_default().push(tag);
    }
    let named = |(digest, tags): (Digest, Vec<Tag>)| {
        let reference = Reference {
            registry: host.clone(),
            repository: repository.clone(),
            tag: None,
            digest: Some(digest),
        };
        let name = ImageName::Registry { reference, filled_in: false };
        let names = tags.iter().map(|tag| format!("{repository}:{tag}")).collect();
        NamedImage { name, names, digest, repository: Some(format!("{host}/{repository}")) }
    };
    Ok(found.into_iter().map(named).collect())
}
