use std::collections::BTreeSet;

use bytes::Bytes;
use plimsoll_oci::{Algorithm, Digest, Manifest, MediaType, ParseManifestError, Tag, TagOrDigest};
use plimsoll_store::catalogue::{ManifestCheck, ManifestToPut, PutManifest, TagCondition};
use plimsoll_store::journal::{Change, Record};
use plimsoll_store::{CatalogueError, ObjectError, ObjectKey, Timestamp};

use crate::Registry;
use crate::access::CanPush;
use crate::ledger::{carries_exception, carries_statements};
use crate::testimony::is_evidence;

/// Most tags that one push may move; the specification asks for at least ten.
pub(crate) const TAGS_MAX: usize = 100;

/// How often a push is begun again when what it found was deleted meanwhile.
const ATTEMPTS_MAX: usize = 5;

/// A manifest that somebody wants to push.
#[derive(Clone, Debug)]
pub struct ManifestPush {
    /// The tag to move, or the digest that the bytes must have.
    pub reference: TagOrDigest,
    /// More tags to move.
    pub tags: Vec<Tag>,
    /// The type that the client says it has.
    pub media_type: Option<MediaType>,
    /// Its bytes.
    pub bytes: Bytes,
    /// Under which condition the tags move.
    pub precondition: TagPrecondition,
}

/// A client's condition on a tag (RFC 9110, section 13.1), with the manifest's digest as entity tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagPrecondition {
    /// None.
    Any,
    /// `If-None-Match: *`: the tag must be new.
    New,
    /// `If-Match`: the tag must point here.
    At(Digest),
}

/// A manifest that was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedManifest {
    /// Its digest.
    pub digest: Digest,
    /// The manifest that it refers to.
    pub subject: Option<Digest>,
    /// The tags that point at it now.
    pub tags: Vec<Tag>,
    /// Whether it carries signed statements, and is on its way into the log.
    pub is_fact: bool,
    /// Manifests that it lists and that the repository does not hold.
    pub children_missing: usize,
}

