use bytes::Bytes;
use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, MediaType, RepositoryName, Tag, TagOrDigest};
use plimsoll_tlog::FactLeaf;

use crate::Timestamp;
use crate::objects::ObjectKey;

use super::evidence::Retracted;
use super::log::{self, Event, LogEntry};
use super::sql::{CatalogueError, Result, Row, Transaction, json_list, params};
use super::{Catalogue, contents, evidence, exceptions, repositories, review, tags, verdicts};

/// A manifest as a repository holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredManifest {
    /// Its digest.
    pub digest: Digest,
    /// The type it was pushed as.
    pub media_type: MediaType,
    /// The manifest that it refers to.
    pub subject: Option<Digest>,
    /// Its bytes as received.
    pub bytes: Bytes,
}

/// A manifest to be shown in a repository, with tags to be moved to it.
#[derive(Clone, Debug)]
pub struct ManifestToPut {
    /// The repository.
    pub repository: RepositoryName,
    /// The digest of `bytes`.
    pub digest: Digest,
    /// The type it was pushed as.
    pub media_type: MediaType,
    /// The type of artifact that lists of referrers show.
    pub artifact_type: Option<String>,
    /// The manifest that it refers to.
    pub subject: Option<Digest>,
    /// Its bytes as received.
    pub bytes: Bytes,
    /// The blobs that must be there, each once.
    pub blobs: Vec<Digest>,
    /// The tags to move, each with whether it may move once it is set.
    pub tags: Vec<(Tag, TagCondition)>,
    /// Who pushes.
    pub actor: String,
    /// Whether it is a container image, whose contents are to be found out.
    pub is_image: bool,
    /// Whether it carries signed statements, so that its push becomes a leaf of the log.
    pub is_fact: bool,
    /// Whether it says to carry an exception.
    pub is_exception: bool,
    /// Whether the evidence graph is to read it: it carries statements, signed or not, or lists other manifests.
    pub is_evidence: bool,
    /// The journal's record of this push. Without one the manifest must be there already.
    pub record: Option<ObjectKey>,
    /// When this happens.
    pub now: Timestamp,
}

/// Under which condition a tag is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagCondition {
    /// Always.
    Any,
    /// Only if the tag is new or stays where it is.
    Immutable,
    /// Only if the tag is new.
    New,
    /// Only if the tag points at this digest.
    At(Digest),
}

impl TagCondition {
    /// Whether a tag that points at `current` may be moved to `next`.
    pub fn allows(self, current: Option<Digest>, next: Digest) -> bool {
        match self {
            Self::Any => true,
            Self::Immutable => current.is_none_or(|current| current == next),
            Self::New => current.is_none(),
            Self::At(expected) => current == Some(expected),
        }
    }
}

/// What came of putting a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutManifest {
    /// It is there, and the tags point at it.
    Done,
    /// These blobs are not in the repository; nothing was changed.
    BlobsUnknown(Vec<Digest>),
    /// A tag's condition does not hold; nothing was changed.
    TagRefused {
        /// The tag.
        tag: Tag,
        /// Where it points.
        current: Option<Digest>,
    },
    /// It was to be there already, and is not; nothing was changed.
    Gone,
}

/// What is known before a manifest is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestCheck {
    /// Whether the repository holds the manifest.
    pub is_stored: bool,
    /// The blobs that the repository lacks.
    pub missing_blobs: Vec<Digest>,
    /// Where each tag points.
    pub tags: Vec<Option<Digest>>,
}

impl Catalogue {
    /// Looks up a manifest.
    pub async fn find_manifest(
        &self,
        repository: &RepositoryName,
        reference: &TagOrDigest,
    ) -> Result<Option<StoredManifest>> {
        self.read((repository.clone(), reference.clone()), |tx, (repository, reference)| {
            find(tx, repository, reference).boxed()
        })
        .await
    }

    /// Looks at what putting a manifest would meet, without changing anything.
    pub async fn check_manifest(
        &self,
        repository: &RepositoryName,
        digest: Digest,
        blobs: Vec<Digest>,
        tags: Vec<Tag>,
    ) -> Result<ManifestCheck> {
        self.read((repository.clone(), digest, blobs, tags), |tx, (repository, digest, blobs, tags)| {
            check(tx, repository, *digest, blobs, tags).boxed()
        })
        .await
    }

