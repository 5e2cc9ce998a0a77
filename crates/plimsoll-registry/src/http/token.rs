//! The token service: credentials in, a short-lived token for some rights out
//! (distribution's token authentication specification, and its OAuth2 form).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use percent_encoding::percent_decode_str;
use plimsoll_oci::RepositoryName;
use plimsoll_store::catalogue::{Action, Grant};

use super::body::collect;
use super::error::ErrorResponse;
use super::{RequestBody, ResponseBody, answer};
use crate::auth::{AuthError, Authenticator, Origin};

/// Longest accepted form.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// Most scopes in one request.
const SCOPES_MAX: usize = 100;

/// The scope that asks for the list of repositories.
pub(super) const LIST_SCOPE: &str = "registry:catalog:*";

/// The scope that asks for every right there is, which some things need that are about the whole registry.
pub(super) const GOVERN_SCOPE: &str = "registry:everything:*";

/// What a client asks for.
#[derive(Default)]
struct Wish {
    scopes: Vec<String>,
    grant_type: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

pub(super) async fn answer<B: RequestBody>(
    authenticator: &Authenticator,
    head: &Parts,
    body: B,
    authorization: Option<&str>,
    origin: Origin,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let (wish, authorization) = if head.method == Method::POST {
        let form = collect(body, FORM_BYTES_MAX).await.map_err(|_| ErrorResponse::form_invalid())?;
        let wish = Wish::parse(std::str::from_utf8(&form).map_err(|_| ErrorResponse::form_invalid())?);
        let authorization = wish.basic()?;
        (wish, Some(authorization))
    } else {
        (Wish::parse(head.uri.query().unwrap_or_default()), authorization.map(str::to_owned))
    };
    let identity = authenticator.identify(authorization.as_deref(), origin).await.map_err(refuse)?;
    let wanted: Vec<Grant> =
        wish.scopes.iter().filter_map(|scope| parse_scope(scope)).take(SCOPES_MAX).collect();
    let wants = |scope: &str| wish.scopes.iter().any(|wanted| wanted == scope);
    let token = authenticator.sign(&authenticator.issue_token(
        &identity,
        &wanted,
        wants(LIST_SCOPE),
        wants(GOVERN_SCOPE),
    ));
    let body = serde_json::json!({
        "token": token,
        "access_token": token,
        "expires_in": authenticator.token_ttl().as_secs(),
    });
    let mut response = answer::json(StatusCode::OK, body.to_string().into());
    answer::set(&mut response, http::header::CACHE_CONTROL, "no-store");
    Ok(response)
}

fn refuse(error: AuthError) -> ErrorResponse {
    match error {
        AuthError::Missing | AuthError::Wrong => {
            ErrorResponse::unauthorized(&error.to_string(), "Basic realm=\"plimsoll\"".to_owned())
        }
        AuthError::NoUsersYet => ErrorResponse::no_users_yet(),
        AuthError::Busy => ErrorResponse::too_many_sign_in(),
        AuthError::Catalogue(error) => error.into(),
    }
}

impl Wish {
    fn parse(form: &str) -> Self {
        let mut wish = Self::default();
        for pair in form.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned();
            match name {
                "scope" => wish.scopes.extend(value.split(' ').map(str::to_owned)),
                "grant_type" => wish.grant_type = Some(value),
                "username" => wish.username = Some(value),
                "password" => wish.password = Some(value),
                _ => {}
            }
        }
        wish
    }

    /// The credentials of a form, in the form of a header.
    fn basic(&self) -> Result<String, ErrorResponse> {
        match (self.grant_type.as_deref(), &self.username, &self.password) {
            (Some("password"), Some(name), Some(password)) => {
                Ok(format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))
            }
            _ => Err(ErrorResponse::form_invalid()),
        }
    }
}

/// Reads `repository:<name>:<actions>`. Other kinds of scopes give no rights in a repository.
fn parse_scope(scope: &str) -> Option<Grant> {
    let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
    let name: RepositoryName = name.parse().ok()?;
    let words: Vec<&str> = actions.split(',').collect();
    let is_named = |action: &Action| words.contains(&"*") || words.contains(&action.name());
    let actions: BTreeSet<Action> = Action::ALL.into_iter().filter(is_named).collect();
    Some(Grant { repositories: name.as_str().parse().ok()?, actions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_name_one_repository() {
        let grant = parse_scope("repository:team/app:pull,push,fly").unwrap();
        assert_eq!(grant.to_string(), "team/app:pull,push");
        assert!(parse_scope("repository:*:pull").is_none());
        assert!(parse_scope("registry:catalog:*").is_none());
    }
}
