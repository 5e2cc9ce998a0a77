use bytes::Bytes;
use plimsoll_oci::RepositoryName;
use plimsoll_oci::Tag;
use reqwest::Url;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::connection::{Call, Connection};
use super::link::next_page;
use crate::TransportError;

/// How many entries one page is asked for.
const PAGE_ENTRIES: u32 = 1000;

/// Most pages of one list.
const PAGES_MAX: usize = 10_000;

/// Largest page that is read: some registries send everything at once.
const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Most entries of one list.
const ENTRIES_MAX: usize = 5_000_000;

#[derive(Deserialize)]
struct TagPage {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct CataloguePage {
    #[serde(default)]
    repositories: Option<Vec<String>>,
}

impl Connection {
    /// All tags of a repository, sorted. Names that are no tags are left out.
    pub(crate) async fn tags(&self, name: &RepositoryName) -> Result<Vec<Tag>, TransportError> {
        let url = self.url(&format!("/v2/{name}/tags/list?n={PAGE_ENTRIES}"))?;
        let mut tags: Vec<Tag> = Vec::new();
        let mut pages = Pages::new(format!("list the tags of {}/{name}", self.key().registry), url);
        while let Some((body, _)) = pages.next(self).await? {
            let page: TagPage = pages.parse(&body)?;
            tags.extend(page.tags.iter().flatten().filter_map(|tag| tag.parse().ok()));
            pages.check_entries(tags.len())?;
        }
        tags.sort();
        tags.dedup();
        Ok(tags)
    }

    /// All repositories of the registry. Names that are none are left out.
    pub(crate) async fn catalogue(&self) -> Result<Vec<RepositoryName>, TransportError> {
        let url = self.url(&format!("/v2/_catalog?n={PAGE_ENTRIES}"))?;
        let mut names: Vec<RepositoryName> = Vec::new();
        let mut pages = Pages::new(format!("list the repositories of {}", self.key().registry), url);
        while let Some((body, _)) = pages.next(self).await? {
            let page: CataloguePage = pages.parse(&body)?;
            names.extend(page.repositories.iter().flatten().filter_map(|name| name.parse().ok()));
            pages.check_entries(names.len())?;
        }
        Ok(names)
    }
}

/// Goes through the pages of a list, from `Link` to `Link`.
pub(crate) struct Pages {
    operation: String,
    next: Option<Url>,
    seen: usize,
}

impl Pages {
    pub(crate) fn new(operation: String, first: Url) -> Self {
        Self { operation, next: Some(first), seen: 0 }
    }

    /// The next page's body and headers.
    pub(crate) async fn next(
        &mut self,
        connection: &Connection,
    ) -> Result<Option<(Bytes, HeaderMap)>, TransportError> {
        let Some(url) = self.next.take() else { return Ok(None) };
        self.seen += 1;
        if self.seen > PAGES_MAX {
            let what = format!("the number of pages to `{}`", self.operation);
            return Err(TransportError::limit(what, PAGES_MAX.to_string()));
        }
        let call = Call::get(&self.operation, url);
        let response = connection.send_expecting(&call, &[200]).await?;
        let headers = response.headers().clone();
        if let Some(link) = next_page(&headers) {
            let next = connection.endpoint().follow(&call.url, &link)?;
            self.next = (next != call.url).then_some(next);
        }
        let body = connection.read_body(&self.operation, response, PAGE_BYTES_MAX).await?;
        Ok(Some((body, headers)))
    }

    pub(crate) fn parse<'a, T: Deserialize<'a>>(&self, body: &'a [u8]) -> Result<T, TransportError> {
        serde_json::from_slice(body).map_err(|error| TransportError::Protocol {
            operation: self.operation.clone(),
            problem: format!("the answer is not a list: {error}"),
        })
    }

    pub(crate) fn check_entries(&self, entries: usize) -> Result<(), TransportError> {
        if entries > ENTRIES_MAX {
            let what = format!("the length of the list to `{}`", self.operation);
            return Err(TransportError::limit(what, format!("{ENTRIES_MAX} entries")));
        }
        Ok(())
    }
}
