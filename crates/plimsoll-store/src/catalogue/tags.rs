use futures_util::FutureExt as _;
use plimsoll_oci::{Digest, RepositoryName, Tag};

use crate::Timestamp;

use super::log::Event;
use super::sql::{Result, Row, Transaction, params};
use super::{Catalogue, TagCondition, repositories, verdicts};

/// A tag and where it points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTag {
    /// The tag.
    pub tag: Tag,
    /// The manifest it points at.
    pub digest: Digest,
    /// When it was last moved.
    pub moved_at: Timestamp,
    /// Who moved it.
    pub moved_by: String,
}

/// One move in a tag's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMove {
    /// The tag.
    pub tag: Tag,
    /// Where it pointed before, if it was there.
    pub previous: Option<Digest>,
    /// Where it points after, if it was not deleted.
    pub digest: Option<Digest>,
    /// When.
    pub moved_at: Timestamp,
    /// By whom.
    pub moved_by: String,
}

impl Catalogue {
    /// The tags of a repository in ASCII order, after `last`, at most `limit`. `None` if the repository holds nothing.
    pub async fn list_tags(
        &self,
        repository: &RepositoryName,
        last: Option<String>,
        limit: usize,
    ) -> Result<Option<Vec<StoredTag>>> {
        self.read((repository.clone(), last, limit), |tx, (repository, last, limit)| {
            async move {
                let Some(repository) = repositories::find(tx, repository).await? else { return Ok(None) };
                let rows = tx
                    .rows(
                        "SELECT name, digest, moved_at, moved_by FROM tags
                         WHERE repository_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3",
                        params![repository, last.as_deref().unwrap_or(""), *limit],
                    )
                    .await?;
                rows.iter().map(stored_tag).collect::<Result<_>>().map(Some)
            }
            .boxed()
        })
        .await
    }

    /// The moves of the tags of a repository, or of one tag, the newest first, at most `limit`.
    pub async fn tag_history(
        &self,
        repository: &RepositoryName,
        tag: Option<&Tag>,
        limit: usize,
    ) -> Result<Vec<TagMove>> {
        self.read((repository.clone(), tag.cloned(), limit), |tx, (repository, tag, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT tag, previous, digest, moved_at, moved_by FROM tag_history
                         WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1)
                         AND (?2 = '' OR tag = ?2) ORDER BY id DESC LIMIT ?3",
                        params![repository, tag.as_ref().map_or("", Tag::as_str), *limit],
                    )
                    .await?;
                rows.iter().map(tag_move).collect()
            }
            .boxed()
        })
        .await
    }

    /// The tags that point at a manifest.
    pub async fn tags_of_manifest(&self, repository: &RepositoryName, digest: Digest) -> Result<Vec<Tag>> {
        self.read((repository.clone(), digest), |tx, (repository, digest)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT name FROM tags WHERE digest = ?2
                         AND repository_id = (SELECT id FROM repositories WHERE name = ?1) ORDER BY name",
                        params![repository, digest],
                    )
                    .await?;
                rows.iter().map(|row| row.parsed(0, "tag")).collect()
            }
            .boxed()
        })
        .await
    }

    /// Deletes a tag if its condition holds. Returns where it pointed, or `None` if there is no such tag; the second
    /// value says whether it was deleted.
    pub async fn untag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        condition: TagCondition,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<(Digest, bool)>> {
        let input = (repository.clone(), tag.clone(), condition, actor.to_owned(), now);
        self.write(input, |tx, (repository, tag, condition, actor, now)| {
            async move {
                let Some(repository) = repositories::find(tx, repository).await? else { return Ok(None) };
                let Some(current) = current_locked(tx, repository, tag).await? else { return Ok(None) };
                let may_go = match condition {
                    TagCondition::Any => true,
                    TagCondition::At(expected) => *expected == current,
                    TagCondition::Immutable | TagCondition::New => false,
                };
                if may_go {
                    delete(tx, repository, tag, current, actor, *now).await?;
                }
                Ok(Some((current, may_go)))
            }
            .boxed()
        })
        .await
    }
}

fn stored_tag(row: &Row) -> Result<StoredTag> {
    Ok(StoredTag {
        tag: row.parsed(0, "tag")?,
        digest: row.digest(1)?,
        moved_at: row.timestamp(2)?,
        moved_by: row.text(3)?.to_owned(),
    })
}

