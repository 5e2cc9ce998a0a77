use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use plimsoll_oci::{Digest, ParseReferenceError, Reference, TagOrDigest};

use crate::Target;

/// What a user writes to name an image, wherever it lives.
///
/// The words before the colon are reserved: Docker Hub's image called `docker` is written
/// `docker.io/library/docker:27`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageName {
    /// A reference: an image in a registry.
    Registry {
        /// Where it is.
        reference: Reference,
        /// Whether registry or namespace were filled in as Docker does, so that the user can be told.
        filled_in: bool,
    },
    /// `oci:DIR[:TAG]` or `oci:DIR@DIGEST`: an image in an OCI image layout.
    Layout {
        /// The directory.
        directory: PathBuf,
        /// Which image in it.
        target: Target,
    },
    /// `docker-archive:FILE[:REF]`: an image in a file of `docker save`.
    DockerArchive {
        /// The file.
        file: PathBuf,
        /// Which image in it.
        reference: Option<Reference>,
    },
    /// `rootfs:DIR`: a directory tree, taken as an image of one layer.
    RootFs {
        /// The directory.
        directory: PathBuf,
    },
    /// `docker:REF`: an image that Docker has on this machine.
    Docker {
        /// Its name there.
        reference: Reference,
    },
    /// `podman:REF`: an image that Podman has on this machine.
    Podman {
        /// Its name there.
        reference: Reference,
    },
}

/// Why some text does not name an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseImageNameError {
    /// The part after the transport is not a reference.
    #[error("`{text}` does not name an image: {source}")]
    Reference {
        /// What was read.
        text: String,
        /// Why it is none.
        source: ParseReferenceError,
    },
    /// No file or directory follows the colon.
    #[error("`{transport}:` needs a {wanted} after the colon")]
    NoPath {
        /// The word before the colon.
        transport: &'static str,
        /// What is missing.
        wanted: &'static str,
    },
    /// Another tool's way to write a reference.
    #[error("`{0}` is written without `docker://` here")]
    DockerUrl(String),
}

impl ImageName {
    /// Which image of the place is meant.
    pub fn target(&self) -> Target {
        match self {
            Self::Registry { reference, .. } => match reference.target() {
                TagOrDigest::Tag(tag) => Target::Tag(tag),
                TagOrDigest::Digest(digest) => Target::Digest(digest),
            },
            Self::Layout { target, .. } => target.clone(),
            Self::DockerArchive { reference: Some(reference), .. } => Target::Reference(reference.clone()),
            Self::DockerArchive { reference: None, .. } | Self::RootFs { .. } => Target::Sole,
            Self::Docker { .. } | Self::Podman { .. } => Target::Sole,
        }
    }
}

impl FromStr for ImageName {
    type Err = ParseImageNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("oci", rest)) => parse_layout(rest),
            Some(("docker-archive", rest)) => parse_archive(rest),
            Some(("rootfs", rest)) => {
                Ok(Self::RootFs { directory: parse_path("rootfs", "directory", rest)? })
            }
            Some(("docker", rest)) if rest.starts_with("//") => {
                Err(ParseImageNameError::DockerUrl(rest.trim_start_matches('/').to_owned()))
            }
            Some(("docker", rest)) => Ok(Self::Docker { reference: parse_reference(rest)?.0 }),
            Some(("podman", rest)) => Ok(Self::Podman { reference: parse_reference(rest)?.0 }),
            _ => parse_reference(text).map(|(reference, filled_in)| Self::Registry { reference, filled_in }),
        }
    }
}

fn parse_layout(rest: &str) -> Result<ImageName, ParseImageNameError> {
    let by_digest = rest
        .rsplit_once('@')
        .and_then(|(directory, digest)| Some((directory, digest.parse::<Digest>().ok()?)));
    let (directory, target) = match (by_digest, rest.split_once(':')) {
        (Some((directory, digest)), _) => (directory, Target::Digest(digest)),
        (None, Some((directory, name))) => (directory, parse_layout_name(name)?),
        (None, None) => (rest, Target::Sole),
    };
    Ok(ImageName::Layout { directory: parse_path("oci", "directory", directory)?, target })
}

