use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};

use super::Shared;
use super::authorization::{Authorization, AuthorizationSlot};
use super::challenge::challenges_in;
use super::endpoint::Endpoint;
use super::refusal::refused;
use super::retry::RetryPolicy;
use super::token::{basic, meet};
use super::warning::warnings_in;
use crate::connect_failure::explain;
use crate::{Credential, LoginKey, TransportError};

/// How long a registry on this machine gets that may just be starting.
const QUICK_PAUSE: Duration = Duration::from_millis(200);

/// One request, in a form that can be sent again.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// What it does, for messages.
    pub(crate) operation: String,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// How long the answer may take to begin, when that is more than usual.
    pub(crate) patience: Option<Duration>,
}

impl Call {
    pub(crate) fn get(operation: impl Into<String>, url: Url) -> Self {
        Self::new(Method::GET, operation, url)
    }

    pub(crate) fn new(method: Method, operation: impl Into<String>, url: Url) -> Self {
        Self {
            operation: operation.into(),
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            patience: None,
        }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    pub(crate) fn with_body(self, body: Bytes) -> Self {
        Self { body, ..self }
    }
}

/// Calls to one registry with one set of rights.
#[derive(Clone)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    key: LoginKey,
    scopes: Arc<[String]>,
    slot: AuthorizationSlot,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>, endpoint: Endpoint, key: LoginKey, scopes: Vec<String>) -> Self {
        let slot = shared.authorizations.slot(key.registry.as_str(), &scopes);
        Self { shared, endpoint, key, scopes: scopes.into(), slot }
    }

    /// Sends a call, authorized if the registry asks for it, and again when it failed in passing.
    ///
    /// Every call that goes through here may be sent twice: reads, writes of content named by its digest, and the
    /// start of an upload.
    pub(crate) async fn send(&self, call: &Call) -> Result<Response, TransportError> {
        let mut failures = 0;
        let mut was_asked = false;
        loop {
            let url = self.endpoint.current(&call.url);
            let used = self.current_authorization(&url).await;
            let patience = call.patience.unwrap_or(self.stall_timeout());
            let request = self.request(call, url.clone(), used.as_ref());
            let sent = self.dispatch_within(patience, &call.operation, request).await;
            if self.endpoint.turns_out_to_speak_tls(&url, &sent) {
                continue;
            }
            let (cause, pause) = match sent {
                Ok(response) if response.status() == StatusCode::UNAUTHORIZED && !was_asked => {
                    was_asked = true;
                    self.authorize(&response, used.as_ref()).await?;
                    continue;
                }
                Ok(response) => {
                    self.endpoint.contact().note_answer();
                    let (status, headers) = (response.status(), response.headers());
                    match self.retry().pause_after(status, headers, failures + 1) {
                        Some(pause) => (format!("the registry answered {}", status.as_u16()), pause),
                        None => return Ok(response),
                    }
                }
                Err(error) => match self.pause_after_error(&error, failures + 1) {
                    Some(pause) => (error.to_string(), pause),
                    None => return Err(error),
                },
            };
            failures += 1;
            self.note_retry(&call.operation, &cause, pause);
            tokio::time::sleep(pause).await;
        }
    }

    /// The pause before a call is repeated that got no answer, if it may be.
    fn pause_after_error(&self, error: &TransportError, failures: u32) -> Option<Duration> {
        let is_nothing_there = matches!(error, TransportError::NoAnswer { is_closed: true, .. });
        if is_nothing_there && self.endpoint.is_silent_loopback() {
            // Who has not started a registry need not wait to hear of it; one that is starting gets a moment.
            return (failures == 1 && self.retry().allows(failures)).then_some(QUICK_PAUSE);
        }
        (error.is_transient() && self.retry().allows(failures)).then(|| self.retry().pause(failures))
    }

    /// Says that a call is tried again.
    pub(crate) fn note_retry(&self, operation: &str, cause: &str, pause: Duration) {
        tracing::info!(operation, cause, pause_ms = pause.as_millis(), "try again");
        self.shared.options.warnings.retrying(operation, cause, pause);
    }

    /// Says something about the registry to whoever listens.
    pub(crate) fn warn(&self, text: &str) {
        self.shared.options.warnings.warn(self.key.registry.as_str(), text);
    }

    /// Sends a call whose answer must have one of these statuses.
    pub(crate) async fn send_expecting(
        &self,
        call: &Call,
        statuses: &[u16],
    ) -> Result<Response, TransportError> {
        let response = self.send(call).await?;
        self.expect(call, response, statuses).await
    }

    /// Takes an answer with one of these statuses, and makes an error of any other.
    pub(crate) async fn expect(
        &self,
        call: &Call,
        response: Response,
        statuses: &[u16],
    ) -> Result<Response, TransportError> {
        if statuses.contains(&response.status().as_u16()) {
            Ok(response)
        } else {
            Err(refused(self, &call.operation, response).await)
        }
    }

    /// Sends a request once. Its answer must begin before the peer counts as stalled.
    pub(crate) async fn dispatch(
        &self,
        operation: &str,
        request: RequestBuilder,
    ) -> Result<Response, TransportError> {
        self.dispatch_within(self.stall_timeout(), operation, request).await
    }

    async fn dispatch_within(
        &self,
        patience: Duration,
        operation: &str,
        request: RequestBuilder,
    ) -> Result<Response, TransportError> {
        let answer = tokio::time::timeout(patience, request.send()).await;
        let response =
            answer.map_err(|_| self.stalled(operation))?.map_err(|error| self.explain(operation, error))?;
        self.note_warnings(&response);
        Ok(response)
    }

    /// Reads a whole body of at most `limit` bytes.
    pub(crate) async fn read_body(
        &self,
        operation: &str,
        mut response: Response,
        limit: usize,
    ) -> Result<Bytes, TransportError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.next_chunk(operation, &mut response).await? {
            if body.len() + chunk.len() > limit {
                let what = format!("the answer to `{operation}`");
                return Err(TransportError::limit(what, format!("{limit} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// The next piece of a body.
    pub(crate) async fn next_chunk(
        &self,
        operation: &str,
        response: &mut Response,
    ) -> Result<Option<Bytes>, TransportError> {
        let chunk = tokio::time::timeout(self.stall_timeout(), response.chunk()).await;
        chunk
            .map_err(|_| self.stalled(operation))?
            .map_err(|cause| TransportError::Unreachable { operation: operation.to_owned(), cause })
    }

    /// Why a request got no answer.
    pub(crate) fn explain(&self, operation: &str, error: reqwest::Error) -> TransportError {
        let is_own = error.url().is_some_and(|url| self.endpoint.owns(url));
        explain(operation, is_own.then_some(self.key.registry.as_str()), error)
    }

    fn request(&self, call: &Call, url: Url, authorization: Option<&Authorization>) -> RequestBuilder {
        let request = self.shared.http.request(call.method.clone(), url).headers(call.headers.clone());
        let request = if call.body.is_empty() { request } else { request.body(call.body.clone()) };
        match authorization.and_then(|authorization| authorization.header.clone()) {
            Some(header) => request.header(AUTHORIZATION, header),
            None => request,
        }
    }

    /// What is known already, if `url` is the registry's own: no other host may see it.
    pub(crate) async fn current_authorization(&self, url: &Url) -> Option<Authorization> {
        if !self.endpoint.owns(url) {
            return None;
        }
        self.slot.lock().await.clone().filter(Authorization::is_fresh)
    }

    /// Meets the challenges of a 401, unless another call has done so since `used` was sent.
    pub(crate) async fn authorize(
        &self,
        response: &Response,
        used: Option<&Authorization>,
    ) -> Result<(), TransportError> {
        if !self.endpoint.owns(response.url()) {
            return Ok(());
        }
        let mut slot = self.slot.lock().await;
        let is_newer = slot.as_ref().is_some_and(|known| known.is_fresh() && Some(known) != used);
        if is_newer {
            return Ok(());
        }
        let found = self.shared.keychain.find(&self.key).await?;
        *slot = Some(meet(self, &challenges_in(response.headers()), found).await?);
        Ok(())
    }

    /// Whether the registry has asked who is there.
    pub(crate) async fn was_asked_for_credential(&self) -> bool {
        self.slot.lock().await.is_some()
    }

    /// Offers a password to a registry that did not ask.
    pub(crate) async fn offer_password(
        &self,
        call: &Call,
        credential: &Credential,
    ) -> Result<(), TransportError> {
        let Credential::Password { username, password } = credential else { return Ok(()) };
        let request = self
            .request(call, self.endpoint.current(&call.url), None)
            .header(AUTHORIZATION, basic(username, password));
        let response = self.dispatch(&call.operation, request).await?;
        self.expect(call, response, &[200]).await.map(|_| ())
    }

    /// Which credential was tried, for messages.
    pub(crate) async fn tried(&self) -> String {
        match self.slot.try_lock().ok().and_then(|slot| slot.as_ref().map(|known| known.tried.clone())) {
            Some(tried) => tried,
            None => "it did not say what it wants".to_owned(),
        }
    }

    /// Whose credential the registry got, if it got one.
    pub(crate) async fn who(&self) -> Option<String> {
        self.slot.lock().await.as_ref().and_then(|known| known.who.clone())
    }

    fn note_warnings(&self, response: &Response) {
        for text in warnings_in(response.headers()) {
            self.shared.options.warnings.warn(self.key.registry.as_str(), &text);
        }
    }

    pub(crate) fn stalled(&self, operation: &str) -> TransportError {
        TransportError::Stalled { operation: operation.to_owned(), seconds: self.stall_timeout().as_secs() }
    }

    /// The address of a path of this registry.
    pub(crate) fn url(&self, path: &str) -> Result<Url, TransportError> {
        self.endpoint.url(path)
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn key(&self) -> &LoginKey {
        &self.key
    }

    pub(crate) fn scopes(&self) -> &[String] {
        &self.scopes
    }

    pub(crate) fn http(&self) -> &Client {
        &self.shared.http
    }

    pub(crate) fn retry(&self) -> &RetryPolicy {
        &self.shared.options.retry
    }

    pub(crate) fn stall_timeout(&self) -> Duration {
        self.shared.options.stall_timeout
    }
}
