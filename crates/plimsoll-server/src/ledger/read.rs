use bytes::Bytes;
use plimsoll_oci::Digest;
use plimsoll_registry::{LedgerError, LogAnswer, LogRead, Readers};
use plimsoll_store::catalogue::Standing;
use plimsoll_tlog::{Hash, Resource};

use super::{Log, failed};

const JSON: &str = "application/json";
const OCTETS: &str = "application/octet-stream";
const TEXT: &str = "text/plain; charset=utf-8";

impl Log {
    pub(super) async fn look_up(&self, what: &LogRead) -> Result<Option<LogAnswer>, LedgerError> {
        match what {
            LogRead::Checkpoint => self.checkpoint().await,
            LogRead::CheckpointOf(entry) => self.checkpoint_of(*entry).await,
            LogRead::Tile(path) => self.tile(path).await,
            LogRead::Leaf(hash) => self.leaf(hash).await,
            LogRead::Payload(leaf) => self.payload(*leaf).await,
            LogRead::Keys => self.keys().await.map(Some),
        }
    }

    async fn checkpoint(&self) -> Result<Option<LogAnswer>, LedgerError> {
        let newest = self.parts.storage.catalogue().log_checkpoint().await.map_err(failed)?;
        Ok(newest.map(|(_, note)| open(note, TEXT, false)))
    }

    /// What the log said first of an entry, which tells earliest when it was there.
    async fn checkpoint_of(&self, entry: u64) -> Result<Option<LogAnswer>, LedgerError> {
        let first = self.parts.storage.catalogue().log_checkpoint_over(entry).await.map_err(failed)?;
        Ok(first.map(|(_, note)| open(note, TEXT, true)))
    }

    async fn tile(&self, path: &str) -> Result<Option<LogAnswer>, LedgerError> {
        let catalogue = self.parts.storage.catalogue();
        let bytes = match path.parse() {
            Ok(Resource::Tile(tile)) => {
                catalogue.log_tile(tile).await.map_err(failed)?.map(|hashes| Hash::write_all(&hashes))
            }
            Ok(Resource::Entries(tile)) => {
                let bundle = catalogue.log_entries(tile).await.map_err(failed)?;
                bundle.map(|bundle| bundle.to_bytes()).transpose().map_err(failed)?
            }
            Err(error) => return Err(LedgerError::Refused(error.to_string())),
        };
        Ok(bytes.map(|bytes| open(bytes, OCTETS, true)))
    }

    async fn leaf(&self, hash: &str) -> Result<Option<LogAnswer>, LedgerError> {
        let refused = || LedgerError::Refused("a leaf is named by 64 hexadecimal digits".to_owned());
        let digest: Digest = format!("sha256:{hash}").parse().map_err(|_| refused())?;
        let bytes = digest.hash().try_into().map_err(|_| refused())?;
        let hash = Hash::new(bytes);
        let standing = self.parts.storage.catalogue().log_standing(hash).await.map_err(failed)?;
        let Standing::Logged(index) = standing else { return Ok(None) };
        Ok(Some(open(format!("{{\"index\":{index}}}"), JSON, true)))
    }

    async fn payload(&self, leaf: u64) -> Result<Option<LogAnswer>, LedgerError> {
        let found = self.parts.storage.catalogue().log_payload(leaf).await.map_err(failed)?;
        let answer = found.map(|payload| {
            let readers = payload.repository.map_or(Readers::Administrators, Readers::PullersOf);
            // A payload may be erased.
            LogAnswer { readers, ..open(payload.json, JSON, false) }
        });
        Ok(answer)
    }

    /// The keys, and since when the log signs with them.
    async fn keys(&self) -> Result<LogAnswer, LedgerError> {
        let oldest = self.parts.storage.catalogue().oldest_log_checkpoint().await.map_err(failed)?;
        let verifier = self.parts.signer.verifier();
        let opened = oldest.and_then(|note| verifier.open(&note).ok());
        let since = opened.and_then(|opened| i64::try_from(opened.logged_at_unix_s?).ok()).unwrap_or(0);
        let since = jiff::Timestamp::from_second(since).unwrap_or_default();
        let cosigner = verifier.cosigner.map(|cosigner| cosigner.to_string());
        let keys = serde_json::json!({
            "log": verifier.log.to_string(),
            "cosigner": cosigner,
            "since": since.to_string(),
            "signing": self.parts.keys.public(),
        });
        Ok(open(keys.to_string(), JSON, false))
    }
}

fn open(bytes: impl Into<Bytes>, media_type: &'static str, is_final: bool) -> LogAnswer {
    LogAnswer { bytes: bytes.into(), media_type, is_final, readers: Readers::Everybody }
}
