//! What goes on beside the requests. Every replica does it: the work is shared out by row locks.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_registry::Registry;
use plimsoll_registry::auth::Authenticator;
use plimsoll_store::CatalogueError;
use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::storage::Storage;

/// The work that comes round again and again.
pub(crate) struct Jobs {
    registry: Registry,
    authenticator: Authenticator,
    storage: Storage,
    metrics: Arc<Metrics>,
    interval: Duration,
}

impl Jobs {
    pub(crate) fn new(
        registry: Registry,
        authenticator: Authenticator,
        storage: Storage,
        metrics: Arc<Metrics>,
        interval: Duration,
    ) -> Self {
        Self { registry, authenticator, storage, metrics, interval }
    }

    /// Works until the server stops. A round that fails is told of, and the next one tries again.
    pub(crate) async fn run(self, mut stopped: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.interval) => self.round().await,
                () = async { stopped.wait_for(|is_stopped| *is_stopped).await.map_or((), drop) } => break,
            }
        }
        if let Err(error) = self.authenticator.write_down_robots_used().await {
            tracing::warn!(%error, "cannot note which robots used their tokens");
        }
    }

    async fn round(&self) {
        match self.registry.collect_garbage().await {
            Ok(swept) => {
                self.metrics.count_garbage(swept);
                if !swept.is_nothing() {
                    tracing::info!(
                        blobs = swept.blobs,
                        bytes = swept.bytes,
                        uploads = swept.uploads,
                        "garbage collected"
                    );
                }
            }
            Err(error) => {
                tracing::error!(error = %error, "garbage collection failed; it will be tried again");
            }
        }
        if let Err(error) = self.authenticator.write_down_robots_used().await {
            tracing::warn!(%error, "cannot note which robots used their tokens");
        }
        if let Err(error) = self.measure().await {
            tracing::warn!(%error, "cannot measure the queues");
        }
    }

    async fn measure(&self) -> Result<(), CatalogueError> {
        let (review, doomed) = self.storage.catalogue().review_queue().await?;
        let (uploads, upload_bytes) = self.storage.catalogue().open_uploads().await?;
        self.metrics.note_queues(review, doomed, uploads, upload_bytes);
        Ok(())
    }
}
