use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plimsoll_oci::{Digest, RegistryHost, TagOrDigest};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;

use super::RegistryClient;
use super::connection::Call;
use super::insight::ask;
use super::repository::Repository;
use crate::{Insight, TransportError};

/// Where an image ran, as it is told to a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TellRun {
    /// Where, such as `prod/web/shop`.
    pub place: String,
    /// Since when, in milliseconds since 1970 (UTC).
    pub begun_at_unix_ms: i64,
    /// Until when; nothing while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at_unix_ms: Option<i64>,
}

impl Repository {
    /// The way of an image back to where it comes from. It is an extension of Plimsoll's.
    pub async fn trace(&self, image: &TagOrDigest) -> Result<Insight, TransportError> {
        let url = self.url(&format!("_plimsoll/trace/{image}"))?;
        let call = Call::get(format!("trace {image} of {}", self.full_name()), url);
        let response = self.connection().send(&call).await?;
        if response.status().as_u16() == 404 {
            // The one 404 says that there is no such image, the other that there is no such question: only a registry
            // that answers for the image itself knows the first.
            self.get_manifest(image).await?;
            return Ok(Insight::NotServed);
        }
        self.connection().read_insight(&call, response).await
    }

    /// A page of what is said in the repository, behind the place `after` that the page before has named.
    pub async fn facts(&self, after: Option<&str>) -> Result<Insight, TransportError> {
        let mut url = self.url("_plimsoll/facts")?;
        if let Some(after) = after {
            url.query_pairs_mut().append_pair("after", after);
        }
        ask(self.connection(), &Call::get(format!("list the evidence in {}", self.full_name()), url)).await
    }

    /// Tells that an image ran somewhere.
    pub async fn observe(&self, image: &Digest, run: &TellRun) -> Result<(), TransportError> {
        let url = self.url(&format!("_plimsoll/runs/{image}"))?;
        let operation = format!("tell {} that {} ran", self.full_name(), image.short());
        let body = serde_json::to_vec(run).expect("texts and numbers serialise");
        // Told twice, it is the same run.
        let call = Call::new(Method::POST, operation, url)
            .with_header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .with_body(Bytes::from(body));
        self.connection().send_expecting(&call, &[201]).await.map(drop)
    }
}

impl RegistryClient {
    /// The ways of all images that a digest means, or that hold a vulnerability.
    pub async fn trace_all(&self, registry: &RegistryHost, of: &str) -> Result<Insight, TransportError> {
        let connection = self.connect_to_list(registry);
        let of = utf8_percent_encode(of, NON_ALPHANUMERIC).to_string();
        let url = connection.url(&format!("/v2/_plimsoll/trace/{of}"))?;
        ask(&connection, &Call::get(format!("trace what {registry} holds"), url)).await
    }
}
