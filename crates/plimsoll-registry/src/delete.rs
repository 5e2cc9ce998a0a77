//! Deleting tags, manifests and blobs.

use plimsoll_oci::{Digest, Tag, TagOrDigest};
use plimsoll_store::catalogue::TagCondition;
use plimsoll_store::journal::{Change, Record};
use plimsoll_store::{CatalogueError, ObjectError, ObjectKey, Timestamp};

use crate::access::CanDelete;
use crate::{Registry, TagPrecondition};

/// What came of a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Gone,
    /// It was not there.
    Unknown,
}

/// Why something was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The tag stays where it is.
    #[error("tag `{0}` is immutable")]
    TagImmutable(Tag),
    /// The client's condition does not hold.
    #[error("tag `{0}` does not point where the request expects it")]
    PreconditionFailed(Tag),
    /// A manifest of the repository needs the blob.
    #[error("blob `{0}` is needed by a manifest of this repository; delete the manifest first")]
    BlobNeeded(Digest),
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The object storage failed.
    #[error(transparent)]
    Objects(#[from] ObjectError),
}

impl Registry {
    /// Deletes a tag and leaves what it points at.
    pub async fn untag(
        &self,
        can_delete: &CanDelete,
        tag: &Tag,
        precondition: TagPrecondition,
    ) -> Result<Deleted, DeleteError> {
        let repository = can_delete.repository();
        if self.config().immutable_tags.iter().any(|rule| rule.cover(repository, tag)) {
            return Err(DeleteError::TagImmutable(tag.clone()));
        }
        let condition = match precondition {
            TagPrecondition::At(digest) => TagCondition::At(digest),
            TagPrecondition::Any | TagPrecondition::New => TagCondition::Any,
        };
        let pointed = self.catalogue().find_manifest(repository, &TagOrDigest::Tag(tag.clone())).await?;
        if pointed.is_none() {
            return Ok(Deleted::Unknown);
        }
        // One moment for journal and catalogue: played again, the change is told in the same words.
        let now = self.now();
        let record = self.journal(can_delete, Change::Untag { tag: tag.clone() }, now).await?;
        let untagged = self.catalogue().untag(repository, tag, condition, can_delete.actor(), now).await?;
        let outcome = match untagged {
            Some((_, true)) => return Ok(Deleted::Gone),
            Some((_, false)) => Err(DeleteError::PreconditionFailed(tag.clone())),
            None => Ok(Deleted::Unknown),
        };
        self.catalogue().doom_object(record, self.now()).await?;
        outcome
    }

    /// Deletes a manifest and the tags that point at it. What it needed is collected after the grace period.
    pub async fn delete_manifest(
        &self,
        can_delete: &CanDelete,
        digest: Digest,
    ) -> Result<Deleted, DeleteError> {
        let (repository, now) = (can_delete.repository(), self.now());
        let immutable = self.immutable_tags_of(can_delete, digest).await?;
        if let Some(tag) = immutable {
            return Err(DeleteError::TagImmutable(tag));
        }
        if self.catalogue().find_manifest(repository, &TagOrDigest::Digest(digest)).await?.is_none() {
            return Ok(Deleted::Unknown);
        }
        let record = self.journal(can_delete, Change::Delete { digest }, now).await?;
        // Somebody may have asked for a blob while this manifest needed it, and may rely on the answer for the hold.
        let review_after = now.plus(self.config().grace.max(self.config().hold));
        let deleted = self
            .catalogue()
            .delete_manifest(repository, digest, can_delete.actor(), review_after, now)
            .await?;
        if deleted.is_some() {
            return Ok(Deleted::Gone);
        }
        self.catalogue().doom_object(record, self.now()).await?;
        Ok(Deleted::Unknown)
    }

    /// Takes a blob that no manifest needs out of a repository.
    pub async fn delete_blob(&self, can_delete: &CanDelete, digest: Digest) -> Result<Deleted, DeleteError> {
        match self.catalogue().delete_blob(can_delete.repository(), digest, self.now()).await? {
            None => Ok(Deleted::Unknown),
            Some(true) => Ok(Deleted::Gone),
            Some(false) => Err(DeleteError::BlobNeeded(digest)),
        }
    }

    /// An immutable tag that points at the manifest.
    async fn immutable_tags_of(
        &self,
        can_delete: &CanDelete,
        digest: Digest,
    ) -> Result<Option<Tag>, CatalogueError> {
        let rules = &self.config().immutable_tags;
        if rules.is_empty() {
            return Ok(None);
        }
        let tags = self.catalogue().tags_of_manifest(can_delete.repository(), digest).await?;
        let covered = |tag: &Tag| rules.iter().any(|rule| rule.cover(can_delete.repository(), tag));
        Ok(tags.into_iter().find(covered))
    }

    async fn journal(
        &self,
        can_delete: &CanDelete,
        change: Change,
        now: Timestamp,
    ) -> Result<ObjectKey, ObjectError> {
        let record = Record {
            repository: can_delete.repository().clone(),
            actor: can_delete.actor().to_owned(),
            at: now,
            change,
        };
        record.write(self.objects()).await
    }
}
