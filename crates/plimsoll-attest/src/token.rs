//! Tokens with which CI systems say which run of which build speaks (OpenID Connect Core, section 2; RFC 7519).
//!
//! Only RS256 is taken, from an issuer and for an audience that were named beforehand, with a key of the issuer's set.

mod keys;
mod strict;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

pub use self::keys::{KeySet, KeySetError};
use self::strict::parse_object;
use crate::base64_text::decode;

/// Longest token that is read: CI systems' have some two thousand bytes.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Longest time that a token may be good for.
const LIFETIME_MAX: SignedDuration = SignedDuration::from_hours(24);
/// How far clocks may be apart.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// What a token must be.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedToken<'a> {
    /// Who issues it, exactly.
    pub issuer: &'a str,
    /// For whom it is, exactly.
    pub audience: &'a str,
    /// The issuer's keys.
    pub keys: &'a KeySet,
}

/// What a token says, after its signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenClaims(Map<String, Value>);

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is too long.
    #[error("the token has {0} bytes; at most {TOKEN_BYTES_MAX} are read")]
    TooLong(usize),
    /// It is something else.
    #[error("this is no token: one has three parts in base64, with dots between them")]
    Shape,
    /// A part of it is not JSON that has one meaning.
    #[error("the token's {part} is not understood: {problem}")]
    Json {
        /// Which part.
        part: &'static str,
        /// Why.
        problem: String,
    },
    /// It is signed in a way that proves nothing, or nothing here.
    #[error(
        "the token is signed with `{0}`; only RS256 is taken, since its key cannot be made up from the public one"
    )]
    Algorithm(String),
    /// It asks for something that is not known here.
    #[error("the token's header has `crit`, which names rules that are not known here")]
    Critical,
    /// No key is named, or another.
    #[error("the issuer has no key `{0}` for signatures with RS256")]
    UnknownKey(String),
    /// The signature is another's, or the token was changed.
    #[error("the token's signature is not by the issuer's key")]
    Signature,
    /// It is by somebody else.
    #[error("the token is issued by `{found}`, and not by `{wanted}`")]
    Issuer {
        /// Who issued it.
        found: String,
        /// Who should have.
        wanted: String,
    },
    /// It is for somebody else.
    #[error("the token is not for the audience `{0}`")]
    Audience(String),
    /// It does not say something.
    #[error("the token has no claim `{0}` that can be read")]
    Missing(&'static str),
    /// It is no longer good.
    #[error("the token expired at {0}")]
    Expired(Timestamp),
    /// It is not good yet.
    #[error("the token is good from {0} on")]
    NotYet(Timestamp),
    /// It is good for too long.
    #[error("the token is good for more than {} hours", LIFETIME_MAX.as_hours())]
    LongLived,
}

impl TokenError {
    /// Whether the issuer may have a new key that is not known here yet.
    pub fn is_unknown_key(&self) -> bool {
        matches!(self, Self::UnknownKey(_))
    }
}

/// The issuer that a token names. Nothing vouches for it: it tells only which issuer's keys to try.
pub fn claimed_issuer(token: &str) -> Option<String> {
    let [_, payload, _] = split(token).ok()?;
    let claims = parse_object("claims", &decode(payload)?).ok()?;
    claims.get("iss")?.as_str().map(str::to_owned)
}

/// Verifies a token as of `now`.
pub fn verify_token(
    token: &str,
    expected: &ExpectedToken<'_>,
    now: Timestamp,
) -> Result<TokenClaims, TokenError> {
    let [header, payload, signature] = split(token)?;
    let read = |part: &str| decode(part).ok_or(TokenError::Shape);
    let parsed_header = parse_object("header", &read(header)?)?;
    let key_id = check_header(&parsed_header)?;
    let signed = token.get(..header.len() + 1 + payload.len()).ok_or(TokenError::Shape)?;
    let key = expected.keys.find(key_id).ok_or_else(|| unknown_key(key_id))?;
    if !key.verifies(signed.as_bytes(), &read(signature)?) {
        return Err(TokenError::Signature);
    }
    let claims = TokenClaims(parse_object("claims", &read(payload)?)?);
    check_parties(&claims, expected)?;
    check_times(&claims, now)?;
    Ok(claims)
}

