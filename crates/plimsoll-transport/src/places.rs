use std::path::PathBuf;

use plimsoll_oci::{Platform, RepositoryName, Tag};

use crate::{
    Access, DockerArchiveSink, Engine, ImageName, LayoutSink, LayoutSource, RegistryClient, Sink, Source,
    Target, TransportError, open_docker_archive, open_engine_image, open_root_fs,
};

/// All the places that an [`ImageName`] can lead to, and how to get there. The binary fills it in.
#[derive(Clone)]
pub struct Places {
    /// For registries.
    pub registries: RegistryClient,
    /// Docker's API socket: the path in `DOCKER_HOST`, else `/var/run/docker.sock`.
    pub docker_socket: PathBuf,
    /// Podman's API sockets, of which the first that exists is taken: `$XDG_RUNTIME_DIR/podman/podman.sock`, then
    /// `/run/podman/podman.sock`.
    pub podman_sockets: Vec<PathBuf>,
    /// Where large things may rest for a while.
    pub scratch_directory: PathBuf,
    /// What a root file system is taken to be made for.
    pub root_fs_platform: Platform,
}

/// A source that was opened, and which of its images was named.
pub struct OpenSource {
    /// The place.
    pub source: Box<dyn Source>,
    /// The image in it.
    pub target: Target,
}

/// A sink that was opened, and the tag that was named.
pub struct OpenSink {
    /// The place.
    pub sink: Box<dyn Sink>,
    /// The tag to set; without one the image is found by its digest alone.
    pub tag: Option<Tag>,
}

impl Places {
    /// Opens the place that `name` leads to, for reading.
    pub async fn open_source(&self, name: &ImageName) -> Result<OpenSource, TransportError> {
        let scratch = &self.scratch_directory;
        let source: Box<dyn Source> = match name {
            ImageName::Registry { reference, .. } => Box::new(self.registries.repository(
                &reference.registry,
                &reference.repository,
                &Access::Pull,
            )),
            ImageName::Layout { directory, .. } => Box::new(LayoutSource::open(directory).await?),
            ImageName::DockerArchive { file, .. } => open_docker_archive(file, scratch).await?,
            ImageName::RootFs { directory } => {
                open_root_fs(directory, &self.root_fs_platform, scratch).await?
            }
            ImageName::Docker { reference } => {
                open_engine_image(Engine::Docker, &self.docker_socket, reference, scratch).await?
            }
            ImageName::Podman { reference } => {
                let socket = self.podman_socket()?;
                open_engine_image(Engine::Podman, &socket, reference, scratch).await?
            }
        };
        Ok(OpenSource { source, target: name.target() })
    }

    /// Opens the place that `name` leads to, for writing. `from` is where the image comes from: blobs can be mounted
    /// between repositories of one registry.
    pub async fn open_sink(
        &self,
        name: &ImageName,
        from: Option<&ImageName>,
    ) -> Result<OpenSink, TransportError> {
        match name {
            ImageName::Registry { reference, .. } => {
                let access = Access::Push { mount_from: mountable(name, from) };
                let repository =
                    self.registries.repository(&reference.registry, &reference.repository, &access);
                let tag = match name.target() {
                    Target::Tag(tag) => Some(tag),
                    _ => reference.tag.clone(),
                };
                Ok(OpenSink { sink: Box::new(repository), tag })
            }
            ImageName::Layout { directory, target } => {
                let tag = layout_tag(target)?;
                Ok(OpenSink { sink: Box::new(LayoutSink::open(directory).await?), tag })
            }
            ImageName::DockerArchive { file, reference } => {
                let sink = DockerArchiveSink::create(file, reference.clone()).await?;
                Ok(OpenSink { sink: Box::new(sink), tag: None })
            }
            ImageName::RootFs { .. } | ImageName::Docker { .. } | ImageName::Podman { .. } => {
                Err(TransportError::Unsupported {
                    what: format!("`{name}` can be read, but not written"),
                    help: "write to docker-archive:FILE, and load that with `docker load` or `podman load`"
                        .to_owned(),
                })
            }
        }
    }

    fn podman_socket(&self) -> Result<PathBuf, TransportError> {
        let found = self.podman_sockets.iter().find(|socket| socket.exists());
        found.cloned().ok_or_else(|| TransportError::NoAnswer {
            peer: "podman".to_owned(),
            cause: "its API socket is not there".to_owned(),
            is_closed: true,
            help: Engine::Podman.how_to_start().to_owned(),
        })
    }
}

/// The source's repository, when it is another one of the same registry.
fn mountable(to: &ImageName, from: Option<&ImageName>) -> Option<RepositoryName> {
    match (to, from) {
        (ImageName::Registry { reference: to, .. }, Some(ImageName::Registry { reference: from, .. })) => {
            (to.registry == from.registry).then(|| from.repository.clone())
        }
        _ => None,
    }
}

fn layout_tag(target: &Target) -> Result<Option<Tag>, TransportError> {
    match target {
        Target::Sole => Ok(None),
        Target::Tag(tag) => Ok(Some(tag.clone())),
        Target::Reference(_) | Target::Digest(_) => Err(TransportError::Unsupported {
            what: format!("an image in a layout is written under a tag, not as {target}"),
            help: "name it oci:DIR or oci:DIR:TAG".to_owned(),
        }),
    }
}
