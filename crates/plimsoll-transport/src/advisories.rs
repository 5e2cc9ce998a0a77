//! Files of advisories from public web servers: large, changed daily, and fetched again only where they changed.
//!
//! What was fetched before a connection broke stays, and the rest is asked for (RFC 9110, sections 13.1.5 and 14.2). A
//! file gets its name only when it is complete and has the check sum that the server names.

mod checksum;
mod part;

use std::path::{Path, PathBuf};

use reqwest::header::{CONTENT_LENGTH, ETAG, HeaderMap, IF_NONE_MATCH, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode, Url};

use crate::connect_failure::explain;
use crate::{Progress, RegistryClient, TransportError};
use checksum::Checksum;
use part::Part;

/// A file to fetch.
#[derive(Clone, Copy, Debug)]
pub struct Download<'d> {
    /// Where it is.
    pub url: &'d str,
    /// Where it goes. What was fetched of it waits beside it, for the next try or the next run.
    pub to: &'d Path,
    /// The entity tag of the file that is known already.
    pub known: Option<&'d str>,
    /// The largest file that is taken.
    pub bytes_max: u64,
}

/// How a download ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Downloaded {
    /// The server has what is known already.
    Unchanged,
    /// The file is there, complete and checked.
    Complete {
        /// Its entity tag, to ask with the next time.
        tag: Option<String>,
        /// How large it is.
        bytes: u64,
        /// How much of it an earlier try had fetched.
        resumed_from: u64,
    },
}

/// What one request came to.
enum Step {
    Unchanged,
    Whole {
        tag: Option<String>,
        bytes: u64,
        resumed_from: u64,
    },
    /// What waited is of another file by now.
    StartOver,
}

impl RegistryClient {
    /// Fetches a file without credentials, and goes on where the connection broke.
    pub async fn download(
        &self,
        download: &Download<'_>,
        progress: &dyn Progress,
    ) -> Result<Downloaded, TransportError> {
        let url: Url = download.url.parse().map_err(|_| TransportError::Unsupported {
            what: format!("`{}` is no URL", download.url),
            help: "write it as https://host/path".to_owned(),
        })?;
        let retry = self.options().retry;
        let mut failures = 0;
        let mut resumed_from = 0;
        loop {
            let before = Part::beside(download.to).length();
            let error = match self.fetch(&url, download, progress).await {
                Ok(Step::Unchanged) => return Ok(Downloaded::Unchanged),
                Ok(Step::Whole { tag, bytes, resumed_from: last }) => {
                    let resumed_from = resumed_from.max(last);
                    return Ok(Downloaded::Complete { tag, bytes, resumed_from });
                }
                Ok(Step::StartOver) => {
                    Part::beside(download.to).remove()?;
                    protocol(download, "the file changed while it was fetched")
                }
                Err(error) => error,
            };
            // Whoever gets on is not stuck.
            let has_got_on = Part::beside(download.to).length() > before;
            failures = if has_got_on { 1 } else { failures + 1 };
            resumed_from = resumed_from.max(before);
            if !(is_passing(&error) && retry.allows(failures)) {
                return Err(error);
            }
            let pause = retry.pause(failures);
            self.options().warnings.retrying(&operation(download), &error.to_string(), pause);
            tokio::time::sleep(pause).await;
        }
    }

