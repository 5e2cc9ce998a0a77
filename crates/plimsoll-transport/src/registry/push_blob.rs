use std::time::Duration;

use plimsoll_oci::Descriptor;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RANGE,
};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode, Url};

use super::connection::Call;
use super::repository::Repository;
use super::upload_body::{UploadBody, UploadProgress};
use crate::connect_failure::is_cut;
use crate::{BlobContent, BlobVerifier, Presence, TransportError};

/// How long a registry may take to answer once it has all bytes: it may have to move them.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(600);

/// How much is sent first after the registry broke off. It fits into the line's buffers, so that it is sent whole before an
/// answer comes, and an answer that says why no more is taken is read.
const PROBE_BYTES: u64 = 16 * 1024;

impl Repository {
    /// Looks for the blob here, and tries to mount it from the other repository.
    pub(crate) async fn find_or_mount_blob(&self, blob: &Descriptor) -> Result<Presence, TransportError> {
        let operation = format!("look for blob {}@{}", self.full_name(), blob.digest);
        let call = Call::new(Method::HEAD, operation, self.url(&format!("blobs/{}", blob.digest))?);
        let response = self.connection().send_expecting(&call, &[200, 404]).await?;
        if response.status() == StatusCode::OK {
            return Ok(Presence::Present);
        }
        let Some(from) = self.mount_from() else { return Ok(Presence::Absent) };
        let mut url = self.url("blobs/uploads/")?;
        url.query_pairs_mut()
            .append_pair("mount", &blob.digest.to_string())
            .append_pair("from", from.as_str());
        let call = self.upload_call(Method::POST, blob, url);
        let response = self.connection().send(&call).await?;
        match response.status() {
            StatusCode::CREATED => return Ok(Presence::Mounted),
            StatusCode::ACCEPTED => self.keep_session(blob.digest, self.location(&call, &response)?),
            status => tracing::debug!(status = status.as_u16(), "mount refused"),
        }
        Ok(Presence::Absent)
    }

    /// Uploads a blob in one streamed `PATCH`, and goes on where the registry stopped when that breaks
    /// (distribution-spec, "Pushing a blob in chunks"). Only bytes that hashed are committed.
    pub(crate) async fn push_blob(
        &self,
        blob: &Descriptor,
        content: &dyn BlobContent,
    ) -> Result<(), TransportError> {
        let mut upload = Upload {
            repository: self,
            blob,
            content,
            session: self.take_session(&blob.digest),
            progress: UploadProgress::new(BlobVerifier::start(blob)),
            was_cut_off: false,
        };
        let mut failures = 0;
        loop {
            match upload.run().await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    failures += 1;
                    upload.was_cut_off = matches!(error, TransportError::CutOff { .. });
                    if !is_worth_another(&error) || !self.connection().retry().allows(failures) {
                        return Err(error);
                    }
                    let operation = format!("upload blob {}@{}", self.full_name(), blob.digest);
                    let pause = self.connection().retry().pause(failures);
                    self.connection().note_retry(&operation, &error.to_string(), pause);
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    fn upload_call(&self, method: Method, blob: &Descriptor, url: Url) -> Call {
        let operation = format!("upload blob {}@{}", self.full_name(), blob.digest);
        let says_length = method != Method::GET;
        let call = Call::new(method, operation, url);
        if says_length { call.with_header(CONTENT_LENGTH, HeaderValue::from(0)) } else { call }
    }

    fn location(&self, call: &Call, response: &Response) -> Result<Url, TransportError> {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| TransportError::Protocol {
            operation: call.operation.clone(),
            problem: "the answer has no `Location`".to_owned(),
        })?;
        self.connection().endpoint().follow(response.url(), location)
    }
}

fn is_worth_another(error: &TransportError) -> bool {
    // A full disk (507) is not emptied by asking again, and what is not implemented (501) stays so.
    error.is_transient()
        || matches!(
            error,
            TransportError::Refused { status: 401 | 404 | 408 | 416 | 429 | 500 | 502..=504, .. }
        )
}

struct Upload<'a> {
    repository: &'a Repository,
    blob: &'a Descriptor,
    content: &'a dyn BlobContent,
    session: Option<Url>,
    progress: UploadProgress,
    /// Whether the registry broke off without an answer that was read.
    was_cut_off: bool,
}

