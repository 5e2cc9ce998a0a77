//! From a request to its answer: which part of the server answers, with an id, a log line and a count for each.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use plimsoll_registry::http::{Connection, Door, ResponseBody, Served, is_registry_path};
use uuid::Uuid;

use crate::health::{self, VERSION};
use crate::listen::Role;
use crate::metrics::Metrics;
use crate::storage::Storage;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is taken over from a client.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Answers every request of the server.
pub(crate) struct Answerer {
    door: Door,
    storage: Storage,
    metrics: Arc<Metrics>,
    /// Whether metrics are shown beside everything else.
    shows_metrics: bool,
    is_stopping: AtomicBool,
    ids: RequestIds,
}

impl Answerer {
    pub(crate) fn new(door: Door, storage: Storage, metrics: Arc<Metrics>, shows_metrics: bool) -> Self {
        Self {
            door,
            storage,
            metrics,
            shows_metrics,
            is_stopping: AtomicBool::new(false),
            ids: RequestIds::new(),
        }
    }

    /// Tells load balancers to send no more requests.
    pub(crate) fn stop_being_ready(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }

    /// Answers one request. A panic becomes an answer too, and ends nothing but its request.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        from: Connection,
        role: Role,
    ) -> Response<ResponseBody> {
        let started = self.metrics.started();
        let id = self.ids.of(&request);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answering = AssertUnwindSafe(self.route(request, from, role)).catch_unwind();
        let mut response = answering.await.unwrap_or_else(|_| panicked());
        let served = response.extensions_mut().remove::<Served>().unwrap_or_default();
        self.metrics.count(&served, response.status(), response.body().size_hint().exact(), started);
        log(&id, &method, &path, &response, &served, started);
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }

    async fn route(
        &self,
        request: Request<Incoming>,
        from: Connection,
        role: Role,
    ) -> Response<ResponseBody> {
        let path = request.uri().path();
        if role == Role::Everything && is_registry_path(path) {
            return self.door.answer(request, from).await;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "this address is only read\n");
        }
        match path {
            "/livez" => text(StatusCode::OK, "ok\n"),
            "/readyz" => {
                let is_stopping = self.is_stopping.load(Ordering::Acquire);
                let is_verbose = request.uri().query().is_some_and(|query| query.contains("verbose"));
                let (status, report) = health::ready(&self.storage, is_stopping, is_verbose).await;
                text(status, report)
            }
            "/version" => json(format!("{{\"version\":\"{VERSION}\"}}\n")),
            "/metrics" if self.shows_metrics || role == Role::Observation => self.show_metrics(),
            "/" => text(StatusCode::OK, "plimsoll: an image registry; its API is below /v2/\n"),
            _ => text(StatusCode::NOT_FOUND, "there is nothing here; the registry's API is below /v2/\n"),
        }
    }

    fn show_metrics(&self) -> Response<ResponseBody> {
        let mut response = text(StatusCode::OK, self.metrics.encode());
        let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}

/// Makes the ids of requests: what this process began with, and a number.
struct RequestIds {
    process: u32,
    next: AtomicU64,
}

impl RequestIds {
    fn new() -> Self {
        Self { process: Uuid::new_v4().as_fields().0, next: AtomicU64::new(1) }
    }

    /// The id that the client or a proxy gave, if it is one, or a fresh one.
    fn of(&self, request: &Request<Incoming>) -> String {
        let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let is_printable = |id: &&str| {
            (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let fresh = || format!("{:08x}-{}", self.process, self.next.fetch_add(1, Ordering::Relaxed));
        given.filter(is_printable).map_or_else(fresh, str::to_owned)
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Full(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn json(body: String) -> Response<ResponseBody> {
    let mut response = text(StatusCode::OK, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn panicked() -> Response<ResponseBody> {
    let mut response = text(StatusCode::INTERNAL_SERVER_ERROR, "the server failed; its log says why\n");
    let failure = Some("the request panicked".to_owned());
    response.extensions_mut().insert(Served { failure, ..Served::default() });
    response
}

/// One line for each request: failures of the server as errors, changes as information, and the rest, which is most
/// of them, only for those who look for it.
fn log(
    id: &str,
    method: &Method,
    path: &str,
    response: &Response<ResponseBody>,
    served: &Served,
    started: Instant,
) {
    let status = response.status();
    let is_change = !matches!(*method, Method::GET | Method::HEAD);
    macro_rules! event {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                request.id = id,
                http.method = %method,
                http.path = path,
                http.status = status.as_u16(),
                endpoint = served.endpoint.map(|endpoint| endpoint.name()),
                actor = served.actor.as_deref(),
                digest = served.digest.as_deref(),
                failure = served.failure.as_deref(),
                duration.us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
                $message
            )
        };
    }
    if status.is_server_error() {
        event!(error, "request failed");
    } else if is_change {
        event!(info, "request answered");
    } else {
        event!(debug, "request answered");
    }
}