    async fn fetch(
        &self,
        url: &Url,
        download: &Download<'_>,
        progress: &dyn Progress,
    ) -> Result<Step, TransportError> {
        let part = Part::beside(download.to);
        let waiting = part.resumable();
        let mut request = self.http().get(url.clone());
        match &waiting {
            Some((offset, tag)) => {
                request = request.header(RANGE, format!("bytes={offset}-")).header(IF_RANGE, tag);
            }
            None => part.remove()?,
        }
        // What waits is newer than what is known.
        if let (Some(known), None) = (download.known, &waiting) {
            request = request.header(IF_NONE_MATCH, known);
        }
        let answer = tokio::time::timeout(self.options().stall_timeout, request.send()).await;
        let response = answer
            .map_err(|_| self.stalled(download))?
            .map_err(|error| explain(&operation(download), None, error))?;
        match (response.status(), waiting) {
            (StatusCode::NOT_MODIFIED, _) => Ok(Step::Unchanged),
            (StatusCode::OK, _) => {
                part.remove()?;
                self.take(response, download, part, 0, progress).await
            }
            (StatusCode::PARTIAL_CONTENT, Some((offset, _))) if starts_at(response.headers(), offset) => {
                self.take(response, download, part, offset, progress).await
            }
            (StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE, _) => Ok(Step::StartOver),
            (status, _) => Err(refused(download, status)),
        }
    }

    /// Takes the body behind the first `offset` bytes.
    async fn take(
        &self,
        mut response: Response,
        download: &Download<'_>,
        mut part: Part,
        offset: u64,
        progress: &dyn Progress,
    ) -> Result<Step, TransportError> {
        let tag = text(response.headers(), ETAG.as_str());
        let rest: Option<u64> =
            text(response.headers(), CONTENT_LENGTH.as_str()).and_then(|it| it.parse().ok());
        let total = rest.map(|rest| rest.saturating_add(offset));
        if total.is_some_and(|total| total > download.bytes_max) {
            return Err(too_large(download));
        }
        let checksum = Checksum::named_in(response.headers());
        progress.started(total.unwrap_or_default());
        part.open(tag.as_deref())?;
        let received = self.receive(&mut response, download, &mut part, offset, progress).await;
        part.flush().await?;
        let length = received?;
        if total.is_some_and(|total| total != length) {
            return Err(protocol(download, "the connection ended before the file did"));
        }
        part.complete(checksum, download.to).await?;
        progress.finished();
        Ok(Step::Whole { tag, bytes: length, resumed_from: offset })
    }

    /// Appends the body to the part that has `length` bytes, and tells how many it has then.
    async fn receive(
        &self,
        response: &mut Response,
        download: &Download<'_>,
        part: &mut Part,
        mut length: u64,
        progress: &dyn Progress,
    ) -> Result<u64, TransportError> {
        loop {
            let piece = tokio::time::timeout(self.options().stall_timeout, response.chunk()).await;
            let read = piece.map_err(|_| self.stalled(download))?;
            let broken = |cause| TransportError::Unreachable { operation: operation(download), cause };
            let Some(bytes) = read.map_err(broken)? else { return Ok(length) };
            length = length.saturating_add(bytes.len() as u64);
            if length > download.bytes_max {
                return Err(too_large(download));
            }
            progress.advanced(bytes.len() as u64);
            part.append(bytes).await?;
        }
    }

    fn stalled(&self, download: &Download<'_>) -> TransportError {
        let seconds = self.options().stall_timeout.as_secs();
        TransportError::Stalled { operation: operation(download), seconds }
    }
}

fn operation(download: &Download<'_>) -> String {
    format!("download {}", download.url)
}

fn protocol(download: &Download<'_>, problem: &str) -> TransportError {
    TransportError::Protocol { operation: operation(download), problem: problem.to_owned() }
}

fn too_large(download: &Download<'_>) -> TransportError {
    TransportError::limit(format!("`{}`", download.url), format!("{} bytes", download.bytes_max))
}

fn refused(download: &Download<'_>, status: StatusCode) -> TransportError {
    let (operation, status) = (operation(download), status.as_u16());
    TransportError::Refused { operation, status, detail: String::new() }
}

/// Whether another try may help.
fn is_passing(error: &TransportError) -> bool {
    match error {
        TransportError::Refused { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
        TransportError::Protocol { .. } => true,
        error => error.is_transient(),
    }
}

/// `Content-Range: bytes 100-199/200` begins where it should.
fn starts_at(headers: &HeaderMap, offset: u64) -> bool {
    let range = text(headers, "content-range");
    let start =
        range.as_deref().and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
    start == Some(offset)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// A path with more at its end.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
