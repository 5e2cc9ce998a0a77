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
        let kept = select(source.as_ref(), &index, wanted)?;
        Ok(Self { source, index: with_children(&whole, &kept) })
    }

    /// The source with the new index as its image.
    pub fn open(self) -> OpenSource {
        let target = Target::Digest(self.index.digest);
        OpenSource { source: Box::new(self), target }
    }
}

/// The images for `wanted`, and what BuildKit attests of them.
fn select(
    source: &dyn Source,
    index: &ImageIndex,
    wanted: &[Platform],
) -> Result<Vec<Digest>, TransportError> {
    let children = &index.manifests;
    let mut kept = Vec::new();
    for platform in wanted {
        let fits = |child: &&Descriptor| child.platform.as_ref().is_some_and(|own| own.satisfies(platform));
        let found = children.iter().find(fits).ok_or_else(|| no_platform(source, platform, children))?;
        kept.push(found.digest);
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