    /// How many of `digests` are manifests of a repository.
    pub async fn count_manifests(&self, repository: &RepositoryName, digests: &[Digest]) -> Result<u64> {
        self.read((repository.clone(), json_list(digests)), |tx, (repository, digests)| {
            async move {
                let row = tx
                    .row(
                        "SELECT COUNT(*) FROM manifests
                         WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1)
                         AND digest IN (SELECT value FROM json_each(?2))",
                        params![repository, digests],
                    )
                    .await?;
                row.map_or(Ok(0), |row| row.size(0))
            }
            .boxed()
        })
        .await
    }

    /// Shows a manifest in a repository, and moves tags to it: all or nothing.
    pub async fn put_manifest(&self, manifest: ManifestToPut) -> Result<PutManifest> {
        self.write(manifest, |tx, manifest| put(tx, manifest).boxed()).await
    }

    /// Takes a manifest and the tags that point at it out of a repository. Its blobs are reviewed after `review_after`.
    /// Returns the tags, or `None` if it is not there.
    pub async fn delete_manifest(
        &self,
        repository: &RepositoryName,
        digest: Digest,
        actor: &str,
        review_after: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Vec<Tag>>> {
        let input = (repository.clone(), digest, actor.to_owned(), review_after, now);
        self.write(input, |tx, (repository, digest, actor, review_after, now)| {
            delete(tx, repository, *digest, actor, *review_after, *now).boxed()
        })
        .await
    }
}

async fn find(
    tx: &mut Transaction<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
) -> Result<Option<StoredManifest>> {
    let row = match reference {
        TagOrDigest::Tag(tag) => {
            tx.row(
                "SELECT manifests.digest, manifests.media_type, manifests.subject, manifests.bytes FROM repositories
                 JOIN tags ON tags.repository_id = repositories.id
                 JOIN manifests ON manifests.repository_id = repositories.id AND manifests.digest = tags.digest
                 WHERE repositories.name = ?1 AND tags.name = ?2",
                params![repository, tag],
            )
            .await?
        }
        TagOrDigest::Digest(digest) => {
            tx.row(
                "SELECT manifests.digest, manifests.media_type, manifests.subject, manifests.bytes FROM repositories
                 JOIN manifests ON manifests.repository_id = repositories.id
                 WHERE repositories.name = ?1 AND manifests.digest = ?2",
                params![repository, digest],
            )
            .await?
        }
    };
    row.map(stored_manifest).transpose()
}

pub(super) fn stored_manifest(mut row: Row) -> Result<StoredManifest> {
    Ok(StoredManifest {
        digest: row.digest(0)?,
        media_type: row.parsed(1, "media type")?,
        subject: row.optional(2, Row::digest)?,
        bytes: row.take_bytes(3)?.into(),
    })
}

async fn check(
    tx: &mut Transaction<'_>,
    repository: &RepositoryName,
    digest: Digest,
    blobs: &[Digest],
    tags: &[Tag],
) -> Result<ManifestCheck> {
    let Some(repository) = repositories::find(tx, repository).await? else {
        let (missing_blobs, tags) = (blobs.to_vec(), vec![None; tags.len()]);
        return Ok(ManifestCheck { is_stored: false, missing_blobs, tags });
    };
    let mut pointed = Vec::with_capacity(tags.len());
    for tag in tags {
        pointed.push(tags::current(tx, repository, tag).await?);
    }
    Ok(ManifestCheck {
        is_stored: is_stored(tx, repository, digest).await?,
        missing_blobs: missing_blobs(tx, repository, blobs).await?,
        tags: pointed,
    })
}

pub(super) async fn is_stored(tx: &mut Transaction<'_>, repository: i64, digest: Digest) -> Result<bool> {
    let stored = tx
        .row("SELECT 1 FROM manifests WHERE repository_id = ?1 AND digest = ?2", params![repository, digest])
        .await?;
    Ok(stored.is_some())
}

/// Those of `blobs` that the repository does not hold with good bytes.
async fn missing_blobs(tx: &mut Transaction<'_>, repository: i64, blobs: &[Digest]) -> Result<Vec<Digest>> {
    let rows = tx
        .rows(
            "SELECT repository_blobs.digest FROM repository_blobs
             JOIN blobs ON blobs.digest = repository_blobs.digest AND blobs.object_key IS NOT NULL
             WHERE repository_blobs.repository_id = ?1
             AND repository_blobs.digest IN (SELECT value FROM json_each(?2))",
            params![repository, json_list(blobs)],
        )
        .await?;
    let held: Result<std::collections::HashSet<Digest>> = rows.iter().map(|row| row.digest(0)).collect();
    let held = held?;
    Ok(blobs.iter().filter(|digest| !held.contains(digest)).copied().collect())
}