/// Layouts name their images with tags, or with whole references (image-spec, `annotations.md`, `ref.name`).
fn parse_layout_name(name: &str) -> Result<Target, ParseImageNameError> {
    match name.parse() {
        Ok(tag) => Ok(Target::Tag(tag)),
        Err(_) => Ok(Target::Reference(parse_reference(name)?.0)),
    }
}

fn parse_archive(rest: &str) -> Result<ImageName, ParseImageNameError> {
    let (file, reference) = match rest.split_once(':') {
        Some((file, reference)) => (file, Some(parse_reference(reference)?.0)),
        None => (rest, None),
    };
    Ok(ImageName::DockerArchive { file: parse_path("docker-archive", "file", file)?, reference })
}

fn parse_path(
    transport: &'static str,
    wanted: &'static str,
    path: &str,
) -> Result<PathBuf, ParseImageNameError> {
    if path.is_empty() {
        return Err(ParseImageNameError::NoPath { transport, wanted });
    }
    Ok(PathBuf::from(path))
}

fn parse_reference(text: &str) -> Result<(Reference, bool), ParseImageNameError> {
    Reference::parse_normalized(text)
        .map_err(|source| ParseImageNameError::Reference { text: text.to_owned(), source })
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry { reference, .. } => reference.fmt(f),
            Self::Layout { directory, target } => {
                write!(f, "oci:{}", directory.display())?;
                match target {
                    Target::Sole => Ok(()),
                    Target::Tag(tag) => write!(f, ":{tag}"),
                    Target::Reference(reference) => write!(f, ":{reference}"),
                    Target::Digest(digest) => write!(f, "@{digest}"),
                }
            }
            Self::DockerArchive { file, reference: None } => write!(f, "docker-archive:{}", file.display()),
            Self::DockerArchive { file, reference: Some(reference) } => {
                write!(f, "docker-archive:{}:{reference}", file.display())
            }
            Self::RootFs { directory } => write!(f, "rootfs:{}", directory.display()),
            Self::Docker { reference } => write!(f, "docker:{reference}"),
            Self::Podman { reference } => write!(f, "podman:{reference}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        text.parse::<ImageName>().unwrap().to_string()
    }

    #[test]
    fn every_transport_is_read() {
        assert_eq!(printed("oci:/tmp/x"), "oci:/tmp/x");
        assert_eq!(printed("oci:x:1.2"), "oci:x:1.2");
        assert_eq!(printed("oci:x:r.example/a:1"), "oci:x:r.example/a:1");
        let digest = Digest::sha256_of(b"x");
        assert_eq!(printed(&format!("oci:x@{digest}")), format!("oci:x@{digest}"));
        assert_eq!(printed("docker-archive:a.tar"), "docker-archive:a.tar");
        assert_eq!(
            printed("docker-archive:a.tar:debian:12"),
            "docker-archive:a.tar:docker.io/library/debian:12"
        );
        assert_eq!(printed("rootfs:/srv/a:b"), "rootfs:/srv/a:b");
        assert_eq!(printed("docker:debian"), "docker:docker.io/library/debian");
        assert_eq!(printed("podman:localhost/app:1"), "podman:localhost/app:1");
    }

    #[test]
    fn a_plain_name_is_a_reference_and_says_what_was_filled_in() {
        let name: ImageName = "debian".parse().unwrap();
        assert!(matches!(name, ImageName::Registry { filled_in: true, .. }));
        assert_eq!(name.target(), Target::Tag("latest".parse().unwrap()));
        let name: ImageName = "localhost:5000/app:1".parse().unwrap();
        assert!(matches!(name, ImageName::Registry { filled_in: false, .. }));
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = "oci:".parse::<ImageName>().unwrap_err();
        assert_eq!(missing.to_string(), "`oci:` needs a directory after the colon");
        assert!(matches!("docker://debian".parse::<ImageName>(), Err(ParseImageNameError::DockerUrl(_))));
        assert!("oci:x:".parse::<ImageName>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(
            transport in "(oci:|docker-archive:|rootfs:|docker:|podman:|)",
            text in ".{0,80}",
        ) {
            if let Ok(name) = format!("{transport}{text}").parse::<ImageName>() {
                proptest::prop_assert!(!name.to_string().is_empty());
            }
        }
    }
}