impl Upload<'_> {
    async fn run(&mut self) -> Result<(), TransportError> {
        let mut offset = self.registry_offset().await?;
        if offset >= self.blob.size {
            self.read_to_end(offset).await?;
        }
        if self.was_cut_off && self.blob.size.saturating_sub(offset) > PROBE_BYTES {
            self.send(offset, PROBE_BYTES).await?;
            offset += PROBE_BYTES;
        }
        if offset < self.blob.size {
            self.send(offset, self.blob.size - offset).await?;
        }
        self.progress.finish()?;
        self.commit().await
    }

    /// Where the registry stands: at the beginning of a new session, or where the last attempt left it.
    async fn registry_offset(&mut self) -> Result<u64, TransportError> {
        if self.progress.offset() > 0
            && let Some(session) = self.session.clone()
        {
            let call = self.call(Method::GET, session);
            let response = self.repository.connection().send(&call).await?;
            if response.status() == StatusCode::NO_CONTENT {
                self.follow_location(&call, &response);
                return Ok(received(response.headers()).min(self.blob.size));
            }
            self.session = None;
        }
        if self.session.is_none() {
            let call = self.call(Method::POST, self.repository.url("blobs/uploads/")?);
            let response = self.repository.connection().send_expecting(&call, &[202]).await?;
            self.session = Some(self.repository.location(&call, &response)?);
        }
        Ok(0)
    }

    async fn send(&mut self, offset: u64, length: u64) -> Result<(), TransportError> {
        let call = self.call(Method::PATCH, self.current_session()?);
        let body = self.open_at(offset).await?;
        let is_rest = offset + length == self.blob.size;
        let body = if is_rest { body } else { body.cut_to(length) };
        let request = self.patch_request(&call, offset, length, body).await;
        let response = self.watch(&call, request).await;
        if let Some(error) = self.progress.take_source_error() {
            return Err(error);
        }
        let response = response?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let used = self.repository.connection().current_authorization(&call.url).await;
            self.repository.connection().authorize(&response, used.as_ref()).await?;
            return Err(TransportError::Refused {
                operation: call.operation,
                status: 401,
                detail: String::new(),
            });
        }
        let response = self.repository.connection().expect(&call, response, &[201, 202, 204]).await?;
        self.follow_location(&call, &response);
        Ok(())
    }

    /// The blob from the last checkpoint before `offset`, without what the registry has.
    async fn open_at(&self, offset: u64) -> Result<UploadBody, TransportError> {
        let checkpoint =
            self.progress.checkpoint_before(offset).unwrap_or_else(|| BlobVerifier::start(self.blob));
        let skip = offset - checkpoint.offset();
        Ok(UploadBody::new(self.content.open(checkpoint).await?, self.progress.clone(), skip))
    }

    /// Hashes a blob to its end that the registry has whole, because nothing unhashed may be committed.
    async fn read_to_end(&self, offset: u64) -> Result<(), TransportError> {
        use futures_util::StreamExt as _;
        let mut rest = self.open_at(offset).await?;
        while rest.next().await.is_some() {}
        self.progress.take_source_error().map_or(Ok(()), Err)
    }

    async fn patch_request(&self, call: &Call, offset: u64, length: u64, body: UploadBody) -> RequestBuilder {
        let connection = self.repository.connection();
        let mut request = connection
            .http()
            .patch(call.url.clone())
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, length)
            .body(Body::wrap_stream(body));
        if length < self.blob.size {
            request = request.header(CONTENT_RANGE, format!("{offset}-{}", offset + length - 1));
        }
        let authorization = connection.current_authorization(&call.url).await;
        match authorization.and_then(|authorization| authorization.header) {
            Some(header) => request.header(AUTHORIZATION, header),
            None => request,
        }
    }

    /// Waits for the answer as long as bytes are flowing, and longer when all are sent.
    async fn watch(&self, call: &Call, request: RequestBuilder) -> Result<Response, TransportError> {
        let answer = request.send();
        tokio::pin!(answer);
        let mut seen = self.progress.offset();
        loop {
            let patience = if seen >= self.blob.size {
                COMMIT_TIMEOUT
            } else {
                self.repository.connection().stall_timeout()
            };
            match tokio::time::timeout(patience, &mut answer).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) if is_cut(&error) => {
                    return Err(TransportError::CutOff { operation: call.operation.clone() });
                }
                Ok(Err(error)) => {
                    return Err(self.repository.connection().explain(&call.operation, error));
                }
                Err(_) if self.progress.offset() == seen => {
                    return Err(self.repository.connection().stalled(&call.operation));
                }
                Err(_) => seen = self.progress.offset(),
            }
        }
    }

    async fn commit(&self) -> Result<(), TransportError> {
        let mut url = self.current_session()?;
        url.query_pairs_mut().append_pair("digest", &self.blob.digest.to_string());
        let call = Call { patience: Some(COMMIT_TIMEOUT), ..self.call(Method::PUT, url) };
        let sent = self.repository.connection().send_expecting(&call, &[201, 202, 204]).await;
        match sent {
            Ok(_) => Ok(()),
            // A repeated commit finds its session gone: then the blob itself tells whether the first one worked.
            Err(error) if is_worth_another(&error) => {
                match self.repository.find_or_mount_blob(self.blob).await {
                    Ok(Presence::Present | Presence::Mounted) => Ok(()),
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn current_session(&self) -> Result<Url, TransportError> {
        self.session.clone().ok_or_else(|| TransportError::Protocol {
            operation: format!("upload blob {}@{}", self.repository.full_name(), self.blob.digest),
            problem: "there is no upload session".to_owned(),
        })
    }

    /// A registry may move the session with every answer.
    fn follow_location(&mut self, call: &Call, response: &Response) {
        if let Ok(session) = self.repository.location(call, response) {
            self.session = Some(session);
        }
    }

    fn call(&self, method: Method, url: Url) -> Call {
        self.repository.upload_call(method, self.blob, url)
    }
}

/// How many bytes the registry has, from `Range: 0-99`.
fn received(headers: &HeaderMap) -> u64 {
    let last = headers
        .get(RANGE)
        .and_then(|value| value.to_str().ok()?.rsplit('-').next()?.trim().parse::<u64>().ok());
    // `0-0` is said of an empty session and of one with a single byte. Taken as empty; if it was not, the digest tells.
    last.filter(|last| *last > 0).map_or(0, |last| last.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registrys_offset_is_read_from_its_range() {
        let range =
            |text: &'static str| received(&HeaderMap::from_iter([(RANGE, HeaderValue::from_static(text))]));
        assert_eq!(range("0-99"), 100);
        assert_eq!(range("0-0"), 0);
        assert_eq!(range("bytes=0-4"), 5);
        assert_eq!(range("x"), 0);
    }
}
