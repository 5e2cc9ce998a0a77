use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Url};
use serde::Deserialize;
use tokio::time::Instant;

use super::authorization::Authorization;
use super::challenge::Challenge;
use super::connection::Connection;
use super::refusal::refused;
use crate::{Credential, FoundCredential, Secret, TransportError};

/// Largest answer of a token service that is read.
const TOKEN_BYTES_MAX: usize = 256 * 1024;

/// How long a token holds when its service does not say (Docker's token specification).
const LIFETIME_DEFAULT: Duration = Duration::from_secs(60);

/// How much earlier than it ends a token is no longer used, unless it is very short-lived.
const LIFETIME_MARGIN: Duration = Duration::from_secs(5);

/// A token that would end at once is used for this long: the registry refuses it if it means it.
const LIFETIME_MIN: Duration = Duration::from_secs(1);

/// A token is fetched anew at least this often.
const LIFETIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The name of this client at token services.
const CLIENT_ID: &str = "plimsoll";

/// The answer of a token service, in the words of Docker's specification and of OAuth 2.
#[derive(Deserialize)]
struct TokenDocument {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// Meets one of the challenges.
pub(crate) async fn meet(
    connection: &Connection,
    challenges: &[Challenge],
    found: Option<FoundCredential>,
) -> Result<Authorization, TransportError> {
    let tried = match &found {
        Some(found) => format!("it was offered {}", found.origin),
        None => "no credential was found for it".to_owned(),
    };
    let who = found.as_ref().map(holder);
    let credential = found.map(|found| found.credential);
    let of_scheme = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
    if let Some(Credential::RegistryToken(token)) = &credential {
        return Ok(Authorization { header: Some(bearer(connection, token)?), expires: None, tried, who });
    }
    if let Some(challenge) = of_scheme("bearer") {
        let (token, lifetime) = fetch_token(connection, challenge, credential.as_ref(), &tried).await?;
        let lifetime = lifetime.clamp(LIFETIME_MIN, LIFETIME_MAX);
        let expires = Instant::now() + lifetime - LIFETIME_MARGIN.min(lifetime / 2);
        return Ok(Authorization {
            header: Some(bearer(connection, &token)?),
            expires: Some(expires),
            tried,
            who,
        });
    }
    match (of_scheme("basic"), credential) {
        (Some(_), Some(Credential::Password { username, password })) => {
            Ok(Authorization { header: Some(basic(&username, &password)), expires: None, tried, who })
        }
        _ => Ok(Authorization { header: None, expires: None, tried, who }),
    }
}

/// What a credential's holder is called in messages.
fn holder(found: &FoundCredential) -> String {
    match &found.credential {
        Credential::Password { username, .. } => format!("`{username}`"),
        Credential::IdentityToken(_) | Credential::RegistryToken(_) => found.origin.to_string(),
    }
}

async fn fetch_token(
    connection: &Connection,
    challenge: &Challenge,
    credential: Option<&Credential>,
    tried: &str,
) -> Result<(Secret, Duration), TransportError> {
    let operation = format!("get a token for {}", connection.key().registry);
    let problem = |problem: &str| TransportError::Protocol {
        operation: operation.clone(),
        problem: problem.to_owned(),
    };
    let realm = challenge.parameter("realm").and_then(|realm| Url::parse(realm).ok());
    let realm = realm.ok_or_else(|| problem("the registry names no token service"))?;
    if credential.is_some() && is_downgrade(connection, &realm) {
        return Err(problem("the token service has no TLS, so it gets no credential"));
    }
    let request = token_request(connection, challenge, realm, credential);
    let response = connection.dispatch(&operation, request).await?;
    if !response.status().is_success() {
        return Err(match with_tried(refused(connection, &operation, response).await, tried) {
            // It would be taken for the image that is not there.
            TransportError::Refused { status: 404, .. } => problem("the token service is not there"),
            other => other,
        });
    }
    let body = connection.read_body(&operation, response, TOKEN_BYTES_MAX).await?;
    let document: TokenDocument =
        serde_json::from_slice(&body).map_err(|_| problem("the token service's answer is not a token"))?;
    let token = document.token.or(document.access_token).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| problem("the token service's answer holds no token"))?;
    Ok((Secret::new(token), document.expires_in.map_or(LIFETIME_DEFAULT, Duration::from_secs)))
}

/// The refusal is about the credential just offered, not about one from before.
fn with_tried(error: TransportError, tried: &str) -> TransportError {
    match error {
        TransportError::Unauthorized { operation, host, answer, .. } => {
            TransportError::Unauthorized { operation, host, answer, tried: tried.to_owned() }
        }
        other => other,
    }
}

fn is_downgrade(connection: &Connection, realm: &Url) -> bool {
    let is_loopback = realm
        .host_str()
        .and_then(|host| host.parse::<plimsoll_oci::RegistryHost>().ok())
        .is_some_and(|host| host.is_loopback());
    realm.scheme() != "https" && !connection.endpoint().is_plain() && !is_loopback
}

/// Docker's token specification for passwords and for nobody; OAuth 2 for identity tokens.
fn token_request(
    connection: &Connection,
    challenge: &Challenge,
    realm: Url,
    credential: Option<&Credential>,
) -> RequestBuilder {
    let scopes = scopes_of(connection, challenge);
    let service = challenge.parameter("service");
    if let Some(Credential::IdentityToken(token)) = credential {
        let mut fields = vec![
            ("grant_type", "refresh_token".to_owned()),
            ("client_id", CLIENT_ID.to_owned()),
            ("refresh_token", token.expose().to_owned()),
            ("scope", scopes.join(" ")),
        ];
        fields.extend(service.map(|service| ("service", service.to_owned())));
        let form = connection.http().post(realm).body(encode_form(&fields));
        return form.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    let mut url = realm;
    url.query_pairs_mut()
        .extend_pairs(service.map(|service| ("service", service)))
        .extend_pairs(scopes.iter().map(|scope| ("scope", scope)));
    let request = connection.http().get(url);
    match credential {
        Some(Credential::Password { username, password }) => {
            request.header(AUTHORIZATION, basic(username, password))
        }
        _ => request,
    }
}

/// What this client needs, and what the registry says is needed beyond that.
fn scopes_of(connection: &Connection, challenge: &Challenge) -> Vec<String> {
    let mut scopes = connection.scopes().to_vec();
    for asked in challenge.parameter("scope").unwrap_or_default().split_ascii_whitespace() {
        let is_covered = scopes.iter().any(|scope| scope == asked || scope.starts_with(&format!("{asked},")));
        if !is_covered {
            scopes.push(asked.to_owned());
        }
    }
    scopes
}

fn encode_form(fields: &[(&str, String)]) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let encode =
        |(key, value): &(&str, String)| format!("{key}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
    fields.iter().map(encode).collect::<Vec<_>>().join("&")
}

/// The `Basic` form of a password.
pub(crate) fn basic(username: &str, password: &Secret) -> HeaderValue {
    let encoded = STANDARD.encode(format!("{username}:{}", password.expose()));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).expect("base64 is header text");
    value.set_sensitive(true);
    value
}

fn bearer(connection: &Connection, token: &Secret) -> Result<HeaderValue, TransportError> {
    let header = HeaderValue::try_from(format!("Bearer {}", token.expose()));
    let mut value = header.map_err(|_| TransportError::Protocol {
        operation: format!("use a token for {}", connection.key().registry),
        problem: "it holds characters that no header may have".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}
