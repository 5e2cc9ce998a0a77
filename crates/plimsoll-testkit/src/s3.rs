use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use plimsoll_store::objects::S3Config;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service as Service, S3ServiceBuilder};
use tempfile::TempDir;
use tokio::net::TcpListener;

const ACCESS_KEY: &str = "test-access-key";
const SECRET_KEY: &str = "test-secret-key";
const BUCKET: &str = "plimsoll";

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service answers 500 and does nothing.
    Error,
    /// The service does what it was asked, and the answer is lost.
    LostAnswer,
    /// The service answers nothing for longer than anybody waits.
    Stall,
    /// The answer's body ends half way.
    CutAnswer,
    /// The request's body ends half way.
    CutRequest,
}

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// An S3 service over files, in this process, that can be told to fail.
pub struct S3Service {
    address: SocketAddr,
    faults: Arc<Faults>,
    directory: TempDir,
}

#[derive(Default)]
struct Faults {
    calls: AtomicU64,
    planned: Mutex<Option<(u64, Fault)>>,
    /// Whether the planned fault stays for all later calls.
    is_lasting: AtomicBool,
}

impl S3Service {
    /// Starts a service with one empty bucket.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(directory.path().join(BUCKET)).expect("a bucket");
        let files = s3s_fs::FileSystem::new(directory.path()).expect("a service over files");
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let faults = Arc::new(Faults::default());
        tokio::spawn(serve(listener, service, faults.clone()));
        Self { address, faults, directory }
    }

    /// How to reach the bucket.
    pub fn config(&self) -> S3Config {
        S3Config {
            bucket: BUCKET.to_owned(),
            prefix: "registry".to_owned(),
            endpoint: Some(self.endpoint()),
            region: "us-east-1".to_owned(),
            access_key_id: Some(ACCESS_KEY.to_owned()),
            secret_access_key: Some(SECRET_KEY.to_owned()),
            allow_http: true,
            virtual_hosted_style: false,
            retries_max: 2,
            stall: Duration::from_secs(1),
        }
    }

    /// The service's address.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many calls were made since the service started.
    pub fn calls(&self) -> u64 {
        self.faults.calls.load(Ordering::SeqCst)
    }

    /// How many multipart uploads were begun, and neither completed nor aborted.
    ///
    /// # Panics
    /// When its files cannot be listed.
    pub fn multipart_uploads(&self) -> usize {
        let files = std::fs::read_dir(self.directory.path()).expect("the service's files");
        let names = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(".upload-")).count()
    }

    /// Lets the call after `calls_before` more calls fail, once.
    ///
    /// # Panics
    /// When a call panicked.
    pub fn fail_once(&self, calls_before: u64, fault: Fault) {
        self.faults.is_lasting.store(false, Ordering::SeqCst);
        *self.faults.planned.lock().expect("no panic with the lock") =
            Some((self.calls() + calls_before, fault));
    }

    /// Lets that call and all after it fail.
    ///
    /// # Panics
    /// When a call panicked.
    pub fn fail_from(&self, calls_before: u64, fault: Fault) {
        self.fail_once(calls_before, fault);
        self.faults.is_lasting.store(true, Ordering::SeqCst);
    }

    /// Ends all failing. Returns whether the planned fault was met.
    ///
    /// # Panics
    /// When a call panicked.
    pub fn heal(&self) -> bool {
        let planned = self.faults.planned.lock().expect("no panic with the lock").take();
        let is_lasting = self.faults.is_lasting.swap(false, Ordering::SeqCst);
        match planned {
            Some((number, _)) => is_lasting && number < self.calls(),
            None => true,
        }
    }
}

impl Faults {
    /// Counts a call, and tells how it is to fail.
    fn next(&self) -> Option<Fault> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let mut planned = self.planned.lock().expect("no panic with the lock");
        let (at, fault) = (*planned)?;
        if number < at {
            return None;
        }
        if !self.is_lasting.load(Ordering::SeqCst) {
            *planned = None;
        }
        Some(fault)
    }
}

async fn serve(listener: TcpListener, service: Service, faults: Arc<Faults>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (service, faults) = (service.clone(), faults.clone());
        tokio::spawn(async move {
            let answer = hyper::service::service_fn(move |request| {
                let (service, fault) = (service.clone(), faults.next());
                async move { Ok::<_, Infallible>(answer(&service, request, fault).await) }
            });
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn answer(service: &Service, request: Request<Incoming>, fault: Option<Fault>) -> Response<Body> {
    let Some(fault) = fault else { return call(service, request.map(whole)).await };
    match fault {
        Fault::Error => failed(),
        Fault::LostAnswer => {
            let _ = call(service, request.map(whole)).await;
            cut(
                Response::new(
                    Full::new(Bytes::from_static(b"lost")).map_err(|never| match never {}).boxed_unsync(),
                ),
                0,
            )
        }
        Fault::Stall => {
            tokio::time::sleep(Duration::from_secs(5)).await;
            failed()
        }
        Fault::CutAnswer => {
            let answered = call(service, request.map(whole)).await;
            let length = answered.headers().get(http::header::CONTENT_LENGTH);
            let half = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0) / 2;
            cut(answered, half)
        }
        Fault::CutRequest => {
            let _ = call(service, request.map(half)).await;
            failed()
        }
    }
}

async fn call(service: &Service, request: Request<s3s::Body>) -> Response<Body> {
    match service.call(request).await {
        Ok(answered) => answered.map(|body| body.map_err(std::io::Error::other).boxed_unsync()),
        Err(_) => failed(),
    }
}

fn whole(body: Incoming) -> s3s::Body {
    s3s::Body::from(body)
}

/// A body that ends with an error after its first piece.
fn half(body: Incoming) -> s3s::Body {
    let pieces = body.into_data_stream().map(|piece| piece.map_err(std::io::Error::other)).take(1);
    let broken = stream::iter([Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))]);
    s3s::Body::http_body_unsync(StreamBody::new(pieces.chain(broken).map(|piece| piece.map(Frame::data))))
}

/// An answer whose body breaks after `length` bytes, with the headers of the whole.
fn cut(answer: Response<Body>, length: u64) -> Response<Body> {
    let (head, body) = answer.into_parts();
    let pieces = body.into_data_stream().scan(length, |left, piece| {
        let kept = piece.map(|bytes: Bytes| {
            let take = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
            *left -= take as u64;
            bytes.slice(..take)
        });
        std::future::ready(Some(kept))
    });
    let broken = stream::iter([Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))]);
    let pieces = pieces.chain(broken).map(|piece| piece.map(Frame::data));
    Response::from_parts(head, StreamBody::new(pieces).boxed_unsync())
}

fn failed() -> Response<Body> {
    let body =
        "<?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>told to fail</Message></Error>";
    let mut response = Response::new(
        Full::new(Bytes::from_static(body.as_bytes())).map_err(|never| match never {}).boxed_unsync(),
    );
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
