//! The transparency log: its keys, the sequencer that extends it, and what is read of it.

mod read;
mod sequencer;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use plimsoll_oci::Digest;
use plimsoll_registry::access::CanLog;
use plimsoll_registry::{Ledger, LedgerError, LogAnswer, LogRead};
use plimsoll_store::CatalogueError;
use plimsoll_store::catalogue::{LogEntry, Standing};
use plimsoll_tlog::{
    FactLeaf, Hash, HashedRekord, KeyError, LogSigner, LogVerifier, MissingTile, ProofPlan, Tiles,
    TransparencyLogEntry,
};
use tokio::sync::{Notify, watch};

use crate::signing_keys::SigningKeys;
use crate::storage::Storage;

/// How long a request waits for its entry to be signed; Rekor's clients wait twenty seconds.
const LOGGED_WITHIN: Duration = Duration::from_secs(15);

/// How soon a waiting request looks again: another replica may be the one that appends.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// There are no random numbers for a key.
    #[error("no random numbers for the key of the transparency log: {0}")]
    Random(getrandom::Error),
    /// The log cannot have this name, or these keys.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The log of one storage.
#[derive(Clone)]
pub(crate) struct Log {
    parts: Arc<Parts>,
}

struct Parts {
    storage: Storage,
    signer: Arc<LogSigner>,
    /// What else the server signs with; whoever asks for the log's keys is told of these too.
    keys: Arc<SigningKeys>,
    /// Something waits for its leaf.
    wake: Notify,
    /// How many leaves this process has seen published.
    published: watch::Sender<u64>,
}

impl Log {
    /// Opens the log, and makes its keys when it is opened first. It keeps the name that it was given then: proofs that
    /// are out in the world carry it.
    pub(crate) async fn open(
        storage: Storage,
        origin: &str,
        keys: Arc<SigningKeys>,
    ) -> Result<Self, LogError> {
        // Refused before it is written down for good.
        LogSigner::from_seeds(origin, &[0; 32], &[0; 32])?;
        let catalogue = storage.catalogue();
        let kept = catalogue.name_log(origin).await?;
        if kept != origin {
            tracing::warn!(%kept, %origin, "the transparency log keeps the name it was made with");
        }
        let seed = async |name: &str| -> Result<[u8; 32], LogError> {
            let mut fresh = vec![0; 32];
            getrandom::fill(&mut fresh).map_err(LogError::Random)?;
            let seed = catalogue.shared_secret(name, fresh).await?;
            seed.try_into().map_err(|_| LogError::Key(KeyError::Spki))
        };
        let signer = LogSigner::from_seeds(&kept, &seed("log-key").await?, &seed("log-cosigner-key").await?)?;
        let (published, _) = watch::channel(0);
        let parts = Parts { storage, signer: Arc::new(signer), keys, wake: Notify::new(), published };
        Ok(Self { parts: Arc::new(parts) })
    }

    /// The keys that verify what this log signs.
    pub(crate) fn verifier(&self) -> LogVerifier {
        self.parts.signer.verifier()
    }

    /// Waits until an entry that was written to the queue is below a published checkpoint, and returns its number.
    async fn wait_for(&self, leaf: Hash) -> Result<u64, LedgerError> {
        let mut published = self.parts.published.subscribe();
        self.parts.wake.notify_one();
        let waiting = async {
            loop {
                match self.parts.storage.catalogue().log_standing(leaf).await.map_err(failed)? {
                    Standing::Logged(index) => return Ok(index),
                    Standing::Unknown => {
                        return Err(LedgerError::Failed(format!("the entry `{leaf}` is not in the queue")));
                    }
                    Standing::Waiting => {}
                }
                let _ = tokio::time::timeout(LOOK_AGAIN, published.changed()).await;
            }
        };
        tokio::time::timeout(LOGGED_WITHIN, waiting).await.unwrap_or(Err(LedgerError::Late))
    }

    async fn log_record(&self, request: &[u8]) -> Result<Bytes, LedgerError> {
        let refused = |error: plimsoll_tlog::RekordError| LedgerError::Refused(error.to_string());
        let record = HashedRekord::from_request(request).map_err(refused)?;
        let entry = String::from_utf8(record.to_body()).map_err(failed)?;
        let catalogue = self.parts.storage.catalogue();
        catalogue.enqueue_for_log(vec![LogEntry::bare(entry)]).await.map_err(failed)?;
        let index = self.wait_for(record.leaf_hash()).await?;
        let nothing = || LedgerError::Failed("the log has no checkpoint".to_owned());
        let (size, checkpoint) = catalogue.log_checkpoint().await.map_err(failed)?.ok_or_else(nothing)?;
        let plan = ProofPlan::inclusion(index, size).map_err(failed)?;
        let mut tiles = Tiles::default();
        for id in plan.tiles() {
            let hashes = catalogue.log_tile(id).await.map_err(failed)?;
            tiles.insert(id, hashes.ok_or_else(|| failed(MissingTile(id)))?);
        }
        let proof = plan.prove(&tiles).map_err(failed)?;
        let log_id = self.parts.signer.verifier().log.id();
        Ok(TransparencyLogEntry::new(log_id, &record, proof, checkpoint).to_json().into())
    }
}

impl Ledger for Log {
    fn await_fact(
        &self,
        manifest: Digest,
        subject: Option<Digest>,
    ) -> BoxFuture<'_, Result<(), LedgerError>> {
        let subject = subject.map(|subject| subject.to_string());
        let leaf = FactLeaf { manifest: manifest.to_string(), subject }.hash();
        async move { self.wait_for(leaf).await.map(drop) }.boxed()
    }

    fn submit<'a>(
        &'a self,
        can_log: &'a CanLog,
        request: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, LedgerError>> {
        async move {
            let logged = self.log_record(&request).await?;
            tracing::debug!(actor = can_log.actor(), "a record was logged");
            Ok(logged)
        }
        .boxed()
    }

    fn read<'a>(&'a self, what: &'a LogRead) -> BoxFuture<'a, Result<Option<LogAnswer>, LedgerError>> {
        self.look_up(what).boxed()
    }
}

/// Something that the client can do nothing about, with its causes.
fn failed(error: impl std::error::Error) -> LedgerError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    LedgerError::Failed(text)
}
