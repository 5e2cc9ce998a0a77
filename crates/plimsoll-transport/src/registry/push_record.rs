use plimsoll_oci::Digest;
use serde::Deserialize;

use super::connection::Call;
use super::repository::Repository;
use crate::TransportError;

/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The push that brought an image into a repository.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushRecord {
    /// Who pushed.
    pub pushed_by: String,
    /// When, in milliseconds since 1970 (UTC).
    pub pushed_at_unix_ms: i64,
}

impl Repository {
    /// Who pushed an image and when. It is an extension of Plimsoll's; a registry that does not have it gives `None`.
    pub async fn push_record(&self, image: &Digest) -> Result<Option<PushRecord>, TransportError> {
        let url = self.url(&format!("_plimsoll/push/{image}"))?;
        let call = Call::get(format!("ask who pushed {}@{image}", self.full_name()), url);
        let response = self.connection().send(&call).await?;
        if response.status() != 200 {
            // Each registry has its own way to refuse an address that it does not know.
            return Ok(None);
        }
        let body = self.connection().read_body(&call.operation, response, ANSWER_BYTES_MAX).await?;
        // What another registry answers there is none of ours.
        Ok(serde_json::from_slice(&body).ok())
    }
}
