use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use plimsoll_oci::Digest;
use plimsoll_registry::auth::AuthConfig;
use plimsoll_registry::{ImmutableTags, RegistryConfig};
use plimsoll_server::{CatalogueConfig, ObjectsConfig, Server, ServerConfig, Storage, StorageConfig};
use plimsoll_store::catalogue::{Grant, User};
use reqwest::{Client, Method, RequestBuilder, Response};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::{Image, TestBlob, body_of};

/// How a test's server differs from the usual.
pub struct TestServerConfig {
    /// Where it keeps things; a temporary directory if nothing is said.
    pub storage: Option<StorageConfig>,
    /// How the registry behaves.
    pub registry: RegistryConfig,
    /// Whether anybody may pull.
    pub anonymous_pull: bool,
    /// Users to make before it starts: name, password, rights.
    pub users: Vec<(&'static str, &'static str, Vec<Grant>)>,
    /// How often garbage is collected.
    pub gc_interval: Duration,
}

impl Default for TestServerConfig {
    fn default() -> Self {
        Self {
            storage: None,
            registry: RegistryConfig {
                grace: Duration::from_secs(3600),
                hold: Duration::from_secs(3600),
                upload_ttl: Duration::from_secs(3600),
                immutable_tags: Vec::new(),
                redirect: false,
            },
            anonymous_pull: false,
            users: Vec::new(),
            gc_interval: Duration::from_secs(3600),
        }
    }
}

impl TestServerConfig {
    /// With its catalogue in PostgreSQL and its objects in a directory, both of which replicas may share.
    pub fn over_postgres(self, url: String, data_dir: &Path) -> Self {
        let storage = StorageConfig {
            catalogue: CatalogueConfig::Postgres { url },
            objects: ObjectsConfig::Local { data_dir: data_dir.to_owned(), reserve_bytes: 0 },
        };
        Self { storage: Some(storage), ..self }
    }

    /// With one more rule for immutable tags.
    ///
    /// # Panics
    /// When a pattern is none.
    pub fn immutable(mut self, repositories: &str, tags: &str) -> Self {
        let pattern = |text: &str| text.parse().expect("a pattern");
        let rule = ImmutableTags { repositories: pattern(repositories), tags: pattern(tags) };
        self.registry.immutable_tags.push(rule);
        self
    }
}

/// A server in this process, on a port of its own. It stops when it is dropped.
pub struct TestServer {
    address: SocketAddr,
    client: Client,
    storage: StorageConfig,
    stop: Option<oneshot::Sender<()>>,
    _directory: TempDir,
}

/// A client that follows no redirects, and opens a connection for each request: one that the server closed after a
/// refused upload must not fail the next test step.
///
/// # Panics
/// When it cannot be built.
pub fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(0)
        .build()
        .expect("a client")
}

/// The storage of a server on one machine.
fn local(directory: &TempDir) -> StorageConfig {
    let data_dir = directory.path().to_owned();
    StorageConfig {
        catalogue: CatalogueConfig::Sqlite { data_dir: data_dir.clone() },
        objects: ObjectsConfig::Local { data_dir, reserve_bytes: 0 },
    }
}

impl TestServer {
    /// Starts a server in a fresh directory.
    pub async fn start() -> Self {
        Self::start_with(TestServerConfig::default()).await
    }

