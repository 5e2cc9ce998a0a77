//! The server: listeners, jobs, health and metrics, and the one function that puts the parts together.
//!
//! [`Server::build`] is that function. Nothing here reads the environment or a configuration file: the binary hands
//! over a [`ServerConfig`].

mod answer;
mod backup;
mod builds;
mod clock;
mod evidence;
mod health;
mod import;
mod jobs;
mod ledger;
mod listen;
mod metrics;
mod projects;
mod scan;
mod signing_keys;
mod storage;
mod verdicts;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_registry::auth::{AuthConfig, Authenticator};
use plimsoll_registry::http::{Door, Services};
use plimsoll_registry::{Arrival, Insight, Ledger, Notary, Registry, RegistryConfig, Testimony, Verdicts};
use plimsoll_store::CatalogueError;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};

pub use backup::{BackupError, BackupReport, RestoreReport, backup, restore};
pub use builds::{BuildsConfig, KeyPlace, TokenIssuer};
pub use clock::{clock, now};
pub use evidence::{ReindexError, ReindexReport};
pub use import::RegistrySink;
pub use ledger::LogError;
pub use listen::{TlsError, tls_from_pem};
pub use scan::{ImageReport, Judged, ScanConfig, Scanner};
pub use signing_keys::SigningKeyError;
pub use storage::{CatalogueConfig, ObjectsConfig, Storage, StorageConfig, StorageError};

use answer::Answerer;
use builds::BuildNotary;
use evidence::Evidence;
use ledger::Log;
use listen::Listener;
use metrics::Metrics;
use signing_keys::SigningKeys;
use verdicts::{AcceptingInsight, Judge};

