//! The transparency log: C2SP's read interface and Rekor's write interface. Extensions, below `/log/`.

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, Response, StatusCode};

use super::body::{CollectError, collect};
use super::error::ErrorResponse;
use super::{Asked, RequestBody, ResponseBody, answer};
use crate::{Ledger, LogRead, Readers};

/// Longest record that is taken: what becomes a leaf has at most 64 KiB.
const RECORD_BYTES_MAX: usize = 64 * 1024;

/// Answers with something of the log.
pub(super) async fn read(asked: &Asked<'_>, what: &LogRead) -> Result<Response<ResponseBody>, ErrorResponse> {
    let found = ledger(asked)?.read(what).await?.ok_or_else(ErrorResponse::not_in_log)?;
    match &found.readers {
        Readers::Everybody => {}
        Readers::PullersOf(repository) => drop(asked.identity.can_pull(repository)?),
        Readers::Administrators => drop(asked.identity.can_audit()?),
    }
    let mut response = answer::empty(StatusCode::OK);
    let caching = if found.is_final { "max-age=31536000, immutable" } else { "no-cache" };
    answer::set(&mut response, CACHE_CONTROL, caching);
    answer::set(&mut response, CONTENT_TYPE, found.media_type);
    answer::set(&mut response, CONTENT_LENGTH, &found.bytes.len().to_string());
    if asked.head.method != Method::HEAD {
        *response.body_mut() = ResponseBody::Full(found.bytes);
    }
    Ok(response)
}

/// Logs a record (Rekor v2, `CreateEntry`), and answers once it is below a signed checkpoint.
pub(super) async fn submit<B: RequestBody>(
    asked: &Asked<'_>,
    body: B,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_log = asked.identity.can_log()?;
    let ledger = ledger(asked)?;
    let record = collect(body, RECORD_BYTES_MAX).await.map_err(|error| match error {
        CollectError::TooLarge => ErrorResponse::record_too_large(RECORD_BYTES_MAX),
        CollectError::Interrupted => ErrorResponse::body_interrupted(),
    })?;
    Ok(answer::json(StatusCode::CREATED, ledger.submit(&can_log, record).await?))
}

fn ledger<'a>(asked: &Asked<'a>) -> Result<&'a dyn Ledger, ErrorResponse> {
    asked.ledger.ok_or_else(ErrorResponse::no_such_endpoint)
}
