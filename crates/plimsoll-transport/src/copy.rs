//! Moving an image with everything that is said about it.

mod blobs;
mod closure;
mod evidence_tags;
mod left_behind;
mod progress;
mod write;

use std::sync::Arc;

use plimsoll_oci::{Descriptor, Manifest, Platform, Tag};

use self::closure::{Closure, gather};
pub use self::left_behind::count_evidence;
pub use self::progress::{Progress, Silent};
use crate::{Keeps, Sink, Source, Target, TransportError};

/// Which manifests of an index are copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Platforms {
    /// The index with all it lists.
    All,
    /// The one manifest for this platform, without the index.
    One(Platform),
}

/// Whether what refers to the image goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Referrers of referrers of … and the `sha256-…` tags.
    All,
    /// The image alone.
    None,
}

/// What to copy, and how.
#[derive(Clone)]
pub struct CopyOptions {
    /// Which image of the source.
    pub target: Target,
    /// The tag to set at the sink, when all else is there.
    pub tag: Option<Tag>,
    /// Which platforms.
    pub platforms: Platforms,
    /// Whether signatures, attestations and the like go along.
    pub evidence: Evidence,
    /// How many blobs travel at once.
    pub parallel_blobs: usize,
    /// Who is told how far it is.
    pub progress: Arc<dyn Progress>,
}

/// What a copy did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyReport {
    /// The image copied.
    pub root: Descriptor,
    /// Manifests that were written.
    pub manifests_copied: usize,
    /// Manifests that were there before.
    pub manifests_present: usize,
    /// How many of all manifests are evidence: they came by referring to the image, or by a `sha256-…` tag.
    pub evidence_manifests: usize,
    /// How many referrers were left behind, because the sink cannot keep them.
    pub evidence_left_behind: usize,
    /// Blobs that were written.
    pub blobs_copied: usize,
    /// Blobs that the registry mounted from another of its repositories.
    pub blobs_mounted: usize,
    /// Blobs that were there before.
    pub blobs_present: usize,
    /// Bytes of blobs that were written.
    pub bytes_copied: u64,
    /// Bytes of blobs that were there before, or were mounted.
    pub bytes_present: u64,
    /// Layers that may not be distributed, and were left where their manifest says.
    pub foreign_layers: usize,
    /// The tags that were set.
    pub tags: Vec<Tag>,
}

impl CopyReport {
    fn new(root: Descriptor) -> Self {
        Self {
            root,
            manifests_copied: 0,
            manifests_present: 0,
            evidence_manifests: 0,
            evidence_left_behind: 0,
            blobs_copied: 0,
            blobs_mounted: 0,
            blobs_present: 0,
            bytes_copied: 0,
            bytes_present: 0,
            foreign_layers: 0,
            tags: Vec::new(),
        }
    }
}

/// Copies an image.
///
/// What the sink has is not sent again, so a copy that broke is resumed by starting it once more. Children come before what lists
/// them, subjects before what refers to them, and tags last: nothing is ever visible half.
pub async fn copy(
    source: &dyn Source,
    sink: &dyn Sink,
    options: &CopyOptions,
) -> Result<CopyReport, TransportError> {
    let resolved = source.resolve(&options.target).await?;
    let root = match (&options.platforms, sink.keeps()) {
        (Platforms::All, Keeps::OneImage) => unwrap_sole_image(source, resolved).await?,
        (platforms, _) => choose_platform(source, resolved, platforms).await?,
    };
    let mut closure = gather(source, &root, options.evidence).await?;
    let mut report = CopyReport::new(root);
    if sink.keeps() == Keeps::OneImage {
        report.evidence_left_behind = closure.drop_evidence();
    }
    report.evidence_manifests = closure.evidence_count();
    blobs::copy_blobs(source, sink, &closure, options, &mut report).await?;
    write::write_manifests(sink, &closure, options.tag.as_ref(), &mut report).await?;
    sink.finish().await?;
    options.progress.finished();
    Ok(report)
}

/// The manifest to copy: the one resolved, or the one in it for the platform wished for.
async fn choose_platform(
    source: &dyn Source,
    resolved: Descriptor,
    platforms: &Platforms,
) -> Result<Descriptor, TransportError> {
    let Platforms::One(wanted) = platforms else { return Ok(resolved) };
    let mut chosen = resolved;
    for _ in 0..closure::DEPTH_MAX {
        let Manifest::Index(index) = source.manifest(&chosen.digest).await?.parse()? else {
            return Ok(chosen);
        };
        let fits = |child: &&Descriptor| child.platform.as_ref().is_some_and(|own| own.satisfies(wanted));
        let nested = |child: &&Descriptor| child.media_type.is_image_index() && child.platform.is_none();
        let found = index.manifests.iter().find(fits).or_else(|| index.manifests.iter().find(nested));
        chosen = found.cloned().ok_or_else(|| no_platform(source, wanted, &index.manifests))?;
    }
    Err(closure::too_deep(&chosen.digest))
}

/// The one image in an index that holds no other; what is not an image of a platform is not counted.
async fn unwrap_sole_image(source: &dyn Source, resolved: Descriptor) -> Result<Descriptor, TransportError> {
    let Manifest::Index(index) = source.manifest(&resolved.digest).await?.parse()? else {
        return Ok(resolved);
    };
    let is_image = |child: &&Descriptor| !child.platform.as_ref().is_some_and(Platform::is_unknown);
    let images: Vec<_> = index.manifests.iter().filter(is_image).collect();
    Ok(match images[..] {
        [only] if only.media_type.is_image_manifest() => only.clone(),
        _ => resolved,
    })
}

pub(crate) fn no_platform(source: &dyn Source, wanted: &Platform, children: &[Descriptor]) -> TransportError {
    let offered = children.iter().filter_map(|child| child.platform.as_ref()).filter(|own| !own.is_unknown());
    let offered: Vec<_> = offered.map(Platform::to_string).collect();
    TransportError::Unsupported {
        what: format!("the image in {} is not made for {wanted}", source.place()),
        help: format!("choose one of --platform {}", offered.join(", ")),
    }
}
