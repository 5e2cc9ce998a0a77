//! Making the whole graph anew, from registry and log alone.

use plimsoll_oci::Digest;

use super::indexing::{enqueue_everything, take_waiting};
use super::reading::ReadError;
use crate::storage::Storage;

/// What was made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReindexReport {
    /// Manifests that were read.
    pub manifests: u64,
    /// Events of runs that were played again.
    pub runs: u64,
    /// Whether the graph is another than before.
    pub has_changed: bool,
    /// What the graph is, as one digest.
    pub fingerprint: Digest,
}

/// Why it was not made anew.
#[derive(Debug, thiserror::Error)]
#[error("the evidence graph is not made anew")]
pub struct ReindexError(#[from] ReadError);

impl Storage {
    /// Makes the evidence graph anew. What it holds is replaced piece by piece, so that a server beside this answers all
    /// the while and helps; whoever pushes or deletes meanwhile is heeded too.
    pub async fn reindex_evidence(&self) -> Result<ReindexReport, ReindexError> {
        let before = self.evidence_fingerprint().await?;
        let enqueued = enqueue_everything(self).await?;
        let mut read = 0;
        loop {
            let taken = take_waiting(self).await? as u64;
            read += taken;
            // A server beside this may be reading the rest.
            if taken == 0 && self.catalogue().count_waiting_evidence().await.map_err(ReadError::from)? == 0 {
                break;
            }
            if taken == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
        let fingerprint = self.evidence_fingerprint().await?;
        let has_changed = fingerprint != before;
        Ok(ReindexReport { manifests: read, runs: enqueued.runs, has_changed, fingerprint })
    }

    async fn evidence_fingerprint(&self) -> Result<Digest, ReadError> {
        Ok(self.catalogue().evidence_fingerprint().await?)
    }
}
