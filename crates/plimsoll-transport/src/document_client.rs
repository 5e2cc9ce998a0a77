//! Small documents from services that are no registries, such as the keys of whoever issues tokens.

use std::net::IpAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Client, Url, redirect};

use crate::connect_failure::explain;
use crate::registry::install_crypto;
use crate::{Secret, TransportError};

/// How long a connection may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the whole may take.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Fetches documents over TLS, and without it from this machine alone. No redirect is followed: what a document is
/// trusted for depends on where it comes from.
#[derive(Clone, Debug)]
pub struct DocumentClient {
    http: Client,
}

impl DocumentClient {
    /// A client that calls itself `user_agent` and trusts the system's certificates.
    pub fn new(user_agent: &str) -> Result<Self, TransportError> {
        install_crypto();
        let configure = || {
            Client::builder()
                .user_agent(user_agent)
                .connect_timeout(CONNECT_TIME_MAX)
                .timeout(TIME_MAX)
                .redirect(redirect::Policy::none())
                .referer(false)
        };
        let failed =
            |cause| TransportError::Unreachable { operation: "set up the HTTP client".to_owned(), cause };
        // A machine without system certificates can still ask itself.
        let http = configure().build().or_else(|_| configure().tls_certs_only([]).build()).map_err(failed)?;
        Ok(Self { http })
    }

    /// Fetches the document at `url`, of at most `bytes_max` bytes. `bearer` shows who asks.
    pub async fn get(
        &self,
        url: &str,
        bearer: Option<&Secret>,
        bytes_max: usize,
    ) -> Result<Bytes, TransportError> {
        let address = address(url)?;
        let operation = format!("fetch {}", without_query(&address));
        let mut request = self.http.get(address).header("accept", "application/json");
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer.expose());
        }
        // The query may hold a secret.
        let unreachable = |error: reqwest::Error| explain(&operation, None, error.without_url());
        let mut response = request.send().await.map_err(unreachable)?;
        if response.status() != 200 {
            let status = response.status().as_u16();
            return Err(TransportError::Refused { operation, status, detail: String::new() });
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > bytes_max {
                return Err(TransportError::limit(
                    format!("the answer to `{operation}`"),
                    format!("{bytes_max} bytes"),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

fn address(url: &str) -> Result<Url, TransportError> {
    let unsupported =
        |what: String| TransportError::Unsupported { what, help: "write it as https://host/path".to_owned() };
    let address: Url = url.parse().map_err(|_| unsupported(format!("`{url}` is no URL")))?;
    let is_here = address.host_str().is_some_and(|host| {
        let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        host == "localhost" || ip.is_some_and(|ip| ip.is_loopback())
    });
    match address.scheme() {
        "https" => Ok(address),
        "http" if is_here => Ok(address),
        _ => Err(unsupported(format!("`{}` is not encrypted", without_query(&address)))),
    }
}

fn without_query(address: &Url) -> String {
    let mut shown = address.clone();
    shown.set_query(None);
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_asked_without_tls() {
        for good in
            ["https://ci.example/keys", "http://127.0.0.1:1/keys", "http://[::1]/x", "http://localhost:1/"]
        {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in
            ["http://ci.example/keys?token=secret", "http://127.0.0.1.evil.example/", "file:///etc/x", "keys"]
        {
            let refusal = address(bad).unwrap_err().to_string();
            assert!(!refusal.contains("secret"), "{refusal}");
        }
    }
}
