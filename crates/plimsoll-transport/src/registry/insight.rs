use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plimsoll_oci::{Digest, RegistryHost};
use reqwest::Response;

use super::RegistryClient;
use super::connection::{Call, Connection};
use super::repository::Repository;
use crate::{LoginKey, TransportError};

/// Largest answer that is read: the findings of an image with some ten thousand.
const INSIGHT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What a registry that looks into its images says of them. It is an extension of Plimsoll's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insight {
    /// A JSON document.
    Document(Bytes),
    /// It is being found out: ask again in a moment.
    Waiting,
    /// This registry does not know such questions.
    NotServed,
}

impl Repository {
    /// The registry's own verdict on one of its images.
    pub async fn scan_report(&self, image: &Digest) -> Result<Insight, TransportError> {
        let url = self.url(&format!("_plimsoll/scan/{image}"))?;
        let operation = format!("ask for the verdict on {}@{image}", self.full_name());
        ask(self.connection(), &Call::get(operation, url)).await
    }
}

impl Repository {
    /// The history of a vulnerability or a component, a package URL, in the line of an image.
    pub async fn image_line(&self, image: &Digest, asked: &str) -> Result<Insight, TransportError> {
        let key = if asked.starts_with("pkg:") { "component" } else { "vulnerability" };
        let what = utf8_percent_encode(asked, NON_ALPHANUMERIC);
        let url = self.url(&format!("_plimsoll/introduced/{image}?{key}={what}"))?;
        let operation = format!("ask for the history of {asked} in {}", self.full_name());
        ask(self.connection(), &Call::get(operation, url)).await
    }
}

impl RegistryClient {
    /// The registry's images that a vulnerability is in.
    pub async fn locate(
        &self,
        registry: &RegistryHost,
        vulnerability: &str,
    ) -> Result<Insight, TransportError> {
        let connection = self.connect_to_list(registry);
        let id = utf8_percent_encode(vulnerability, NON_ALPHANUMERIC).to_string().replace("%2D", "-");
        let url = connection.url(&format!("/v2/_plimsoll/where/{id}"))?;
        let operation = format!("ask {registry} where {vulnerability} is");
        ask(&connection, &Call::get(operation, url)).await
    }

    /// What changes of the advisories meant for the registry's images: events with numbers above `after` that were told
    /// at `since`, in milliseconds since the Unix epoch, or later; at most `limit`.
    pub async fn events(
        &self,
        registry: &RegistryHost,
        after: i64,
        since: i64,
        limit: usize,
    ) -> Result<Insight, TransportError> {
        let connection = self.connect_to_list(registry);
        let url = connection.url(&format!("/v2/_plimsoll/events?after={after}&since={since}&n={limit}"))?;
        ask(&connection, &Call::get(format!("ask {registry} for events"), url)).await
    }

    /// The tagged images that do not pass a gate of their project, a page at a time: those after `last`, which is what the
    /// page before ended with.
    pub async fn lacking(
        &self,
        registry: &RegistryHost,
        gate: &str,
        last: Option<&str>,
    ) -> Result<Insight, TransportError> {
        let connection = self.connect_to_list(registry);
        let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let last = last.map(|last| format!("?last={}", escaped(last))).unwrap_or_default();
        let url = connection.url(&format!("/v2/_plimsoll/lacking/{}{last}", escaped(gate)))?;
        ask(&connection, &Call::get(format!("ask {registry} which images do not pass {gate}"), url)).await
    }

    /// The runs of images that do not pass a gate of their project, a page at a time, as [`Self::lacking`] has it.
    pub async fn lacking_runs(
        &self,
        registry: &RegistryHost,
        gate: &str,
        last: Option<&str>,
    ) -> Result<Insight, TransportError> {
        let connection = self.connect_to_list(registry);
        let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let last = last.map(|last| format!("&last={}", escaped(last))).unwrap_or_default();
        let url = connection.url(&format!("/v2/_plimsoll/lacking/{}?running=true{last}", escaped(gate)))?;
        ask(&connection, &Call::get(format!("ask {registry} what runs and does not pass {gate}"), url)).await
    }

    /// A connection for questions about all repositories.
    pub(super) fn connect_to_list(&self, registry: &RegistryHost) -> Connection {
        self.connect(LoginKey::registry(registry.clone()), vec!["registry:catalog:*".to_owned()])
    }
}

pub(super) async fn ask(connection: &Connection, call: &Call) -> Result<Insight, TransportError> {
    let response = connection.send(call).await?;
    connection.read_insight(call, response).await
}

impl Connection {
    /// Takes an answer to such a question.
    pub(super) async fn read_insight(
        &self,
        call: &Call,
        response: Response,
    ) -> Result<Insight, TransportError> {
        match response.status().as_u16() {
            200 => {
                let body = self.read_body(&call.operation, response, INSIGHT_BYTES_MAX).await?;
                Ok(Insight::Document(body))
            }
            202 => Ok(Insight::Waiting),
            // Each registry has its own way to refuse an address that it does not know.
            400 | 404..=406 | 501 => Ok(Insight::NotServed),
            _ => self.expect(call, response, &[200]).await.map(|_| Insight::NotServed),
        }
    }
}
