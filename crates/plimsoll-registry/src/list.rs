//! Repositories, tags and referrers, a page at a time.

use plimsoll_oci::{Descriptor, Digest, Manifest, RepositoryName, Tag};
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::TagMove;

use crate::Registry;
use crate::access::{CanList, CanPull};

/// Most repositories or tags on a page.
pub(crate) const PAGE_MAX: usize = 10_000;

/// How many names are looked at together at the least.
const REPOSITORIES_BATCH: usize = 1000;

/// Most referrers on a page. Many clients read only the first.
const REFERRERS_MAX: usize = 1000;

/// How many referrers are read at once; each may have 5 MiB.
const REFERRERS_BATCH: usize = 20;

/// Most bytes of descriptors on a page of referrers: clients limit an index to 4 MiB.
const REFERRERS_BYTES_MAX: usize = 3 * 1024 * 1024;

/// A page of referrers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferrersPage {
    /// What refers to the subject.
    pub descriptors: Vec<Descriptor>,
    /// Where the next page begins, if there is one.
    pub next: Option<Digest>,
}

impl Registry {
    /// The names of repositories after `last`, at most `limit`, and whether there are more.
    pub async fn list_repositories(
        &self,
        can_list: &CanList,
        last: Option<String>,
        limit: usize,
    ) -> Result<(Vec<RepositoryName>, bool), CatalogueError> {
        let limit = limit.min(PAGE_MAX);
        let mut seen = Vec::new();
        let mut after = last;
        loop {
            let batch = (limit + 1).max(REPOSITORIES_BATCH);
            let page = self.catalogue().list_repositories(after, batch).await?;
            let is_last = page.len() < batch;
            after = page.last().map(ToString::to_string);
            seen.extend(page.into_iter().filter(|repository| can_list.may_see(repository)));
            if is_last || seen.len() > limit {
                let has_more = seen.len() > limit;
                seen.truncate(limit);
                return Ok((seen, has_more));
            }
            // Somebody who may see little makes this go through much.
            tokio::task::yield_now().await;
        }
    }

    /// The tags of a repository after `last`, at most `limit`, and whether there are more. `None` if the repository is
    /// not known.
    pub async fn list_tags(
        &self,
        can_pull: &CanPull,
        last: Option<String>,
        limit: usize,
    ) -> Result<Option<(Vec<Tag>, bool)>, CatalogueError> {
        let limit = limit.min(PAGE_MAX);
        let listed = self.catalogue().list_tags(can_pull.repository(), last, limit + 1).await?;
        Ok(listed.map(|mut tags| {
            let has_more = tags.len() > limit;
            tags.truncate(limit);
            (tags.into_iter().map(|tag| tag.tag).collect(), has_more)
        }))
    }

    /// The moves of a repository's tags, or of one, the newest first, at most `limit`.
    pub async fn tag_history(
        &self,
        can_pull: &CanPull,
        tag: Option<&Tag>,
        limit: usize,
    ) -> Result<Vec<TagMove>, CatalogueError> {
        self.catalogue().tag_history(can_pull.repository(), tag, limit).await
    }

    /// What refers to `subject`. Manifests with a `subject` count whichever came first, and so do those that clients
    /// listed under the referrers tag schema before: their `subject` was read when they were pushed.
    pub async fn list_referrers(
        &self,
        can_pull: &CanPull,
        subject: Digest,
        artifact_type: Option<&str>,
        last: Option<Digest>,
    ) -> Result<ReferrersPage, CatalogueError> {
        let mut page = ReferrersPage { descriptors: Vec::new(), next: None };
        let (mut bytes, mut after) = (0, last);
        loop {
            let batch = self
                .catalogue()
                .list_referrers(can_pull.repository(), subject, artifact_type, after, REFERRERS_BATCH)
                .await?;
            let is_last = batch.len() < REFERRERS_BATCH;
            for referrer in batch {
                // The descriptor repeats the annotations, which are at most as long as the manifest.
                bytes += referrer.bytes.len();
                let is_full = page.descriptors.len() == REFERRERS_MAX || bytes > REFERRERS_BYTES_MAX;
                if is_full && !page.descriptors.is_empty() {
                    page.next = after;
                    return Ok(page);
                }
                after = Some(referrer.digest);
                if let Ok((manifest, _)) = Manifest::parse(&referrer.bytes, Some(&referrer.media_type)) {
                    let size = referrer.bytes.len() as u64;
                    page.descriptors.push(manifest.as_referrer(referrer.media_type, referrer.digest, size));
                }
            }
            if is_last {
                return Ok(page);
            }
        }
    }
}
