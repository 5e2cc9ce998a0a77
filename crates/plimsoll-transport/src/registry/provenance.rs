use bytes::Bytes;
use plimsoll_oci::Digest;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::connection::Call;
use super::repository::Repository;
use crate::{Secret, TransportError};

/// Where a build hands in the token of its CI system.
const CI_TOKEN: HeaderName = HeaderName::from_static("plimsoll-ci-token");
/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[derive(Deserialize)]
struct Vouched {
    evidence: Digest,
}

impl Repository {
    /// Asks the registry to vouch for how one of its images was built: it learns from the CI system's token who built
    /// it, and `declared` is what the build says of itself. The value is the manifest that attaches the provenance.
    ///
    /// It is an extension of Plimsoll's. A call that broke off is made again, and may then attach the same twice.
    pub async fn vouch(
        &self,
        image: &Digest,
        ci_token: &Secret,
        declared: Bytes,
    ) -> Result<Digest, TransportError> {
        let operation = format!("have {}@{image} vouched for", self.full_name());
        let url = self.url(&format!("_plimsoll/provenance/{image}"))?;
        let mut token =
            HeaderValue::from_str(ci_token.expose()).map_err(|_| TransportError::Unsupported {
                what: "the CI system's token holds characters that none has".to_owned(),
                help: "hand the token over without line ends or quotes".to_owned(),
            })?;
        token.set_sensitive(true);
        let call = Call::new(Method::POST, operation, url).with_header(CI_TOKEN, token).with_body(declared);
        let response = self.connection().send_expecting(&call, &[201]).await?;
        let body = self.connection().read_body(&call.operation, response, ANSWER_BYTES_MAX).await?;
        let vouched: Vouched = serde_json::from_slice(&body).map_err(|error| TransportError::Protocol {
            operation: call.operation.clone(),
            problem: format!("the answer is not understood: {error}"),
        })?;
        Ok(vouched.evidence)
    }
}