/// Why a manifest was not pushed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PushManifestError {
    /// The bytes are not a manifest.
    #[error(transparent)]
    Invalid(#[from] ParseManifestError),
    /// The bytes do not hash to the digest they were pushed as.
    #[error("the manifest has the digest `{found}` and not `{expected}`")]
    DigestMismatch {
        /// The digest it was pushed as.
        expected: Digest,
        /// The digest of its bytes.
        found: Digest,
    },
    /// The repository does not hold these blobs.
    #[error("{count} of the manifest's blobs are not in this repository, the first is `{first}`", count = .0.len(), first = .0[0])]
    BlobsUnknown(Vec<Digest>),
    /// The tag stays where it is.
    #[error("tag `{tag}` is immutable and points at `{current}`")]
    TagImmutable {
        /// The tag.
        tag: Tag,
        /// Where it points.
        current: Digest,
    },
    /// The client's condition does not hold.
    #[error("tag `{tag}` does not point where the request expects it")]
    PreconditionFailed {
        /// The tag.
        tag: Tag,
        /// Where it points.
        current: Option<Digest>,
    },
    /// Too many tags at once.
    #[error("a push moves at most {TAGS_MAX} tags")]
    TooManyTags,
    /// Others kept deleting what this push found.
    #[error("the manifest was deleted again and again while it was pushed")]
    Overtaken,
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The object storage failed.
    #[error(transparent)]
    Objects(#[from] ObjectError),
}

/// A push whose manifest was read and found to be what it claims.
struct ReadPush {
    digest: Digest,
    media_type: MediaType,
    manifest: Manifest,
    bytes: Bytes,
    blobs: Vec<Digest>,
    tags: Vec<Tag>,
    precondition: TagPrecondition,
}

impl Registry {
    /// Pushes a manifest: all the blobs that it needs must be there; manifests that it lists may come later.
    pub async fn push_manifest(
        &self,
        can_push: &CanPush,
        push: ManifestPush,
    ) -> Result<PushedManifest, PushManifestError> {
        let push = read(push)?;
        for _ in 0..ATTEMPTS_MAX {
            if let Some(pushed) = self.try_push_manifest(can_push, &push).await? {
                return Ok(pushed);
            }
        }
        Err(PushManifestError::Overtaken)
    }

    /// `None` if the manifest was there when it was looked for, and not when it was needed.
    async fn try_push_manifest(
        &self,
        can_push: &CanPush,
        push: &ReadPush,
    ) -> Result<Option<PushedManifest>, PushManifestError> {
        let catalogue = self.catalogue();
        let repository = can_push.repository();
        let check =
            catalogue.check_manifest(repository, push.digest, push.blobs.clone(), push.tags.clone()).await?;
        self.refuse_early(can_push, push, &check)?;
        // One moment for journal and catalogue: played again, the change is told in the same words.
        let now = self.now();
        let record = self.record(can_push, push, &check, now).await?;
        let pushed_by = record.filter(|_| !check.is_stored);
        let outcome = catalogue.put_manifest(self.to_put(can_push, push, pushed_by, now)).await;
        let refused = match outcome {
            Ok(PutManifest::Done) => {
                let children_missing = self.count_missing_children(can_push, &push.manifest).await;
                let (digest, tags) = (push.digest, push.tags.clone());
                let subject = push.manifest.subject().map(|subject| subject.digest);
                let is_fact = carries_statements(&push.manifest);
                return Ok(Some(PushedManifest { digest, subject, tags, is_fact, children_missing }));
            }
            Ok(PutManifest::Gone) => None,
            Ok(PutManifest::BlobsUnknown(missing)) => Some(PushManifestError::BlobsUnknown(missing)),
            Ok(PutManifest::TagRefused { tag, current }) => Some(self.refusal(can_push, tag, current)),
            Err(error) => return Err(error.into()),
        };
        if let Some(record) = record {
            catalogue.doom_object(record, self.now()).await?;
        }
        refused.map_or(Ok(None), Err)
    }

    /// Refuses what would be refused later, before anything is written.
    fn refuse_early(
        &self,
        can_push: &CanPush,
        push: &ReadPush,
        check: &ManifestCheck,
    ) -> Result<(), PushManifestError> {
        if !check.is_stored && !check.missing_blobs.is_empty() {
            return Err(PushManifestError::BlobsUnknown(check.missing_blobs.clone()));
        }
        for (tag, current) in push.tags.iter().zip(&check.tags) {
            let conditions = self.tag_conditions(can_push, push, tag);
            if !conditions.iter().all(|condition| condition.allows(*current, push.digest)) {
                return Err(self.refusal(can_push, tag.clone(), *current));
            }
        }
        Ok(())
    }

    /// What must hold for a tag to move: the client's condition, and the repository's rule.
    fn tag_conditions(&self, can_push: &CanPush, push: &ReadPush, tag: &Tag) -> Vec<TagCondition> {
        let wanted = match push.precondition {
            TagPrecondition::Any => TagCondition::Any,
            TagPrecondition::New => TagCondition::New,
            TagPrecondition::At(digest) => TagCondition::At(digest),
        };
        let rule = self.is_immutable(can_push, tag).then_some(TagCondition::Immutable);
        std::iter::once(wanted).chain(rule).collect()
    }

    fn is_immutable(&self, can_push: &CanPush, tag: &Tag) -> bool {
        self.config().immutable_tags.iter().any(|rule| rule.cover(can_push.repository(), tag))
    }

    fn refusal(&self, can_push: &CanPush, tag: Tag, current: Option<Digest>) -> PushManifestError {
        match current {
            Some(current) if self.is_immutable(can_push, &tag) => {
                PushManifestError::TagImmutable { tag, current }
            }
            current => PushManifestError::PreconditionFailed { tag, current },
        }
    }

    /// Writes down what is about to change, if anything is.
    async fn record(
        &self,
        can_push: &CanPush,
        push: &ReadPush,
        check: &ManifestCheck,
        now: Timestamp,
    ) -> Result<Option<ObjectKey>, ObjectError> {
        let tags_move = check.tags.iter().any(|current| *current != Some(push.digest));
        let (digest, tags) = (push.digest, push.tags.clone());
        let change = match check.is_stored {
            true if tags_move => Change::Tag { digest, tags },
            true => return Ok(None),
            false => {
                let (media_type, bytes) = (push.media_type.clone(), push.bytes.clone());
                Change::Push { digest, media_type, tags, bytes }
            }
        };
        let record = Record {
            repository: can_push.repository().clone(),
            actor: can_push.actor().to_owned(),
            at: now,
            change,
        };
        record.write(self.objects()).await.map(Some)
    }

    fn to_put(
        &self,
        can_push: &CanPush,
        push: &ReadPush,
        record: Option<ObjectKey>,
        now: Timestamp,
    ) -> ManifestToPut {
        let condition = |tag: &Tag| {
            let conditions = self.tag_conditions(can_push, push, tag);
            let tag = tag.clone();
            conditions.into_iter().map(move |condition| (tag.clone(), condition))
        };
        ManifestToPut {
            repository: can_push.repository().clone(),
            digest: push.digest,
            media_type: push.media_type.clone(),
            artifact_type: push.manifest.artifact_type().map(str::to_owned),
            subject: push.manifest.subject().map(|subject| subject.digest),
            bytes: push.bytes.clone(),
            blobs: push.blobs.clone(),
            tags: push.tags.iter().flat_map(condition).collect(),
            actor: can_push.actor().to_owned(),
            is_image: push.manifest.is_container_image(),
            is_fact: carries_statements(&push.manifest),
            is_exception: carries_exception(&push.manifest),
            is_evidence: is_evidence(&push.manifest),
            record,
            now,
        }
    }

    /// Counted for a warning only, after the push is done.
    async fn count_missing_children(&self, can_push: &CanPush, manifest: &Manifest) -> usize {
        let children: BTreeSet<Digest> = manifest.children().iter().map(|child| child.digest).collect();
        if children.is_empty() {
            return 0;
        }
        let digests: Vec<Digest> = children.into_iter().collect();
        match self.catalogue().count_manifests(can_push.repository(), &digests).await {
            Ok(stored) => digests.len().saturating_sub(usize::try_from(stored).unwrap_or(usize::MAX)),
            Err(error) => {
                tracing::warn!(%error, "cannot count the manifests that an index lists");
                0
            }
        }
    }
}

fn read(push: ManifestPush) -> Result<ReadPush, PushManifestError> {
    let (manifest, media_type) = Manifest::parse(&push.bytes, push.media_type.as_ref())?;
    let (digest, named) = match push.reference {
        TagOrDigest::Tag(tag) => (Digest::of(Algorithm::Sha256, &push.bytes), Some(tag)),
        TagOrDigest::Digest(expected) => {
            let found = Digest::of(expected.algorithm(), &push.bytes);
            if found != expected {
                return Err(PushManifestError::DigestMismatch { expected, found });
            }
            (found, None)
        }
    };
    let tags: BTreeSet<Tag> = named.into_iter().chain(push.tags).collect();
    if tags.len() > TAGS_MAX {
        return Err(PushManifestError::TooManyTags);
    }
    let blobs = needed_blobs(&manifest);
    let (bytes, precondition) = (push.bytes, push.precondition);
    Ok(ReadPush {
        digest,
        media_type,
        manifest,
        bytes,
        blobs,
        tags: tags.into_iter().collect(),
        precondition,
    })
}

/// The blobs that must be in the repository, each once. Layers that must not be distributed may be missing.
pub(crate) fn needed_blobs(manifest: &Manifest) -> Vec<Digest> {
    let distributable = manifest.blobs().filter(|blob| !blob.media_type.is_nondistributable());
    let digests: BTreeSet<Digest> = distributable.map(|blob| blob.digest).collect();
    digests.into_iter().collect()
}