async fn put(tx: &mut Transaction<'_>, manifest: &ManifestToPut) -> Result<PutManifest> {
    let repository = repositories::ensure(tx, &manifest.repository, manifest.now).await?;
    for (tag, condition) in &manifest.tags {
        let current = tags::current_locked(tx, repository, tag).await?;
        if !condition.allows(current, manifest.digest) {
            return Ok(PutManifest::TagRefused { tag: tag.clone(), current });
        }
    }
    if !is_stored(tx, repository, manifest.digest).await? {
        let Some(record) = manifest.record else { return Ok(PutManifest::Gone) };
        let missing = missing_blobs(tx, repository, &manifest.blobs).await?;
        if !missing.is_empty() {
            return Ok(PutManifest::BlobsUnknown(missing));
        }
        insert(tx, repository, manifest, record).await?;
    }
    if manifest.is_image {
        contents::enqueue(tx, manifest.digest, manifest.now).await?;
    }
    if let Some(subject) = manifest.subject.filter(|_| manifest.is_exception) {
        exceptions::note(tx, repository, manifest.digest, subject).await?;
    }
    if let Some(subject) = manifest.subject {
        verdicts::enqueue(tx, &manifest.repository, subject, manifest.now).await?;
    }
    if manifest.is_fact {
        log::enqueue(tx, &fact(manifest.digest, manifest.subject)).await?;
    }
    if manifest.is_evidence {
        evidence::enqueue(tx, manifest.digest, manifest.now).await?;
    }
    for (tag, _) in &manifest.tags {
        tags::point(tx, repository, tag, manifest.digest, &manifest.actor, manifest.now).await?;
    }
    Ok(PutManifest::Done)
}

/// What the log holds of a manifest that carries signed statements.
fn fact(manifest: Digest, subject: Option<Digest>) -> LogEntry {
    let (manifest, subject) = (manifest.to_string(), subject.map(|subject| subject.to_string()));
    let entry = FactLeaf { manifest, subject }.to_bytes();
    LogEntry::bare(String::from_utf8(entry).expect("JSON is UTF-8"))
}

async fn insert(
    tx: &mut Transaction<'_>,
    repository: i64,
    manifest: &ManifestToPut,
    record: ObjectKey,
) -> Result<()> {
    tx.execute(
        "INSERT INTO manifests
             (repository_id, digest, media_type, artifact_type, subject, bytes, record_key, pushed_at, pushed_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            repository,
            manifest.digest,
            &manifest.media_type,
            manifest.artifact_type.as_deref(),
            manifest.subject,
            &*manifest.bytes,
            record,
            manifest.now,
            manifest.actor.as_str(),
        ],
    )
    .await?;
    // In one order for all, so that two pushes of the same blobs wait for each other and not in a circle.
    let mut blobs = manifest.blobs.clone();
    blobs.sort_unstable();
    for blob in blobs {
        if !review::leave_queue(tx, repository, blob).await? {
            return Err(CatalogueError::Overtaken);
        }
        tx.execute(
            "INSERT INTO manifest_blobs (repository_id, manifest, blob) VALUES (?1, ?2, ?3)",
            params![repository, manifest.digest, blob],
        )
        .await?;
    }
    Ok(())
}

async fn delete(
    tx: &mut Transaction<'_>,
    repository: &RepositoryName,
    digest: Digest,
    actor: &str,
    review_after: Timestamp,
    now: Timestamp,
) -> Result<Option<Vec<Tag>>> {
    let name = repository;
    let Some(repository) = repositories::find(tx, name).await? else { return Ok(None) };
    let row = tx
        .row(
            "SELECT record_key, subject FROM manifests WHERE repository_id = ?1 AND digest = ?2 FOR UPDATE",
            params![repository, digest],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let untagged = tags::untag_all(tx, repository, digest, actor, now).await?;
    review::enter_queue(tx, repository, digest, review_after).await?;
    let key = params![repository, digest];
    tx.execute("DELETE FROM manifest_blobs WHERE repository_id = ?1 AND manifest = ?2", key).await?;
    tx.execute("DELETE FROM manifests WHERE repository_id = ?1 AND digest = ?2", key).await?;
    review::doom(tx, row.object_key(0)?, "", now).await?;
    contents::drop_image(tx, digest).await?;
    exceptions::forget(tx, repository, digest).await?;
    let subject = row.optional(1, Row::digest)?;
    if let Some(subject) = subject {
        verdicts::enqueue(tx, name, subject, now).await?;
    }
    let leaf = Event::ManifestDeleted { repository: name, digest }.log(tx, Some(actor), now).await?;
    let deleted = Retracted { manifest: digest, subject, leaf: Some(leaf) };
    evidence::enqueue_deleted(tx, &deleted, now).await?;
    Ok(Some(untagged))
}
