use bytes::Bytes;
use plimsoll_oci::{Descriptor, Digest, ImageIndex, Manifest, Platform, Tag};
use serde_json::Value;

use crate::copy::no_platform;
use crate::{
    BlobVerifier, OpenSource, PortFuture, RawManifest, Source, Target, TopLevel, TransportError,
    VerifiedStream,
};

/// Where the attestations that BuildKit puts into an index name the image they are about.
const ATTESTED_DIGEST: &str = "vnd.docker.reference.digest";

/// A source whose image is a new index: of a source's index, the images for some platforms.
///
/// The new index has another digest, so what refers to the old one does not refer to it. What refers to the images is
/// there as before.
pub struct PlatformSelection {
    source: Box<dyn Source>,
    index: RawManifest,
}

impl PlatformSelection {
    /// Selects the images of the opened index for `wanted`, each of which must be there.
    pub async fn of(opened: OpenSource, wanted: &[Platform]) -> Result<Self, TransportError> {
        let OpenSource { source, target } = opened;
        let descriptor = source.resolve(&target).await?;
        let whole = source.manifest(&descriptor.digest).await?;
        let Manifest::Index(index) = whole.parse()? else {
            return Err(TransportError::Unsupported {
                what: format!("{target} in {} is one image, for one platform", source.place()),
                help: "leave out --platform".to_owned(),
            });
        };
        let kept = select(&index, wanted)
            .map_err(|missing| no_platform(source.as_ref(), missing, &index.manifests))?;
        Ok(Self { source, index: with_children(&whole, &kept) })
    }

    /// The source with the new index as its image.
    pub fn open(self) -> OpenSource {
        let target = Target::Digest(self.index.digest);
        OpenSource { source: Box::new(self), target }
    }
}

/// The images for `wanted`, and what BuildKit attests of them; or the platform that is missing.
fn select<'a>(index: &ImageIndex, wanted: &'a [Platform]) -> Result<Vec<Digest>, &'a Platform> {
    let children = &index.manifests;
    let mut kept = Vec::new();
    for platform in wanted {
        let fits = |child: &&Descriptor| child.platform.as_ref().is_some_and(|own| own.satisfies(platform));
        kept.push(children.iter().find(fits).ok_or(platform)?.digest);
    }
    let attests_kept = |child: &&Descriptor| {
        let about = child.annotations.get(ATTESTED_DIGEST).and_then(|digest| digest.parse().ok());
        about.is_some_and(|digest: Digest| kept.contains(&digest))
    };
    let attestations: Vec<Digest> = children.iter().filter(attests_kept).map(|child| child.digest).collect();
    kept.extend(attestations);
    Ok(kept)
}

/// The index with some of its children only; all else in it stays as it is.
fn with_children(whole: &RawManifest, kept: &[Digest]) -> RawManifest {
    let mut document: Value = serde_json::from_slice(&whole.bytes).expect("it was parsed before");
    let is_kept = |child: &Value| {
        let digest = child["digest"].as_str().and_then(|digest| digest.parse().ok());
        digest.is_some_and(|digest: Digest| kept.contains(&digest))
    };
    if let Value::Array(children) = &mut document["manifests"] {
        children.retain(is_kept);
    }
    let bytes = Bytes::from(document.to_string());
    let digest = Digest::of(whole.digest.algorithm(), &bytes);
    RawManifest { digest, media_type: whole.media_type.clone(), bytes }
}

impl Source for PlatformSelection {
    fn place(&self) -> String {
        self.source.place()
    }

    fn resolve<'a>(&'a self, target: &'a Target) -> PortFuture<'a, Descriptor> {
        if *target == Target::Digest(self.index.digest) {
            return Box::pin(async { Ok(self.index.descriptor()) });
        }
        self.source.resolve(target)
    }

    fn top_level(&self) -> PortFuture<'_, Vec<TopLevel>> {
        let descriptor = Some(self.index.descriptor());
        Box::pin(async { Ok(vec![TopLevel { name: None, descriptor }]) })
    }

    fn manifest<'a>(&'a self, digest: &'a Digest) -> PortFuture<'a, RawManifest> {
        if *digest == self.index.digest {
            return Box::pin(async { Ok(self.index.clone()) });
        }
        self.source.manifest(digest)
    }

    fn blob(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream> {
        self.source.blob(from)
    }

    fn referrers<'a>(&'a self, subject: &'a Digest) -> PortFuture<'a, Vec<Descriptor>> {
        self.source.referrers(subject)
    }

    fn tags(&self) -> PortFuture<'_, Vec<Tag>> {
        self.source.tags()
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_oci::MediaType;
    use serde_json::json;

    use super::*;

    /// An index of three images, with an attestation of each.
    fn index() -> RawManifest {
        let mut children = Vec::new();
        for architecture in ["amd64", "arm64", "s390x"] {
            let image = Descriptor::of(MediaType::IMAGE_MANIFEST, architecture.as_bytes());
            let attested = image.digest;
            let mut entry = json!(image);
            entry["platform"] = json!({ "os": "linux", "architecture": architecture });
            children.push(entry);
            let mut entry =
                json!(Descriptor::of(MediaType::IMAGE_MANIFEST, &[architecture.as_bytes(), b"!"].concat()));
            entry["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
            entry["annotations"] = json!({ ATTESTED_DIGEST: attested });
            children.push(entry);
        }
        let document = json!({ "schemaVersion": 2, "mediaType": MediaType::IMAGE_INDEX, "manifests": children, "x-own": 1 });
        let bytes = Bytes::from(document.to_string());
        RawManifest { digest: Digest::sha256_of(&bytes), media_type: MediaType::IMAGE_INDEX, bytes }
    }

    fn parsed(raw: &RawManifest) -> ImageIndex {
        match raw.parse().unwrap() {
            Manifest::Index(index) => index,
            Manifest::Image(_) => panic!("an image"),
        }
    }

    #[test]
    fn chosen_images_keep_their_order_and_attestations_and_the_index_its_properties() {
        let whole = index();
        let wanted = ["linux/s390x".parse().unwrap(), "linux/amd64".parse().unwrap()];
        let kept = select(&parsed(&whole), &wanted).unwrap();
        let part = with_children(&whole, &kept);
        let expected: Vec<Digest> = ["amd64", "amd64!", "s390x", "s390x!"]
            .map(|content| Digest::sha256_of(content.as_bytes()))
            .into();
        let found: Vec<Digest> = parsed(&part).manifests.iter().map(|child| child.digest).collect();
        assert_eq!(found, expected);
        assert_eq!(part.digest, Digest::sha256_of(&part.bytes));
        let document: Value = serde_json::from_slice(&part.bytes).unwrap();
        assert_eq!(document["x-own"], 1);
    }

    #[test]
    fn a_platform_that_is_missing_is_named() {
        let wanted = ["linux/amd64".parse().unwrap(), "linux/mips".parse().unwrap()];
        assert_eq!(select(&parsed(&index()), &wanted), Err(&wanted[1]));
    }
}
