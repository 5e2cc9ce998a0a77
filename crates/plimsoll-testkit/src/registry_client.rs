use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use plimsoll_oci::{Descriptor, Digest, Hasher};
use reqwest::{Body, Client, Method, RequestBuilder, Response};

use crate::{Image, TestBlob, client};

/// How long a request may take unless something else is said; longer is a failure like any other.
const REQUEST_MAX: Duration = Duration::from_secs(60);

/// No list and no error is longer than this.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A client that pushes and pulls as the usual tools do, and tells of failures instead of panicking.
///
/// It may be given several replicas of a registry; each request goes to the next one, as a load balancer does it.
#[derive(Clone, Debug)]
pub struct RegistryClient {
    http: Client,
    replicas: Arc<Mutex<Vec<String>>>,
    turn: Arc<AtomicUsize>,
    request_max: Duration,
}

/// What went wrong with a request.
#[derive(Clone, Debug)]
pub struct ClientError {
    /// What was asked.
    pub asked: String,
    /// The status of the answer, if there was one.
    pub status: Option<StatusCode>,
    /// What the answer says, or why there was none.
    pub why: String,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{}: {status}: {}", self.asked, self.why),
            None => write!(f, "{}: {}", self.asked, self.why),
        }
    }
}

impl std::error::Error for ClientError {}

type Result<T> = std::result::Result<T, ClientError>;

impl RegistryClient {
    /// A client of the registry at these addresses, such as `http://127.0.0.1:5000`.
    pub fn new(replicas: impl IntoIterator<Item = String>) -> Self {
        let replicas = Arc::new(Mutex::new(replicas.into_iter().collect()));
        Self { http: client(), replicas, turn: Arc::default(), request_max: REQUEST_MAX }
    }

    /// With another limit of time for each request.
    pub fn with_request_max(self, request_max: Duration) -> Self {
        Self { request_max, ..self }
    }

    /// Sends nothing more to a replica.
    ///
    /// # Panics
    /// When it is the last one.
    pub fn leave_out(&self, replica: &str) {
        let mut replicas = self.replicas.lock().expect("no panic with the lock");
        replicas.retain(|other| other != replica);
        assert!(!replicas.is_empty(), "one replica is left");
    }

