//! What is inside of what was named.

use std::path::Path;

use plimsoll_oci::Digest;
use plimsoll_sbom::{Document, ImageContents, Purl, Subject as Described};
use plimsoll_transport::{ImageName, Target};
use plimsoll_vuln::vex::Image;

use super::super::subject::Subject;
use super::Judge;
use crate::advisories::{cannot, read_bounded};
use crate::failure::Failure;
use crate::reading::{find_image, read_contents};

/// What is judged.
pub(super) struct Contents {
    pub(super) name: String,
    pub(super) digest: Option<Digest>,
    pub(super) identity: Image,
    pub(super) contents: ImageContents,
    pub(super) instructions: Vec<Option<String>>,
    /// Whether it is known which programs there are; a list of components does not say.
    pub(super) tells_programs: bool,
}

impl Judge<'_> {
    /// Finds out what is inside.
    pub(super) async fn contents(&self, subject: &Subject) -> Result<Contents, Failure> {
        match subject {
            Subject::Image { name, .. } => self.contents_of_image(name).await,
            Subject::Sbom(path) => contents_of_sbom(path),
        }
    }

    async fn contents_of_image(&self, name: &ImageName) -> Result<Contents, Failure> {
        let open = self.places.open_source(name).await?;
        let image = find_image(&open, self.platform).await?;
        let sizes = image.manifest.layers.iter().map(|layer| layer.size);
        self.step.expect(sizes.fold(0, u64::saturating_add));
        let contents = read_contents(open.source.as_ref(), &image, &self.analyser, self.step).await?;
        let is_tree = matches!(name, ImageName::RootFs { .. });
        Ok(Contents {
            name: name.to_string(),
            identity: identity(name, &image.raw.digest),
            digest: (!is_tree).then_some(image.raw.digest),
            instructions: image.config.layer_instructions(),
            contents,
            tells_programs: true,
        })
    }
}

fn contents_of_sbom(path: &Path) -> Result<Contents, Failure> {
    let bytes =
        read_bounded(path, Document::BYTES_MAX as u64).map_err(|error| cannot("read", path, &error))?;
    let unreadable = |error| {
        Failure::not_evaluated(format!("could not evaluate: `{}` is no SBOM that is read", path.display()))
            .because(&error)
    };
    let document = Document::read(&bytes).map_err(unreadable)?.document;
    let digest = match document.subject {
        Described::Image { digest, .. } => Some(digest),
        Described::Directory { .. } | Described::Other { .. } => None,
    };
    Ok(Contents {
        name: format!("sbom:{}", path.display()),
        digest,
        identity: Image { purls: Vec::new(), digests: digest.iter().map(Digest::to_string).collect() },
        contents: ImageContents {
            distribution: document.distribution,
            components: document.components,
            ..ImageContents::default()
        },
        instructions: Vec::new(),
        tells_programs: false,
    })
}

/// How VEX statements name the image: by its digest, by the index that was named, and by the repository.
pub(super) fn identity(name: &ImageName, digest: &Digest) -> Image {
    let mut digests = vec![digest.to_string()];
    if let Target::Digest(named) = name.target() {
        digests.push(named.to_string());
    }
    let ImageName::Registry { reference, .. } = name else { return Image { purls: Vec::new(), digests } };
    let repository = reference.repository.as_str();
    let short = repository.rsplit('/').next().unwrap_or(repository);
    let purl = |digest: &String| {
        let purl = Purl::new("oci", None, short, Some(digest)).ok()?;
        purl.with_qualifier("repository_url", &format!("{}/{repository}", reference.registry)).ok()
    };
    Image { purls: digests.iter().filter_map(purl).collect(), digests }
}