    /// Starts a server.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with(config: TestServerConfig) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let storage = config.storage.unwrap_or_else(|| local(&directory));
        add_users(&storage, &config.users).await;
        let server = Server::build(ServerConfig {
            listen: vec!["127.0.0.1:0".parse().expect("an address")],
            metrics_listen: None,
            tls: None,
            external_url: None,
            storage: storage.clone(),
            registry: config.registry,
            auth: AuthConfig {
                anonymous_pull: config.anonymous_pull,
                token_ttl: Duration::from_secs(300),
                service: "plimsoll".to_owned(),
            },
            log_origin: None,
            builds: None,
            scan: None,
            gc_interval: config.gc_interval,
            shutdown_delay: Duration::ZERO,
            shutdown_grace: Duration::from_secs(5),
        })
        .await
        .expect("the server starts");
        let address = server.addresses()[0];
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { address, client: client(), storage, stop: Some(stop), _directory: directory }
    }

    /// Its host and port, as they stand in a reference.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The storage, opened beside the server.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn storage(&self) -> Storage {
        Storage::open(&self.storage).await.expect("the storage opens")
    }

    /// Where its storage is.
    pub fn storage_config(&self) -> &StorageConfig {
        &self.storage
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request to a path.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// Gets a path.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.expect("an answer")
    }

    /// Pushes a blob with POST and PUT, and expects it to be taken.
    ///
    /// # Panics
    /// When it is not.
    pub async fn push_blob(&self, repository: &str, blob: &TestBlob) {
        let status = self.try_push_blob(repository, blob.digest(), blob.bytes.clone()).await;
        assert_eq!(status, StatusCode::CREATED, "pushing a blob");
    }

    /// Pushes bytes as a blob of some digest, and returns the last status.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn try_push_blob(&self, repository: &str, digest: Digest, bytes: Bytes) -> StatusCode {
        let path = format!("/v2/{repository}/blobs/uploads/");
        let begun = self.request(Method::POST, &path).send().await.expect("an answer");
        if begun.status() != StatusCode::ACCEPTED {
            return begun.status();
        }
        let location = format!("{}?digest={digest}", location(&begun));
        self.request(Method::PUT, &location).body(bytes).send().await.expect("an answer").status()
    }

    /// Pushes a manifest under a tag or digest.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn put_manifest(&self, repository: &str, reference: &str, manifest: &TestBlob) -> Response {
        self.request(Method::PUT, &format!("/v2/{repository}/manifests/{reference}"))
            .header("content-type", manifest.descriptor.media_type.as_str())
            .body(manifest.bytes.clone())
            .send()
            .await
            .expect("an answer")
    }

    /// Pushes a whole image, and expects it to be taken.
    ///
    /// # Panics
    /// When it is not.
    pub async fn push_image(&self, repository: &str, tag: &str, image: &Image) {
        for blob in image.blobs() {
            self.push_blob(repository, blob).await;
        }
        let answer = self.put_manifest(repository, tag, &image.manifest).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "pushing a manifest");
    }

    /// Pulls a whole image by tag, and expects every byte to be right.
    ///
    /// # Panics
    /// When it is not.
    pub async fn pull_image(&self, repository: &str, tag: &str, image: &Image) {
        let answer = self.get(&format!("/v2/{repository}/manifests/{tag}")).await;
        assert_eq!(answer.status(), StatusCode::OK, "pulling a manifest");
        assert_eq!(body_of(answer).await.expect("a manifest"), image.manifest.bytes);
        for blob in image.blobs() {
            let answer = self.get(&format!("/v2/{repository}/blobs/{}", blob.digest())).await;
            assert_eq!(answer.status(), StatusCode::OK, "pulling a blob");
            assert_eq!(body_of(answer).await.expect("a blob"), blob.bytes);
        }
    }

    /// Stops the server, and waits until it has.
    pub async fn stop(mut self) -> (StorageConfig, TempDir) {
        self.stop.take();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let fresh = tempfile::tempdir().expect("a temporary directory");
        (self.storage.clone(), std::mem::replace(&mut self._directory, fresh))
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.take();
    }
}

/// Where an answer says to go on.
///
/// # Panics
/// When it does not say.
pub(crate) fn location(answer: &Response) -> String {
    answer.headers()["location"].to_str().expect("a location").to_owned()
}

async fn add_users(storage: &StorageConfig, users: &[(&str, &str, Vec<Grant>)]) {
    if users.is_empty() {
        return;
    }
    let storage = Storage::open(storage).await.expect("the storage opens");
    for (name, password, grants) in users {
        let password_hash = plimsoll_registry::auth::hash_password(password).expect("a password");
        let (name, grants, created_at) = ((*name).to_owned(), grants.clone(), plimsoll_server::now());
        storage.catalogue().put_user(User { name, password_hash, grants, created_at }).await.expect("a user");
    }
}
