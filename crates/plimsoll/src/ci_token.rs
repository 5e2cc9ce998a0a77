//! The token with which a CI system says which run this is.

use std::str::FromStr;

use plimsoll_transport::{DocumentClient, Secret};
use serde::Deserialize;

use crate::context::Context;
use crate::failure::Failure;

/// Largest answer that a token is taken from.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Where the token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CiTokenSource {
    /// GitHub makes it when it is asked.
    Github,
    /// An environment variable.
    Variable(String),
}

#[derive(Deserialize)]
struct GithubAnswer {
    value: String,
}

impl FromStr for CiTokenSource {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.strip_prefix("env://")) {
            ("github", _) => Ok(Self::Github),
            (_, Some(name)) if !name.is_empty() => Ok(Self::Variable(name.to_owned())),
            _ => Err("write env://NAME, or github; a token on a command line is seen by everybody"),
        }
    }
}

impl CiTokenSource {
    /// The token, made for `audience` where that can be chosen.
    pub(crate) fn get(&self, audience: &str, context: &mut Context) -> Result<Secret, Failure> {
        match self {
            Self::Variable(name) => Ok(Secret::new(variable(name, context)?.trim())),
            Self::Github => from_github(audience, context),
        }
    }
}

/// GitHub's documentation, "OpenID Connect reference": two variables say where to ask, and with what.
fn from_github(audience: &str, context: &mut Context) -> Result<Secret, Failure> {
    let without_right =
        |failure: Failure| failure.help("give the job the right: permissions: {id-token: write}");
    let url = variable("ACTIONS_ID_TOKEN_REQUEST_URL", context).map_err(without_right)?;
    let right = Secret::new(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", context).map_err(without_right)?);
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}audience={}", escaped(audience));
    let answer = context.block_on(async {
        let documents = DocumentClient::new(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))?;
        Ok(documents.get(&url, Some(&right), ANSWER_BYTES_MAX).await?)
    })?;
    let unusable = |error| Failure::not_evaluated("GitHub's answer holds no token").because(&error);
    let answer: GithubAnswer = serde_json::from_slice(&answer).map_err(unusable)?;
    Ok(Secret::new(answer.value))
}

fn variable(name: &str, context: &Context) -> Result<String, Failure> {
    let unset = || Failure::usage(format!("the variable `{name}` is not set"));
    context.environment().text(name).map(str::to_owned).ok_or_else(unset)
}

/// Escapes what has a meaning in a query.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}
