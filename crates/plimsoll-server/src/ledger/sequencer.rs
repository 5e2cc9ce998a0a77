//! The one who appends: a replica that holds the lease takes what waits, batch by batch.

use std::time::{Duration, Instant};

use plimsoll_store::catalogue::{AppendLimits, Appending, LogBatch};
use plimsoll_store::{CatalogueError, ObjectError};
use tokio::sync::watch;
use uuid::Uuid;

use super::Log;
use crate::clock::now;

/// The lease's name in the catalogue.
const LEASE: &str = "log-sequencer";

/// How long the lease is good. A sequencer that outlives it does no harm: the tree has one end, which is locked.
const LEASE_TTL: Duration = Duration::from_secs(3);

/// How often the lease is renewed, and asked for by those who do not have it.
const RENEW_EVERY: Duration = Duration::from_secs(1);

/// How often the queue is looked at: other replicas and commands write to it too.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How long to wait after a failure.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// Why a batch did not get through. What was begun is finished in the next round.
#[derive(Debug, thiserror::Error)]
enum SequenceError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error("cannot write the batch to the journal")]
    Journal(#[from] ObjectError),
}

impl Log {
    /// Appends until the server stops.
    pub(crate) async fn run(self, mut stopped: watch::Receiver<bool>) {
        let holder = Uuid::new_v4().to_string();
        let mut lease = Lease { asked_at: None, is_held: false };
        loop {
            let pause = match self.round(&mut lease, &holder).await {
                Ok(()) => POLL_INTERVAL,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "cannot append to the log");
                    lease = Lease { asked_at: None, is_held: false };
                    FAILURE_PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.parts.wake.notified() => {}
                () = async { stopped.wait_for(|is_stopped| *is_stopped).await.map_or((), drop) } => break,
            }
        }
        // The next one need not wait for it to end.
        let _ = self.parts.storage.catalogue().release_lease(LEASE, &holder).await;
    }

    async fn round(&self, lease: &mut Lease, holder: &str) -> Result<(), SequenceError> {
        let catalogue = self.parts.storage.catalogue();
        let mut is_new = false;
        if lease.asked_at.is_none_or(|asked_at| asked_at.elapsed() >= RENEW_EVERY) {
            let is_held = catalogue.hold_lease(LEASE, holder, now().plus(LEASE_TTL), now()).await?;
            is_new = is_held && !lease.is_held;
            *lease = Lease { asked_at: Some(Instant::now()), is_held };
        }
        // Whoever takes over finishes what another began, and signs what another key signed.
        if is_new || (lease.is_held && catalogue.is_log_waiting().await?) {
            while self.append_batch().await? {}
        }
        Ok(())
    }

    /// Leaves and tiles and checkpoint in one transaction, then the journal, and only then the answer.
    async fn append_batch(&self) -> Result<bool, SequenceError> {
        let catalogue = self.parts.storage.catalogue();
        let signer = self.parts.signer.clone();
        match catalogue.append_to_log(signer, AppendLimits::default(), now()).await? {
            Appending::Idle => Ok(false),
            Appending::Batch(batch) => {
                self.publish(&batch).await?;
                Ok(true)
            }
        }
    }

    async fn publish(&self, batch: &LogBatch) -> Result<(), SequenceError> {
        let record = batch.write(&**self.parts.storage.objects()).await?;
        self.parts.storage.catalogue().publish_log(batch.size(), record).await?;
        self.parts.published.send_replace(batch.size());
        Ok(())
    }
}

/// What is known of the lease.
struct Lease {
    asked_at: Option<Instant>,
    is_held: bool,
}
