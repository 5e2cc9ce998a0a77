use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plimsoll_oci::{RegistryHost, TagOrDigest};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use super::RegistryClient;
use super::connection::{Call, Connection};
use super::repository::Repository;
use crate::{LoginKey, TransportError};

/// Largest answer that is read: some thousand projects.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Largest verdict that is read: one names each piece of evidence that it rests on.
const VERDICT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The scope of the token that lets projects be set: every right there is.
const EVERYTHING: &str = "registry:everything:*";

impl RegistryClient {
    /// Adds a project of a server, or changes one. The answer is the project as JSON.
    pub async fn set_project(
        &self,
        server: &RegistryHost,
        name: &str,
        project: Bytes,
    ) -> Result<Bytes, TransportError> {
        let connection = self.connect(LoginKey::registry(server.clone()), vec![EVERYTHING.to_owned()]);
        let call = call(&connection, Method::PUT, server, name)?.with_body(project);
        let call = call.with_header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let response = connection.send_expecting(&call, &[200]).await?;
        connection.read_body(&call.operation, response, ANSWER_BYTES_MAX).await
    }

    /// Removes a project of a server. Returns `false` if there is none of that name.
    pub async fn remove_project(&self, server: &RegistryHost, name: &str) -> Result<bool, TransportError> {
        let connection = self.connect(LoginKey::registry(server.clone()), vec![EVERYTHING.to_owned()]);
        let call = call(&connection, Method::DELETE, server, name)?;
        let response = connection.send(&call).await?;
        match response.status().as_u16() {
            404 => Ok(false),
            _ => connection.expect(&call, response, &[204]).await.map(|_| true),
        }
    }

    /// All projects of a server over repositories that the caller may see, as JSON.
    pub async fn list_projects(&self, server: &RegistryHost) -> Result<Bytes, TransportError> {
        let scope = "registry:catalog:*".to_owned();
        let connection = self.connect(LoginKey::registry(server.clone()), vec![scope]);
        let url = connection.url("/v2/_plimsoll/projects")?;
        let call = Call::get(format!("list the projects of {server}"), url);
        let response = connection.send_expecting(&call, &[200]).await?;
        connection.read_body(&call.operation, response, ANSWER_BYTES_MAX).await
    }
}

impl Repository {
    /// The project whose rules are those of this repository, as JSON; nothing where there is none, or the registry
    /// knows of no such thing.
    pub async fn policy(&self) -> Result<Option<Bytes>, TransportError> {
        let url = self.url("_plimsoll/policy")?;
        let call = Call::get(format!("ask for the policy of {}", self.full_name()), url);
        let response = self.connection().send(&call).await?;
        match response.status().as_u16() {
            // Each registry has its own way to refuse an address that it does not know.
            400 | 404..=406 | 501 => Ok(None),
            _ => {
                let response = self.connection().expect(&call, response, &[200]).await?;
                self.connection().read_body(&call.operation, response, ANSWER_BYTES_MAX).await.map(Some)
            }
        }
    }
}

impl Repository {
    /// The registry's signed verdict on an image by the rules of its project: at a gate, or at all of them.
    pub async fn verdict(&self, image: &TagOrDigest, gate: Option<&str>) -> Result<Bytes, TransportError> {
        let query = gate.map(|gate| format!("?gate={}", utf8_percent_encode(gate, NON_ALPHANUMERIC)));
        let url = self.url(&format!("_plimsoll/verdict/{image}{}", query.unwrap_or_default()))?;
        let call = Call::get(format!("ask for the verdict on {}", self.full_name()), url);
        let response = self.connection().send_expecting(&call, &[200]).await?;
        self.connection().read_body(&call.operation, response, VERDICT_BYTES_MAX).await
    }
}

fn call(
    connection: &Connection,
    method: Method,
    server: &RegistryHost,
    name: &str,
) -> Result<Call, TransportError> {
    let url = connection.url(&format!("/v2/_plimsoll/projects/{name}"))?;
    let verb = if method == Method::PUT { "set" } else { "remove" };
    Ok(Call::new(method, format!("{verb} the project {name} of {server}"), url))
}
