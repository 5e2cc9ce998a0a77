use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use plimsoll_oci::{Descriptor, Digest, Manifest, MediaType, Reference, Tag};

use crate::{BlobVerifier, TransportError, VerifiedStream};

/// What every method of a port returns: a boxed future, so that ports stay object-safe.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, TransportError>> + Send + 'a>>;

/// Bytes on their way, not yet checked against anything.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>;

/// A place that images come from: one repository, layout, archive or directory.
pub trait Source: Send + Sync {
    /// How messages call the place.
    fn place(&self) -> String;

    /// The descriptor of the manifest that `target` names.
    fn resolve<'a>(&'a self, target: &'a Target) -> PortFuture<'a, Descriptor>;

    /// The images that the place offers by itself; a registry's are its tags.
    fn top_level(&self) -> PortFuture<'_, Vec<TopLevel>>;

    /// The exact bytes of a manifest, checked against its digest.
    fn manifest<'a>(&'a self, digest: &'a Digest) -> PortFuture<'a, RawManifest>;

    /// A blob's bytes from where `from` stands. A new [`BlobVerifier`] stands at the beginning; one that has seen the
    /// first bytes carries their hash along, so that the whole is checked even when it is fetched in two parts.
    fn blob(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream>;

    /// The manifests that have `subject` as their subject.
    fn referrers<'a>(&'a self, subject: &'a Digest) -> PortFuture<'a, Vec<Descriptor>>;

    /// The tags, sorted.
    fn tags(&self) -> PortFuture<'_, Vec<Tag>>;
}

/// A place that images go to.
///
/// Blobs come first, then the manifests that list them, then tags; [`Sink::finish`] ends it.
pub trait Sink: Send + Sync {
    /// How messages call the place.
    fn place(&self) -> String;

    /// What the place can keep.
    fn keeps(&self) -> Keeps;

    /// Whether the blob is there; a registry may make it so by mounting it from another of its repositories.
    fn obtain_blob<'a>(&'a self, blob: &'a Descriptor) -> PortFuture<'a, Presence>;

    /// Stores a blob whose digest and size are known. It is visible only once all its bytes were verified.
    fn put_blob<'a>(&'a self, blob: &'a Descriptor, content: &'a dyn BlobContent) -> PortFuture<'a, ()>;

    /// Whether the manifest is there.
    fn has_manifest<'a>(&'a self, digest: &'a Digest) -> PortFuture<'a, bool>;

    /// Stores a manifest, and points a tag at it if `placement` says so.
    fn put_manifest<'a>(&'a self, manifest: &'a RawManifest, placement: &'a Placement) -> PortFuture<'a, ()>;

    /// The manifest that a tag points at now.
    fn tagged<'a>(&'a self, tag: &'a Tag) -> PortFuture<'a, Option<RawManifest>>;

    /// Makes what was put there complete and durable.
    fn finish(&self) -> PortFuture<'_, ()>;
}

/// Where a sink finds a blob's bytes, again if it must.
pub trait BlobContent: Send + Sync {
    /// Opens the bytes from where `from` stands.
    fn open(&self, from: BlobVerifier) -> PortFuture<'_, VerifiedStream>;
}

/// Which image of a place is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The only one there.
    Sole,
    /// The one with this tag.
    Tag(Tag),
    /// The one with this full name, as archives and layouts may keep it.
    Reference(Reference),
    /// The one with this digest.
    Digest(Digest),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sole => f.write_str("image"),
            Self::Tag(tag) => write!(f, "tag `{tag}`"),
            Self::Reference(reference) => write!(f, "image `{reference}`"),
            Self::Digest(digest) => write!(f, "manifest `{digest}`"),
        }
    }
}

/// An image that a place offers by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopLevel {
    /// Its tag or full name, if it has one.
    pub name: Option<String>,
    /// Its manifest, when the place tells without being asked again.
    pub descriptor: Option<Descriptor>,
}

/// A manifest as it was received: its bytes are what is hashed, stored and sent on.
#[derive(Clone, Debug)]
pub struct RawManifest {
    /// The exact bytes.
    pub bytes: Bytes,
    /// The type it was sent with, or says it has.
    pub media_type: MediaType,
    /// The digest of the bytes.
    pub digest: Digest,
}

impl RawManifest {
    /// Takes `bytes` that must have `digest`, and checks that they are a manifest.
    pub fn verify(
        bytes: Bytes,
        digest: &Digest,
        sent_as: Option<&MediaType>,
    ) -> Result<Self, TransportError> {
        let actual = Digest::of(digest.algorithm(), &bytes);
        if actual != *digest {
            return Err(TransportError::DigestMismatch { expected: *digest, actual: Box::new(actual) });
        }
        let (_, media_type) = parse(&bytes, digest, sent_as)?;
        Ok(Self { bytes, media_type, digest: *digest })
    }

    /// The parsed view.
    pub fn parse(&self) -> Result<Manifest, TransportError> {
        parse(&self.bytes, &self.digest, Some(&self.media_type)).map(|(manifest, _)| manifest)
    }

    /// A descriptor of it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), self.digest, self.bytes.len() as u64)
    }
}

fn parse(
    bytes: &[u8],
    digest: &Digest,
    sent_as: Option<&MediaType>,
) -> Result<(Manifest, MediaType), TransportError> {
    Manifest::parse(bytes, sent_as)
        .map_err(|source| TransportError::Manifest { digest: *digest, source: Box::new(source) })
}

/// What a sink can keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Images, indexes and everything that refers to them.
    Everything,
    /// One image manifest with its config and layers.
    OneImage,
}

/// Whether a blob was at the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has to be sent.
    Absent,
    /// It was there.
    Present,
    /// It was mounted from another repository of the same registry.
    Mounted,
}

/// How a manifest is to be found at the sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Through the manifest that lists it, or as its subject's referrer.
    Part,
    /// By itself, without a tag.
    TopLevel,
    /// By a tag.
    Tagged(Tag),
}
