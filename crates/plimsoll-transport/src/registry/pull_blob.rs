use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Response, StatusCode};

use super::connection::{Call, Connection};
use super::repository::Repository;
use crate::{BlobVerifier, ByteStream, TransportError, VerifiedStream};

/// How many bytes must come after a break before earlier breaks are forgiven.
const FORGIVEN_AFTER_BYTES: u64 = 8 * 1024 * 1024;

impl Repository {
    /// Opens a blob. A broken download goes on with a `Range` where it stopped (distribution-spec, "Pulling blobs").
    pub(crate) async fn pull_blob(&self, from: BlobVerifier) -> Result<VerifiedStream, TransportError> {
        let digest = from.digest();
        let operation = format!("read blob {}@{digest}", self.full_name());
        let call = Call::get(operation, self.url(&format!("blobs/{digest}"))?);
        let mut download = Download {
            connection: self.connection().clone(),
            call,
            position: from.offset(),
            size: from.size(),
            body: None,
            failures: 0,
            failed_at: from.offset(),
        };
        if download.position < download.size {
            download.open().await?;
        }
        Ok(VerifiedStream::new(download.into_bytes(), from))
    }
}

struct Download {
    connection: Connection,
    call: Call,
    position: u64,
    size: u64,
    body: Option<Body>,
    failures: u32,
    failed_at: u64,
}

struct Body {
    response: Response,
    /// Bytes that were had before and come again, from a server without ranges.
    skip: u64,
}

impl Download {
    fn into_bytes(self) -> ByteStream {
        Box::pin(stream::try_unfold(self, |mut download| async move {
            Ok(download.next().await?.map(|bytes| (bytes, download)))
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        loop {
            match self.try_next().await {
                Ok(Some(bytes)) => {
                    self.position += bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                Ok(None) if self.position >= self.size => return Ok(None),
                Ok(None) => self.note_failure(None).await?,
                Err(error) => self.note_failure(Some(error)).await?,
            }
        }
    }

    async fn try_next(&mut self) -> Result<Option<Bytes>, TransportError> {
        if self.body.is_none() && self.position < self.size {
            self.open().await?;
        }
        let Some(body) = &mut self.body else { return Ok(None) };
        while let Some(mut bytes) =
            self.connection.next_chunk(&self.call.operation, &mut body.response).await?
        {
            let skipped = usize::try_from(body.skip).unwrap_or(usize::MAX).min(bytes.len());
            let fresh = bytes.split_off(skipped);
            body.skip -= skipped as u64;
            if !fresh.is_empty() {
                return Ok(Some(fresh));
            }
        }
        Ok(None)
    }

    /// Asks for what is missing.
    async fn open(&mut self) -> Result<(), TransportError> {
        let mut call = self.call.clone();
        if self.position > 0 {
            let range = format!("bytes={}-", self.position);
            call.headers.insert(RANGE, HeaderValue::try_from(range).expect("digits are header text"));
        }
        let response = self.connection.send_expecting(&call, &[200, 206]).await?;
        let starts_at = match response.status() {
            StatusCode::PARTIAL_CONTENT => range_start(&response),
            _ => Some(0),
        };
        let skip = starts_at.and_then(|start| self.position.checked_sub(start));
        let skip = skip.ok_or_else(|| TransportError::Protocol {
            operation: call.operation.clone(),
            problem: "the answer does not begin at the byte asked for".to_owned(),
        })?;
        self.body = Some(Body { response, skip });
        Ok(())
    }

    /// Waits before the next attempt, or gives up. An answer that ended early has no error of its own.
    async fn note_failure(&mut self, error: Option<TransportError>) -> Result<(), TransportError> {
        let is_final = error.as_ref().is_some_and(|error| !error.is_transient());
        if self.position - self.failed_at >= FORGIVEN_AFTER_BYTES {
            self.failures = 0;
        }
        self.failures += 1;
        self.failed_at = self.position;
        self.body = None;
        if is_final || !self.connection.retry().allows(self.failures) {
            return Err(error.unwrap_or_else(|| TransportError::Protocol {
                operation: self.call.operation.clone(),
                problem: format!("the answer ended after {} of {} bytes", self.position, self.size),
            }));
        }
        let cause = error.map_or_else(|| "the answer ended early".to_owned(), |error| error.to_string());
        let pause = self.connection.retry().pause(self.failures);
        self.connection.note_retry(&self.call.operation, &cause, pause);
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// The first byte's position in `Content-Range: bytes 10-19/20`.
fn range_start(response: &Response) -> Option<u64> {
    let text = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    text.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}