fn split(token: &str) -> Result<[&str; 3], TokenError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::TooLong(token.len()));
    }
    let mut parts = token.split('.');
    let mut next = || parts.next().filter(|part| !part.is_empty()).ok_or(TokenError::Shape);
    let three = [next()?, next()?, next()?];
    if parts.next().is_none() { Ok(three) } else { Err(TokenError::Shape) }
}

/// The name of the key, if the header names one.
fn check_header(header: &Map<String, Value>) -> Result<Option<&str>, TokenError> {
    match header.get("alg").and_then(Value::as_str) {
        Some("RS256") => {}
        other => return Err(TokenError::Algorithm(shortened(other.unwrap_or("nothing")))),
    }
    if header.contains_key("crit") {
        return Err(TokenError::Critical);
    }
    Ok(header.get("kid").and_then(Value::as_str))
}

fn check_parties(claims: &TokenClaims, expected: &ExpectedToken<'_>) -> Result<(), TokenError> {
    let issuer = claims.text("iss").ok_or(TokenError::Missing("iss"))?;
    if issuer != expected.issuer {
        return Err(TokenError::Issuer { found: shortened(issuer), wanted: expected.issuer.to_owned() });
    }
    let is_for_us = match claims.0.get("aud") {
        Some(Value::String(audience)) => audience == expected.audience,
        Some(Value::Array(audiences)) => audiences.iter().any(|one| one.as_str() == Some(expected.audience)),
        _ => return Err(TokenError::Missing("aud")),
    };
    if is_for_us { Ok(()) } else { Err(TokenError::Audience(expected.audience.to_owned())) }
}

fn check_times(claims: &TokenClaims, now: Timestamp) -> Result<(), TokenError> {
    let expires = claims.time("exp").ok_or(TokenError::Missing("exp"))?;
    let issued = claims.time("iat").ok_or(TokenError::Missing("iat"))?;
    if now.duration_since(expires) > LEEWAY {
        return Err(TokenError::Expired(expires));
    }
    let begins = claims.time("nbf").into_iter().chain([issued]);
    if let Some(begin) = begins.max().filter(|begin| begin.duration_since(now) > LEEWAY) {
        return Err(TokenError::NotYet(begin));
    }
    if expires.duration_since(issued) > LIFETIME_MAX { Err(TokenError::LongLived) } else { Ok(()) }
}

fn unknown_key(key_id: Option<&str>) -> TokenError {
    TokenError::UnknownKey(shortened(key_id.unwrap_or("without a name")))
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}

impl TokenClaims {
    /// A claim that is a text, and not an empty one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A claim within another.
    pub(crate) fn text_in(&self, path: &[&str]) -> Option<&str> {
        let (first, rest) = path.split_first()?;
        let inner = rest.iter().try_fold(self.0.get(*first)?, |value, name| value.get(name));
        inner?.as_str().filter(|text| !text.is_empty())
    }

    /// A claim that is a text, or a number as CI systems also write it.
    pub(crate) fn text_or_number(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::Number(number) => Some(number.to_string()),
            _ => self.text(name).map(str::to_owned),
        }
    }

    /// Whether a claim says yes.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Value::Bool(true)))
    }

    /// A time in seconds since 1970 (RFC 7519, `NumericDate`).
    fn time(&self, name: &str) -> Option<Timestamp> {
        let number = self.0.get(name)?;
        // A fraction of a second is within what clocks are apart.
        let seconds = number.as_i64().or_else(|| number.to_string().split('.').next()?.parse().ok())?;
        Timestamp::from_second(seconds).ok()
    }

    #[cfg(test)]
    pub(crate) fn of(claims: Value) -> Self {
        match claims {
            Value::Object(claims) => Self(claims),
            _ => panic!("claims are an object"),
        }
    }
}

#[cfg(test)]
mod tests;
