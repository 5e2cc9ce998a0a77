//! Who asks, and what to tell them when that is not enough.

use http::header::{FORWARDED, HOST, HeaderName, ORIGIN};
use http::request::Parts;
use plimsoll_oci::RegistryHost;

use super::error::ErrorResponse;
use super::route::Call;
use super::{Connection, Door};
use crate::auth::AuthError;

/// Headers by which proxies say that they passed a request on.
const FORWARDING: [HeaderName; 6] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
    http::header::VIA,
];

/// Whether a request came through a proxy, or was meant for another host: a page in a browser can be made to send
/// requests here under a name of its own.
pub(super) fn is_forwarded(head: &Parts) -> bool {
    let names_us =
        host(head).is_some_and(|host| host.parse::<RegistryHost>().is_ok_and(|host| host.is_loopback()));
    !names_us || FORWARDING.iter().any(|name| head.headers.contains_key(name)) || is_from_another_page(head)
}

/// Whether a page in a browser sends the request, and not one of our own.
fn is_from_another_page(head: &Parts) -> bool {
    let site = head.headers.get("sec-fetch-site").map(|site| site.as_bytes());
    head.headers.contains_key(ORIGIN) || site.is_some_and(|site| site != b"none" && site != b"same-origin")
}

/// The host that the request names, in its target or its header.
fn host(head: &Parts) -> Option<&str> {
    let in_target = head.uri.authority().map(|authority| authority.as_str());
    in_target.or_else(|| head.headers.get(HOST).and_then(|value| value.to_str().ok()))
}

/// Tells a client where to get a token and for what (distribution's token authentication specification).
pub(super) struct Challenge<'a> {
    service: &'a str,
    realm: String,
    scope: Option<String>,
}

impl<'a> Challenge<'a> {
    pub(super) fn new(door: &'a Door, head: &Parts, from: Connection, call: &Call) -> Self {
        let base = door.parts.external_url.clone().unwrap_or_else(|| {
            let scheme = if from.is_tls { "https" } else { "http" };
            format!("{scheme}://{}", host(head).unwrap_or("localhost"))
        });
        let realm = format!("{}/token", base.trim_end_matches('/'));
        Self { service: door.parts.authenticator.service(), realm, scope: call.scope() }
    }

    pub(super) fn header_value(&self, error: Option<&str>) -> String {
        let mut value = format!("Bearer realm=\"{}\",service=\"{}\"", self.realm, self.service);
        if let Some(scope) = &self.scope {
            value += &format!(",scope=\"{scope}\"");
        }
        if let Some(error) = error {
            value += &format!(",error=\"{error}\"");
        }
        value
    }

    pub(super) fn refuse(&self, error: AuthError) -> ErrorResponse {
        match error {
            AuthError::Missing => ErrorResponse::unauthorized(&error.to_string(), self.header_value(None)),
            AuthError::Wrong => {
                ErrorResponse::unauthorized(&error.to_string(), self.header_value(Some("invalid_token")))
            }
            AuthError::NoUsersYet => ErrorResponse::no_users_yet(),
            AuthError::Busy => ErrorResponse::too_many_sign_in(),
            AuthError::Catalogue(error) => error.into(),
        }
    }
}
