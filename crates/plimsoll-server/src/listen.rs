//! Sockets, TLS, and connections until they end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use plimsoll_registry::http::Connection;
use rustix::net::sockopt::set_tcp_user_timeout;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::answer::Answerer;
use crate::{StartError, bind};

/// Most connections at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 8192;

/// How long a client may take for the head of a request, and for a TLS handshake.
const HEAD_MAX: Duration = Duration::from_secs(30);

/// How long sent bytes may wait for a client to take them, in milliseconds.
const STALL_MAX_MS: u32 = 120_000;

/// How much of a request's body is read at once. Larger buffers are mapped afresh by the allocator each time, and leave
/// the processor's cache before they are hashed.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// How much an HTTP/2 client may send before it is read.
const H2_WINDOW_BYTES: u32 = 1024 * 1024;

/// What a listener answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Every request.
    Everything,
    /// Health and metrics.
    Observation,
}

/// A bound socket.
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    role: Role,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The PEM text is damaged.
    #[error("the {0} is not valid PEM: {1}")]
    Pem(&'static str, rustls::pki_types::pem::Error),
    /// Certificate and key do not fit.
    #[error("the certificate and its key cannot be used")]
    Unusable(#[from] rustls::Error),
}

/// Reads a certificate chain and its key.
pub fn tls_from_pem(certificates: &[u8], key: &[u8]) -> Result<Arc<rustls::ServerConfig>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
    let chain = chain.map_err(|error| TlsError::Pem("certificate", error))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError::Pem("key", error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl Listener {
    pub(crate) async fn bind(
        address: SocketAddr,
        tls: Option<Arc<rustls::ServerConfig>>,
        role: Role,
    ) -> Result<Self, StartError> {
        let socket = bind(address).await?;
        let address = socket.local_addr().map_err(|source| StartError::Listen { address, source })?;
        Ok(Self { socket, address, tls: tls.map(TlsAcceptor::from), role })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections until the server stops, and waits for those that are under way.
    pub(crate) async fn serve(self, answerer: Arc<Answerer>, mut stopped: watch::Receiver<bool>) {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let graceful = GracefulShutdown::new();
        loop {
            let (accepted, place) = tokio::select! {
                accepted = self.accept(&room) => accepted,
                _ = stopped.wait_for(|is_stopped| *is_stopped) => break,
            };
            match accepted {
                Ok((stream, peer)) => self.greet(stream, peer, place, &answerer, &graceful),
                // No file descriptors, most likely: others will close some.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.socket);
        graceful.shutdown().await;
    }

    async fn accept(
        &self,
        room: &Arc<Semaphore>,
    ) -> (std::io::Result<(TcpStream, SocketAddr)>, Option<OwnedSemaphorePermit>) {
        let place = room.clone().acquire_owned().await.ok();
        (self.socket.accept().await, place)
    }

    fn greet(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Option<OwnedSemaphorePermit>,
        answerer: &Arc<Answerer>,
        graceful: &GracefulShutdown,
    ) {
        let _ = stream.set_nodelay(true);
        // A client that takes nothing for so long is gone, or wants to occupy a place.
        let _ = set_tcp_user_timeout(&stream, STALL_MAX_MS);
        let (answerer, watcher, role) = (answerer.clone(), graceful.watcher(), self.role);
        let connection = Connection { peer: peer.ip(), is_tls: self.tls.is_some() };
        let tls = self.tls.clone();
        tokio::spawn(async move {
            let _place = place;
            let Some(tls) = tls else {
                return speak(stream, Protocol::Http1, connection, role, answerer, watcher).await;
            };
            match tokio::time::timeout(HEAD_MAX, tls.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let protocol = if is_h2 { Protocol::Http2 } else { Protocol::Http1 };
                    speak(stream, protocol, connection, role, answerer, watcher).await;
                }
                Ok(Err(error)) => tracing::debug!(%error, peer = %peer, "the TLS handshake failed"),
                Err(_) => tracing::debug!(peer = %peer, "the TLS handshake took too long"),
            }
        });
    }
}

/// The protocol of a connection. Plain connections speak HTTP/1.1; encrypted ones agree on theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// Answers the requests of one connection. The head of the first request has a time limit from the start.
async fn speak<S>(
    stream: S,
    protocol: Protocol,
    from: Connection,
    role: Role,
    answerer: Arc<Answerer>,
    watcher: Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request| {
        let answerer = answerer.clone();
        async move { Ok::<_, std::convert::Infallible>(answerer.answer(request, from, role).await) }
    });
    let stream = TokioIo::new(stream);
    let ended = match protocol {
        Protocol::Http1 => {
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX).max_buf_size(READ_AHEAD_BYTES);
            watcher.watch(builder.serve_connection(stream, service)).await
        }
        Protocol::Http2 => {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder
                .timer(TokioTimer::new())
                .initial_stream_window_size(H2_WINDOW_BYTES)
                .initial_connection_window_size(H2_WINDOW_BYTES * 4)
                .keep_alive_interval(HEAD_MAX);
            watcher.watch(builder.serve_connection(stream, service)).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, peer = %from.peer, "a connection ended early");
    }
}