/// Everything that a server is told.
#[derive(Clone)]
pub struct ServerConfig {
    /// Where it listens.
    pub listen: Vec<SocketAddr>,
    /// Where it answers for metrics and health alone, if not beside everything else.
    pub metrics_listen: Option<SocketAddr>,
    /// Its certificate and key, if it encrypts.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The address that clients know it by.
    pub external_url: Option<String>,
    /// Where it keeps things.
    pub storage: StorageConfig,
    /// How the registry behaves.
    pub registry: RegistryConfig,
    /// How callers are told apart.
    pub auth: AuthConfig,
    /// The name of the transparency log; if nothing is said, the host of the external address.
    pub log_origin: Option<String>,
    /// Whose word on builds counts, if anybody's does.
    pub builds: Option<BuildsConfig>,
    /// How images are scanned, if they are.
    pub scan: Option<ScanConfig>,
    /// How often garbage is looked for.
    pub gc_interval: Duration,
    /// How long the server says that it is not ready before it takes no more requests.
    pub shutdown_delay: Duration,
    /// How long requests may go on after that.
    pub shutdown_grace: Duration,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The storage cannot be opened.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The catalogue cannot be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The transparency log cannot be opened.
    #[error("cannot open the transparency log")]
    Log(#[from] LogError),
    /// There are no keys to sign with.
    #[error("cannot open the server's signing keys")]
    SigningKeys(#[from] SigningKeyError),
    /// An address cannot be listened on.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// Strangers could reach a registry that takes anybody.
    #[error("`{0}` can be reached from other machines, and there are no users yet: anybody could push")]
    OpenToStrangers(SocketAddr),
}

/// A server that listens and is ready to run.
pub struct Server {
    answerer: Arc<Answerer>,
    listeners: Vec<Listener>,
    jobs: jobs::Jobs,
    scanning: Option<(Scanner, broadcast::Receiver<Arrival>)>,
    log: Log,
    judge: Judge,
    evidence: Evidence,
    shutdown_delay: Duration,
    shutdown_grace: Duration,
    is_open: bool,
}

impl Server {
    /// Puts the parts together: storage, registry, sign-in, door, jobs and listeners.
    pub async fn build(config: ServerConfig) -> Result<Self, StartError> {
        let storage = Storage::open(&config.storage).await?;
        let registry = storage.registry(config.registry);
        let authenticator = Authenticator::new(storage.catalogue().clone(), clock(), config.auth).await?;
        let is_open = authenticator.is_open().await?;
        if let Some(address) = config.listen.iter().find(|address| is_open && !address.ip().is_loopback()) {
            return Err(StartError::OpenToStrangers(*address));
        }
        let metrics = Arc::new(Metrics::new());
        let scanner = config.scan.map(|scan| Scanner::new(storage.clone(), scan, metrics.clone()));
        let arrivals = registry.arrivals();
        let origin = config.log_origin.or_else(|| host_of(config.external_url.as_deref()?));
        let origin = origin.unwrap_or_else(|| authenticator.service().to_owned());
        let keys = Arc::new(SigningKeys::open(storage.catalogue()).await?);
        let log = Log::open(storage.clone(), &origin, keys.clone()).await?;
        let notary =
            config.builds.map(|builds| Arc::new(BuildNotary::new(builds, keys.clone())) as Arc<dyn Notary>);
        let ledger: Option<Arc<dyn Ledger>> = Some(Arc::new(log.clone()));
        let mut listeners = Vec::new();
        for address in config.listen {
            listeners.push(Listener::bind(address, config.tls.clone(), listen::Role::Everything).await?);
        }
        let own_url = || listeners.first().map(|listener| own_url(listener, config.tls.is_some()));
        let url = config.external_url.clone().or_else(own_url);
        let url = url.unwrap_or_else(|| authenticator.service().to_owned());
        let judge = Judge::new(storage.clone(), registry.clone(), keys, log.verifier(), url);
        let insight = scanner
            .clone()
            .map(|scanner| Arc::new(AcceptingInsight { scanner, judge: judge.clone() }) as Arc<dyn Insight>);
        let verdicts: Option<Arc<dyn Verdicts>> = Some(Arc::new(judge.clone()));
        let evidence = Evidence::new(storage.clone(), scanner.clone());
        let testimony: Option<Arc<dyn Testimony>> = Some(Arc::new(evidence.clone()));
        let services = Services { insight, ledger, notary, verdicts, testimony };
        let door = Door::new(registry.clone(), authenticator.clone(), config.external_url, services);
        let shows_metrics = config.metrics_listen.is_none();
        let answerer = Answerer::new(door, storage.clone(), metrics.clone(), shows_metrics);
        if let Some(address) = config.metrics_listen {
            listeners.push(Listener::bind(address, None, listen::Role::Observation).await?);
        }
        let jobs = jobs::Jobs::new(registry, authenticator, storage, metrics, config.gc_interval);
        let answerer = Arc::new(answerer);
        let (shutdown_delay, shutdown_grace) = (config.shutdown_delay, config.shutdown_grace);
        let scanning = scanner.map(|scanner| (scanner, arrivals));
        Ok(Self {
            answerer,
            listeners,
            jobs,
            scanning,
            log,
            judge,
            evidence,
            shutdown_delay,
            shutdown_grace,
            is_open,
        })
    }

    /// Where it listens, with the ports that the system chose.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(Listener::address).collect()
    }

    /// Whether anybody on this machine may push and pull, because there are no users yet.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Serves until `stop` ends. Then it goes on for the delay, in which load balancers see that it is not ready, and
    /// at last lets running requests go on for the grace period.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        let (stopping, stopped) = watch::channel(false);
        let jobs = tokio::spawn(self.jobs.run(stopped.clone()));
        let log = tokio::spawn(self.log.run(stopped.clone()));
        let judge = tokio::spawn(self.judge.run(stopped.clone()));
        let evidence = tokio::spawn(self.evidence.run(stopped.clone()));
        if let Some((scanner, arrivals)) = self.scanning {
            tokio::spawn(scanner.run(arrivals, stopped.clone()));
        }
        let listeners: Vec<_> = self
            .listeners
            .into_iter()
            .map(|listener| tokio::spawn(listener.serve(self.answerer.clone(), stopped.clone())))
            .collect();
        stop.await;
        tracing::info!("stopping; requests under way may finish");
        self.answerer.stop_being_ready();
        tokio::time::sleep(self.shutdown_delay).await;
        let _ = stopping.send(true);
        let ended = async {
            for listener in listeners {
                let _ = listener.await;
            }
            let _ = jobs.await;
            let _ = log.await;
            let _ = judge.await;
            let _ = evidence.await;
        };
        if tokio::time::timeout(self.shutdown_grace, ended).await.is_err() {
            tracing::warn!("requests were still running when the grace period ended");
        }
    }
}

impl Storage {
    /// The registry's operations over this storage.
    pub fn registry(&self, config: RegistryConfig) -> Registry {
        Registry::new(self.catalogue().clone(), self.objects().clone(), clock(), config)
    }
}

/// The host of an address: a log is named so, and Sigstore's clients know it by no other name.
fn host_of(url: &str) -> Option<String> {
    let uri: http::Uri = url.parse().ok()?;
    uri.host().map(str::to_owned)
}

/// The address that clients on this machine know the server by, where nobody says another.
fn own_url(listener: &Listener, is_tls: bool) -> String {
    let scheme = if is_tls { "https" } else { "http" };
    format!("{scheme}://{}", listener.address())
}

/// Binds a socket, and names the address when that fails.
async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}