    /// A request to a path.
    ///
    /// # Panics
    /// When another thread panicked.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = {
            let replicas = self.replicas.lock().expect("no panic with the lock");
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            format!("{}{path}", replicas[turn % replicas.len()])
        };
        self.http.request(method, url).timeout(self.request_max)
    }

    /// Sends a request, and takes any answer but those that are `wanted` as a failure.
    pub async fn send(&self, request: RequestBuilder, wanted: &[StatusCode]) -> Result<Response> {
        let request = request.build().map_err(|error| refusal("building a request", &error))?;
        let asked = format!("{} {}", request.method(), request.url());
        let answer = self.http.execute(request).await.map_err(|error| refusal(&asked, &error))?;
        let status = answer.status();
        if wanted.contains(&status) {
            return Ok(answer);
        }
        let why = body_of(answer).await.unwrap_or_default();
        let why = String::from_utf8_lossy(&why).into_owned();
        Err(ClientError { asked, status: Some(status), why })
    }

    /// Whether a repository holds a blob.
    pub async fn has_blob(&self, repository: &str, digest: Digest) -> Result<bool> {
        let head = self.request(Method::HEAD, &format!("/v2/{repository}/blobs/{digest}"));
        let answer = self.send(head, &[StatusCode::OK, StatusCode::NOT_FOUND]).await?;
        Ok(answer.status() == StatusCode::OK)
    }

    /// Begins an upload, and returns the path of its session.
    pub async fn begin_upload(&self, repository: &str) -> Result<String> {
        let post = self.request(Method::POST, &format!("/v2/{repository}/blobs/uploads/"));
        Ok(location(&self.send(post, &[StatusCode::ACCEPTED]).await?))
    }

    /// Asks for a blob of another repository; without it, the path of a fresh session is the answer.
    pub async fn mount(&self, repository: &str, digest: Digest, from: &str) -> Result<Option<String>> {
        let path = format!("/v2/{repository}/blobs/uploads/?mount={digest}&from={from}");
        let post = self.request(Method::POST, &path);
        let answer = self.send(post, &[StatusCode::CREATED, StatusCode::ACCEPTED]).await?;
        Ok((answer.status() == StatusCode::ACCEPTED).then(|| location(&answer)))
    }

    /// Adds bytes to a session, from byte number `start` on.
    pub async fn append(&self, session: &str, start: u64, length: u64, body: impl Into<Body>) -> Result<()> {
        let range = format!("{start}-{}", start + length.max(1) - 1);
        let patch = self.request(Method::PATCH, session).header("content-range", range);
        let patch = patch.header("content-length", length).header("content-type", "application/octet-stream");
        self.send(patch.body(body), &[StatusCode::ACCEPTED]).await.map(drop)
    }

    /// Adds bytes whose number nobody says beforehand.
    pub async fn append_stream(&self, session: &str, body: impl Into<Body>) -> Result<()> {
        let patch = self.request(Method::PATCH, session).header("content-type", "application/octet-stream");
        self.send(patch.body(body), &[StatusCode::ACCEPTED]).await.map(drop)
    }

    /// How many bytes a session has received, as far as `Range` can tell: nothing looks like one byte.
    pub async fn received(&self, session: &str) -> Result<u64> {
        let answer = self.send(self.request(Method::GET, session), &[StatusCode::NO_CONTENT]).await?;
        let range = answer.headers().get("range").and_then(|range| range.to_str().ok()?.strip_prefix("0-"));
        Ok(range
            .and_then(|last| last.parse::<u64>().ok())
            .map_or(0, |last| if last == 0 { 0 } else { last + 1 }))
    }

    /// Closes a session with its last bytes.
    pub async fn close(&self, session: &str, digest: Digest, body: impl Into<Body>) -> Result<()> {
        // The address of a session may have parameters of its own, as those of docker-registry do.
        let mark = if session.contains('?') { '&' } else { '?' };
        let put = self.request(Method::PUT, &format!("{session}{mark}digest={digest}")).body(body);
        self.send(put, &[StatusCode::CREATED]).await.map(drop)
    }

    /// Pushes a blob with POST and PUT.
    pub async fn push_blob(&self, repository: &str, blob: &TestBlob) -> Result<()> {
        let session = self.begin_upload(repository).await?;
        self.close(&session, blob.digest(), blob.bytes.clone()).await
    }

    /// Pushes a blob with a PATCH for every `chunk_bytes`.
    pub async fn push_blob_in_chunks(
        &self,
        repository: &str,
        blob: &TestBlob,
        chunk_bytes: usize,
    ) -> Result<()> {
        let session = self.begin_upload(repository).await?;
        for start in (0..blob.bytes.len()).step_by(chunk_bytes) {
            let chunk = blob.bytes.slice(start..blob.bytes.len().min(start + chunk_bytes));
            self.append(&session, start as u64, chunk.len() as u64, chunk).await?;
        }
        self.close(&session, blob.digest(), "").await
    }

    /// Pushes a manifest under a tag or digest.
    pub async fn put_manifest(&self, repository: &str, reference: &str, manifest: &TestBlob) -> Result<()> {
        let put = self.request(Method::PUT, &format!("/v2/{repository}/manifests/{reference}"));
        let put = put.header("content-type", manifest.descriptor.media_type.as_str());
        self.send(put.body(manifest.bytes.clone()), &[StatusCode::CREATED]).await.map(drop)
    }

    /// Pushes an image: the blobs that are not there yet, and the manifest.
    pub async fn push_image(&self, repository: &str, tag: &str, image: &Image) -> Result<()> {
        for blob in image.blobs() {
            if !self.has_blob(repository, blob.digest()).await? {
                self.push_blob(repository, blob).await?;
            }
        }
        self.put_manifest(repository, tag, &image.manifest).await
    }

    /// Pulls an image, and takes a wrong byte as a failure.
    pub async fn pull_image(&self, repository: &str, tag: &str, image: &Image) -> Result<()> {
        self.pull_manifest(repository, tag, &image.manifest).await?;
        for blob in image.blobs() {
            self.pull_blob(repository, &blob.descriptor).await?;
        }
        Ok(())
    }

    /// Pulls a manifest, and takes a wrong byte as a failure.
    pub async fn pull_manifest(&self, repository: &str, reference: &str, manifest: &TestBlob) -> Result<()> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.pull(&path, &manifest.descriptor).await
    }

    /// Pulls a blob, and takes a wrong byte as a failure. Holds no more than a piece of it.
    pub async fn pull_blob(&self, repository: &str, blob: &Descriptor) -> Result<()> {
        self.pull(&format!("/v2/{repository}/blobs/{}", blob.digest), blob).await
    }

    async fn pull(&self, path: &str, expected: &Descriptor) -> Result<()> {
        let mut answer = self.send(self.request(Method::GET, path), &[StatusCode::OK]).await?;
        let mut hasher = Hasher::new(expected.digest.algorithm());
        while let Some(piece) = answer.chunk().await.map_err(|error| refusal(path, &error))? {
            hasher.update(&piece);
        }
        let found = hasher.finish();
        if found == expected.digest {
            return Ok(());
        }
        let why = format!("the bytes hash to {found}");
        Err(ClientError { asked: format!("GET {path}"), status: Some(StatusCode::OK), why })
    }

    /// Deletes a manifest; one that is not there is deleted too.
    pub async fn delete_manifest(&self, repository: &str, digest: Digest) -> Result<()> {
        let delete = self.request(Method::DELETE, &format!("/v2/{repository}/manifests/{digest}"));
        self.send(delete, &[StatusCode::ACCEPTED, StatusCode::NOT_FOUND]).await.map(drop)
    }
}

/// Everything that an answer brings, up to a length that no list or error has.
///
/// # Panics
/// When it is longer.
pub async fn body_of(mut answer: Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        body.extend_from_slice(&piece);
        assert!(body.len() < ANSWER_BYTES_MAX, "the answer is too long");
    }
    Ok(body)
}

fn refusal(asked: &str, error: &reqwest::Error) -> ClientError {
    ClientError { asked: asked.to_owned(), status: None, why: format!("{error:?}") }
}

/// Where an answer says to go on, without the replica.
///
/// # Panics
/// When it does not say.
fn location(answer: &Response) -> String {
    let location = answer.headers()["location"].to_str().expect("a location");
    location.find("/v2/").map_or(location, |path| &location[path..]).to_owned()
}
