use bytes::Bytes;
use plimsoll_oci::RegistryHost;

use super::RegistryClient;
use super::connection::Call;
use crate::{LoginKey, TransportError};

/// Largest answer that is read: a full bundle of the longest entries has 16 MiB.
const LOG_BYTES_MAX: usize = 17 * 1024 * 1024;

impl RegistryClient {
    /// Something of a server's transparency log, by its path below `/log/`. `None` if the log does not hold it, or the
    /// server has no log.
    pub async fn read_log(&self, server: &RegistryHost, path: &str) -> Result<Option<Bytes>, TransportError> {
        let connection = self.connect(LoginKey::registry(server.clone()), Vec::new());
        let url = connection.url(&format!("/log/{path}"))?;
        let call = Call::get(format!("read {path} of the log of {server}"), url);
        let response = connection.send(&call).await?;
        match response.status().as_u16() {
            404 => Ok(None),
            _ => {
                let response = connection.expect(&call, response, &[200]).await?;
                connection.read_body(&call.operation, response, LOG_BYTES_MAX).await.map(Some)
            }
        }
    }
}
