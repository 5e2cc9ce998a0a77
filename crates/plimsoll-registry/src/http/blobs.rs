use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_RANGE, LOCATION, RANGE};
use http::{Method, Response, StatusCode};
use plimsoll_oci::{Digest, RepositoryName};

use super::error::ErrorResponse;
use super::range::{Wanted, wanted};
use super::{Asked, ResponseBody, answer};
use crate::Deleted;

/// Answers `GET` and `HEAD` of a blob (distribution-spec, end-2).
pub(super) async fn get(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    digest: Digest,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_pull = asked.identity.can_pull(repository)?;
    let is_head = asked.head.method == Method::HEAD;
    // Only a pusher's question whether the blob is there may lead to a manifest that needs it.
    let can_push = if is_head { asked.identity.can_push(repository).ok() } else { None };
    let found = asked.registry.find_blob(&can_pull, can_push.as_ref(), digest).await?;
    let blob = found.ok_or_else(|| ErrorResponse::blob_unknown(digest))?;
    let mut response = answer::empty(StatusCode::OK);
    answer::set_digest(&mut response, digest);
    answer::set(&mut response, CONTENT_TYPE, "application/octet-stream");
    answer::set(&mut response, ACCEPT_RANGES, "bytes");
    if is_head {
        answer::set(&mut response, CONTENT_LENGTH, &blob.size.to_string());
        return Ok(response);
    }
    if let Some(location) = asked.registry.redirect_to_blob(&blob).await? {
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        answer::set(&mut response, LOCATION, &location);
        return Ok(response);
    }
    let if_range = asked.header(IF_RANGE);
    let is_current = if_range.is_none_or(|tag| tag.trim_matches('"') == digest.to_string());
    let range = match wanted(asked.header(RANGE).filter(|_| is_current), blob.size) {
        Wanted::Whole => 0..blob.size,
        Wanted::Unsatisfiable => return Err(ErrorResponse::range_not_satisfiable(blob.size)),
        Wanted::Part(range) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, blob.size);
            answer::set(&mut response, CONTENT_RANGE, &content_range);
            range
        }
    };
    let remaining = range.end - range.start;
    let bytes = asked.registry.read_blob(&blob, range).await?;
    let bytes = bytes.ok_or_else(|| ErrorResponse::blob_unknown(digest))?;
    *response.body_mut() = ResponseBody::Stream { bytes, remaining };
    Ok(response)
}

/// Answers `DELETE` of a blob (end-10).
pub(super) async fn delete(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    digest: Digest,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_delete = asked.identity.can_delete(repository)?;
    match asked.registry.delete_blob(&can_delete, digest).await? {
        Deleted::Gone => Ok(answer::empty(StatusCode::ACCEPTED)),
        Deleted::Unknown => Err(ErrorResponse::blob_unknown(digest)),
    }
}
