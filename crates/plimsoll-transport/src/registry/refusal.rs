use reqwest::Response;
use serde::Deserialize;

use super::challenge::{Challenge, challenges_in};
use super::connection::Connection;
use crate::TransportError;

/// Largest error document that is read.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// Most characters of one error message that are shown.
const MESSAGE_CHARS_MAX: usize = 300;

/// The error document of a registry (distribution-spec, "Error Codes").
#[derive(Default, Deserialize)]
struct ErrorDocument {
    #[serde(default)]
    errors: Vec<ErrorEntry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorEntry {
    code: String,
    message: Option<String>,
}

/// Turns an answer with an error status into an error.
pub(crate) async fn refused(connection: &Connection, operation: &str, response: Response) -> TransportError {
    let status = response.status().as_u16();
    let is_scope_missing = is_scope_missing(&response);
    let body = connection.read_body(operation, response, ERROR_BYTES_MAX).await.unwrap_or_default();
    let detail = describe(&body);
    if (status == 403 || is_scope_missing)
        && let Some(who) = connection.who().await
    {
        let (operation, answer) = (operation.to_owned(), format!("{status}{detail}"));
        return TransportError::Forbidden { operation, who, what: missing_right(connection), answer };
    }
    if status != 401 {
        return TransportError::Refused { operation: operation.to_owned(), status, detail };
    }
    TransportError::Unauthorized {
        operation: operation.to_owned(),
        host: connection.key().registry.to_string(),
        answer: format!("{status}{detail}"),
        tried: connection.tried().await,
    }
}

/// Whether the token was good, but not for this (RFC 6750, section 3.1).
fn is_scope_missing(response: &Response) -> bool {
    let says_so = |challenge: &Challenge| challenge.parameter("error") == Some("insufficient_scope");
    challenges_in(response.headers()).iter().any(says_so)
}

/// What the connection asks rights for, in words.
fn missing_right(connection: &Connection) -> String {
    let host = &connection.key().registry;
    let Some(scope) = connection.scopes().first() else { return format!("use `{host}`") };
    match scope.split(':').collect::<Vec<_>>()[..] {
        ["repository", name, actions] if actions.contains("push") => format!("push to `{host}/{name}`"),
        ["repository", name, _] => format!("pull from `{host}/{name}`"),
        ["registry", ..] => format!("list the repositories of `{host}`"),
        _ => format!("use `{host}`"),
    }
}

/// The codes and messages of an error document, for one line.
fn describe(body: &[u8]) -> String {
    let document: ErrorDocument = serde_json::from_slice(body).unwrap_or_default();
    let describe_one = |error: &ErrorEntry| {
        let message = error.message.as_deref().unwrap_or_default();
        let shown: String = message.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect();
        if shown.is_empty() { error.code.clone() } else { format!("{} {shown}", error.code) }
    };
    let all: Vec<_> = document.errors.iter().take(5).map(describe_one).collect();
    if all.is_empty() { String::new() } else { format!(": {}", all.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_messages_are_shown_in_one_line() {
        let body = br#"{"errors":[{"code":"DENIED","message":"no\nway","detail":{"a":1}},{"code":"X"}]}"#;
        assert_eq!(describe(body), ": DENIED noway; X");
        assert_eq!(describe(b"<html>"), "");
    }
}