fn tag_move(row: &Row) -> Result<TagMove> {
    Ok(TagMove {
        tag: row.parsed(0, "tag")?,
        previous: row.optional(1, Row::digest)?,
        digest: row.optional(2, Row::digest)?,
        moved_at: row.timestamp(3)?,
        moved_by: row.text(4)?.to_owned(),
    })
}

/// Where a tag points.
pub(super) async fn current(tx: &mut Transaction<'_>, repository: i64, tag: &Tag) -> Result<Option<Digest>> {
    let row = tx
        .row("SELECT digest FROM tags WHERE repository_id = ?1 AND name = ?2", params![repository, tag])
        .await?;
    row.map(|row| row.digest(0)).transpose()
}

/// Where a tag points, with the tag kept where it is until the transaction ends.
pub(super) async fn current_locked(
    tx: &mut Transaction<'_>,
    repository: i64,
    tag: &Tag,
) -> Result<Option<Digest>> {
    let row = tx
        .row(
            "SELECT digest FROM tags WHERE repository_id = ?1 AND name = ?2 FOR UPDATE",
            params![repository, tag],
        )
        .await?;
    row.map(|row| row.digest(0)).transpose()
}

/// Points a tag at a manifest, and writes the move down if it is one.
pub(super) async fn point(
    tx: &mut Transaction<'_>,
    repository: i64,
    tag: &Tag,
    digest: Digest,
    actor: &str,
    now: Timestamp,
) -> Result<()> {
    let previous = current(tx, repository, tag).await?;
    if previous == Some(digest) {
        return Ok(());
    }
    match previous {
        None => {
            tx.execute(
                "INSERT INTO tags (repository_id, name, digest, moved_at, moved_by) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![repository, tag, digest, now, actor],
            )
            .await?;
        }
        Some(_) => {
            tx.execute(
                "UPDATE tags SET digest = ?3, moved_at = ?4, moved_by = ?5 WHERE repository_id = ?1 AND name = ?2",
                params![repository, tag, digest, now, actor],
            )
            .await?;
        }
    }
    remember(tx, repository, tag, previous, Some(digest), actor, now).await
}

/// Deletes every tag that points at a manifest.
pub(super) async fn untag_all(
    tx: &mut Transaction<'_>,
    repository: i64,
    digest: Digest,
    actor: &str,
    now: Timestamp,
) -> Result<Vec<Tag>> {
    let rows = tx
        .rows(
            "SELECT name FROM tags WHERE repository_id = ?1 AND digest = ?2 ORDER BY name FOR UPDATE",
            params![repository, digest],
        )
        .await?;
    let tags: Vec<Tag> = rows.iter().map(|row| row.parsed(0, "tag")).collect::<Result<_>>()?;
    for tag in &tags {
        delete(tx, repository, tag, digest, actor, now).await?;
    }
    Ok(tags)
}

async fn delete(
    tx: &mut Transaction<'_>,
    repository: i64,
    tag: &Tag,
    pointed_at: Digest,
    actor: &str,
    now: Timestamp,
) -> Result<()> {
    tx.execute("DELETE FROM tags WHERE repository_id = ?1 AND name = ?2", params![repository, tag]).await?;
    remember(tx, repository, tag, Some(pointed_at), None, actor, now).await
}

async fn remember(
    tx: &mut Transaction<'_>,
    repository: i64,
    tag: &Tag,
    previous: Option<Digest>,
    digest: Option<Digest>,
    actor: &str,
    now: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO tag_history (repository_id, tag, digest, previous, moved_at, moved_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![repository, tag, digest, previous, now, actor],
    )
    .await?;
    let name = &repositories::name(tx, repository).await?;
    // Cosign 2 keeps signatures and attestations under tags, in manifests without a subject.
    if let Some(subject) = tag.evidence_subject() {
        verdicts::enqueue(tx, name, subject, now).await?;
    }
    let event = match (digest, previous) {
        (Some(digest), previous) => Event::TagMoved { repository: name, tag, digest, previous },
        (None, Some(previous)) => Event::TagDeleted { repository: name, tag, previous },
        (None, None) => return Ok(()),
    };
    event.log(tx, Some(actor), now).await.map(drop)
}
