use std::collections::{HashMap, HashSet};

use plimsoll_oci::{Descriptor, Digest, Manifest, Tag};

use super::Evidence;
use super::evidence_tags::EvidenceTags;
use crate::{RawManifest, Source, TransportError};

/// Deepest nesting of indexes and referrers.
pub(crate) const DEPTH_MAX: usize = 32;

/// Most manifests of one copy.
const MANIFESTS_MAX: usize = 20_000;

/// Most bytes of all manifests of one copy: they are held until they are written.
const MANIFEST_BYTES_TOTAL_MAX: usize = 256 * 1024 * 1024;

/// Everything that belongs to an image, in an order in which it can be written.
#[derive(Default)]
pub(crate) struct Closure {
    /// Children before what lists them, subjects before what refers to them.
    pub(crate) manifests: Vec<Member>,
    /// The `sha256-…` tags with what they point at.
    pub(crate) evidence_tags: Vec<(Tag, Digest)>,
}

/// One manifest of a closure.
pub(crate) struct Member {
    pub(crate) raw: RawManifest,
    pub(crate) parsed: Manifest,
    /// Whether it is there for referring to something.
    pub(crate) is_evidence: bool,
}

impl Closure {
    pub(crate) fn evidence_count(&self) -> usize {
        self.manifests.iter().filter(|member| member.is_evidence).count()
    }

    /// Leaves out what refers to the image; the value tells how much that was.
    pub(crate) fn drop_evidence(&mut self) -> usize {
        let before = self.manifests.len();
        self.manifests.retain(|member| !member.is_evidence);
        self.evidence_tags.clear();
        before - self.manifests.len()
    }

    /// Every blob once. A blob is named by its digest; two sizes for one digest are caught when it is read.
    pub(crate) fn blobs(&self) -> Vec<&Descriptor> {
        let mut seen = HashSet::new();
        let all = self.manifests.iter().flat_map(|member| member.parsed.blobs());
        all.filter(|blob| seen.insert(blob.digest)).collect()
    }
}

/// Reads all manifests that belong to `root`.
pub(crate) async fn gather(
    source: &dyn Source,
    root: &Descriptor,
    evidence: Evidence,
) -> Result<Closure, TransportError> {
    let tags = match evidence {
        Evidence::All => EvidenceTags::list(source).await?,
        Evidence::None => EvidenceTags::default(),
    };
    let mut walk =
        Walk { source, evidence, tags, closure: Closure::default(), states: HashMap::new(), bytes: 0 };
    walk.run(root.digest).await?;
    Ok(walk.closure)
}

struct Walk<'a> {
    source: &'a dyn Source,
    evidence: Evidence,
    tags: EvidenceTags,
    closure: Closure,
    states: HashMap<Digest, State>,
    bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// On the way to it; whoever leads back here leads in a circle, which is left alone.
    Open,
    Done,
}

/// One thing to do, taken from the end of a list: a walk of its own would nest as deep as a hostile image likes.
enum Step {
    Enter { digest: Digest, depth: usize, is_evidence: bool },
    Leave { member: Box<Member>, depth: usize },
}

impl Walk<'_> {
    async fn run(&mut self, root: Digest) -> Result<(), TransportError> {
        let mut steps = vec![Step::Enter { digest: root, depth: 0, is_evidence: false }];
        while let Some(step) = steps.pop() {
            match step {
                Step::Enter { digest, depth, is_evidence } => {
                    if !self.states.contains_key(&digest) {
                        self.enter(digest, depth, is_evidence, &mut steps).await?;
                    }
                }
                Step::Leave { member, depth } => self.leave(*member, depth, &mut steps).await?,
            }
        }
        Ok(())
    }

    /// Reads a manifest, and puts its children before it.
    async fn enter(
        &mut self,
        digest: Digest,
        depth: usize,
        is_evidence: bool,
        steps: &mut Vec<Step>,
    ) -> Result<(), TransportError> {
        if depth > DEPTH_MAX {
            return Err(too_deep(&digest));
        }
        let raw = self.source.manifest(&digest).await?;
        self.check_totals(&raw)?;
        self.states.insert(digest, State::Open);
        let parsed = raw.parse()?;
        let children: Vec<Digest> = parsed.children().iter().map(|child| child.digest).collect();
        steps.push(Step::Leave { member: Box::new(Member { raw, parsed, is_evidence }), depth });
        let enter = |digest: Digest| Step::Enter { digest, depth: depth + 1, is_evidence };
        steps.extend(children.into_iter().rev().map(enter));
        Ok(())
    }

    /// Takes a manifest into the closure, and then what refers to it.
    async fn leave(
        &mut self,
        member: Member,
        depth: usize,
        steps: &mut Vec<Step>,
    ) -> Result<(), TransportError> {
        let digest = member.raw.digest;
        if self.states.insert(digest, State::Done) == Some(State::Done) {
            return Ok(());
        }
        self.closure.manifests.push(member);
        if self.evidence == Evidence::None {
            return Ok(());
        }
        let referrers = self.source.referrers(&digest).await?;
        let mut evidence: Vec<Digest> = referrers.iter().map(|referrer| referrer.digest).collect();
        for (tag, pointed_at) in self.tags.of(self.source, &digest).await? {
            evidence.push(pointed_at);
            self.closure.evidence_tags.push((tag, pointed_at));
        }
        let enter = |digest: Digest| Step::Enter { digest, depth: depth + 1, is_evidence: true };
        steps.extend(evidence.into_iter().rev().map(enter));
        Ok(())
    }

    fn check_totals(&mut self, raw: &RawManifest) -> Result<(), TransportError> {
        self.bytes += raw.bytes.len();
        if self.states.len() >= MANIFESTS_MAX {
            let what = "the number of manifests that belong to the image";
            return Err(TransportError::limit(what, MANIFESTS_MAX.to_string()));
        }
        if self.bytes > MANIFEST_BYTES_TOTAL_MAX {
            let what = "the size of all manifests that belong to the image";
            return Err(TransportError::limit(what, format!("{MANIFEST_BYTES_TOTAL_MAX} bytes")));
        }
        Ok(())
    }
}

pub(crate) fn too_deep(digest: &Digest) -> TransportError {
    TransportError::limit(format!("the nesting around manifest `{digest}`"), format!("{DEPTH_MAX} levels"))
}
