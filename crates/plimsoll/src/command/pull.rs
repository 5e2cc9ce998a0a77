use std::path::{Path, PathBuf};

use clap::Args;
use plimsoll_oci::{Reference, TagOrDigest};
use plimsoll_transport::{ImageName, Target};

use super::cp::{CopyArguments, read_name};
use crate::context::Context;
use crate::failure::Failure;

/// Digits of a digest in the name of a directory.
const DIGEST_DIGITS: usize = 12;

/// Copy an image from a registry to an OCI layout
///
/// The layout is a directory beside you, named after repository and tag, unless you say where.
#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// The image: a reference such as debian:12
    image: String,
    /// To: oci:DIR[:TAG] or docker-archive:FILE[:REF]
    destination: Option<String>,
    #[command(flatten)]
    copying: CopyArguments,
}

impl Pull {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let from = read_name(&self.image, context)?;
        let ImageName::Registry { reference, .. } = &from else {
            return Err(Failure::usage(format!("`{from}` is not in a registry"))
                .help(format!("plimsoll cp {from} DESTINATION")));
        };
        let to = match &self.destination {
            Some(text) => self.local_name(text)?,
            None => self.layout_beside(reference, context)?,
        };
        let with_evidence = format!("plimsoll pull -r {} {to}", self.image);
        self.copying.copy(&from, &to, &with_evidence, context)
    }

    /// A bare word would be a reference; whoever pulls means a place on this machine.
    fn local_name(&self, text: &str) -> Result<ImageName, Failure> {
        match text.parse() {
            Ok(ImageName::Registry { .. }) | Err(_) => {
                Err(Failure::usage(format!("`{text}` is no place to pull to"))
                    .help(format!("plimsoll pull {} oci:{text}", self.image)))
            }
            Ok(name) => Ok(name),
        }
    }

    fn layout_beside(&self, reference: &Reference, context: &mut Context) -> Result<ImageName, Failure> {
        let directory = directory_for(reference);
        if is_something_else(&directory) {
            let what = format!("`{}` is there, and is no image layout", directory.display());
            return Err(Failure::usage(what).help(format!("plimsoll pull {} oci:DIR", self.image)));
        }
        let target = match reference.target() {
            TagOrDigest::Tag(tag) => Target::Tag(tag),
            TagOrDigest::Digest(_) => Target::Sole,
        };
        let name = ImageName::Layout { directory, target };
        context.terminal().note(&format!("pulling to {name}"));
        Ok(name)
    }
}

/// The last part of the repository's name, with the tag or the beginning of the digest.
fn directory_for(reference: &Reference) -> PathBuf {
    let name = reference.repository.as_str().rsplit('/').next().unwrap_or_default();
    match reference.target() {
        TagOrDigest::Tag(tag) => PathBuf::from(format!("{name}-{tag}")),
        TagOrDigest::Digest(digest) => {
            PathBuf::from(format!("{name}-{}", &digest.encoded()[..DIGEST_DIGITS]))
        }
    }
}

fn is_something_else(directory: &Path) -> bool {
    let is_used = match directory.read_dir() {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => directory.exists(),
    };
    is_used && !directory.join("oci-layout").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_named_after_repository_and_tag() {
        let directory =
            |text: &str| directory_for(&Reference::parse_normalized(text).unwrap().0).display().to_string();
        assert_eq!(directory("debian"), "debian-latest");
        assert_eq!(directory("localhost:5000/team/app:1.2"), "app-1.2");
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(directory(&format!("r.example/app@{digest}")), "app-abababababab");
    }

    #[test]
    fn only_a_layout_or_nothing_may_be_written_to() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!is_something_else(&directory.path().join("nothing")));
        assert!(!is_something_else(directory.path()));
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(is_something_else(&file) && is_something_else(directory.path()));
        std::fs::write(directory.path().join("oci-layout"), "{}").unwrap();
        assert!(!is_something_else(directory.path()));
    }
}
