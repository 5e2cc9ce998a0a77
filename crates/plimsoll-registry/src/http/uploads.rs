use http::header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use http::{Response, StatusCode};
use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_store::catalogue::{Upload, UploadId};

use super::body::incoming;
use super::error::{ErrorResponse, received_range};
use super::range::chunk_start;
use super::route::UploadStart;
use super::{Asked, RequestBody, ResponseBody, answer};
use crate::PushBlobError;

/// Answers `POST` of an upload: a session, a whole blob, or a mount (distribution-spec, end-4 and end-11).
pub(super) async fn begin<B: RequestBody>(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    start: &UploadStart,
    body: B,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_push = asked.identity.can_push(repository)?;
    let algorithm = match start {
        UploadStart::Whole(digest) => {
            let (registry, digest, body) = (asked.registry.clone(), *digest, incoming(body));
            let pushed = to_its_end(async move { registry.push_blob(&can_push, digest, body).await }).await?;
            return Ok(answer::created(&format!("/v2/{repository}/blobs/{digest}"), pushed.digest));
        }
        UploadStart::Mount { digest, from } => {
            if asked.registry.mount_blob(&can_push, asked.identity, *digest, from.as_ref()).await? {
                return Ok(answer::created(&format!("/v2/{repository}/blobs/{digest}"), *digest));
            }
            digest.algorithm()
        }
        UploadStart::Session(algorithm) => *algorithm,
    };
    let upload = asked.registry.begin_upload(&can_push, algorithm).await?;
    Ok(progress(StatusCode::ACCEPTED, &upload))
}

/// Answers `GET` of a session (end-13).
pub(super) async fn status(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    id: UploadId,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_push = asked.identity.can_push(repository)?;
    let upload = asked.registry.upload_status(&can_push, id).await?;
    Ok(progress(StatusCode::NO_CONTENT, &upload))
}

/// Answers `PATCH` of a session (end-5).
pub(super) async fn append<B: RequestBody>(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    id: UploadId,
    body: B,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_push = asked.identity.can_push(repository)?;
    let start = start(asked)?;
    let (registry, body) = (asked.registry.clone(), incoming(body));
    let appended =
        to_its_end(async move { registry.append_to_upload(&can_push, id, start, body).await }).await;
    let upload = appended.map_err(|error| located(error, repository, id))?;
    Ok(progress(StatusCode::ACCEPTED, &upload))
}

/// Answers `PUT` of a session (end-6).
pub(super) async fn close<B: RequestBody>(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    id: UploadId,
    digest: Digest,
    body: B,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_push = asked.identity.can_push(repository)?;
    let start = start(asked)?;
    let body = (!body.is_end_stream()).then(|| incoming(body));
    let registry = asked.registry.clone();
    let closed =
        to_its_end(async move { registry.close_upload(&can_push, id, digest, start, body).await }).await;
    let blob = closed.map_err(|error| located(error, repository, id))?;
    Ok(answer::created(&format!("/v2/{repository}/blobs/{digest}"), blob.digest))
}

/// Answers `DELETE` of a session (end-14).
pub(super) async fn cancel(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    id: UploadId,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_push = asked.identity.can_push(repository)?;
    asked.registry.cancel_upload(&can_push, id).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Runs an operation to its end also when the client hangs up, so that the bytes that arrived are not lost.
async fn to_its_end<T: Send + 'static>(
    operation: impl Future<Output = Result<T, PushBlobError>> + Send + 'static,
) -> Result<T, ErrorResponse> {
    match tokio::spawn(operation).await {
        Ok(outcome) => outcome.map_err(ErrorResponse::from),
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(ErrorResponse::body_interrupted()),
        },
    }
}

/// The number of the first byte in this request, where the client gives it.
fn start(asked: &Asked<'_>) -> Result<Option<u64>, ErrorResponse> {
    let Some(header) = asked.headers().get(CONTENT_RANGE) else { return Ok(None) };
    let length = asked.header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let start = header.to_str().ok().and_then(|header| chunk_start(header, length));
    start.map(Some).ok_or_else(ErrorResponse::chunk_invalid)
}

fn location(repository: &RepositoryName, id: UploadId) -> String {
    format!("/v2/{repository}/blobs/uploads/{id}")
}

/// Tells a client whose chunk was refused where to go on.
fn located(error: ErrorResponse, repository: &RepositoryName, id: UploadId) -> ErrorResponse {
    error.with_location(location(repository, id))
}

/// Where the session is and how far it got.
fn progress(status: StatusCode, upload: &Upload) -> Response<ResponseBody> {
    let mut response = answer::empty(status);
    answer::set(&mut response, LOCATION, &location(&upload.repository, upload.id));
    answer::set(&mut response, RANGE, &received_range(upload.object.length));
    answer::set(&mut response, answer::DOCKER_UPLOAD_UUID, &upload.id.to_string());
    response
}
