//! The evidence graph: the way of images back to where they come from, and where they ran. Extensions.

use http::{Response, StatusCode};
use plimsoll_oci::{Digest, RepositoryName, TagOrDigest};
use plimsoll_store::Timestamp;
use serde::Deserialize;

use super::body::{CollectError, collect};
use super::error::ErrorResponse;
use super::insights::respond;
use super::{Asked, RequestBody, ResponseBody, answer};
use crate::{ObserveError, ObservedRun, Testimony, TraceOf};

/// Longest document that tells of a run.
const RUN_BYTES_MAX: usize = 4 * 1024;

/// A run as it is told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RunDocument {
    place: String,
    begun_at_unix_ms: Timestamp,
    #[serde(default)]
    ended_at_unix_ms: Option<Timestamp>,
}

/// Answers with the way of an image. One that was deleted is asked for by its digest.
pub(super) async fn trace(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_pull = asked.identity.can_pull(repository)?;
    let testimony = testimony(asked)?;
    let image = match reference {
        TagOrDigest::Digest(digest) => *digest,
        TagOrDigest::Tag(_) => {
            let found = asked.registry.pull_manifest(&can_pull, reference).await?;
            found.ok_or_else(|| ErrorResponse::manifest_unknown(reference))?.digest
        }
    };
    let known = testimony.trace(&can_pull, image, &asked.identity.can_list()).await;
    let mut response = respond(known)?;
    answer::set_digest(&mut response, image);
    Ok(response)
}

/// Answers with the ways of all images that are meant, among those that the caller may see.
pub(super) async fn trace_all(
    asked: &Asked<'_>,
    of: &TraceOf,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    respond(testimony(asked)?.trace_all(of, &asked.identity.can_list()).await)
}

/// Answers with a page of what is said in a repository.
pub(super) async fn facts(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    after: Option<(Digest, u32)>,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_pull = asked.identity.can_pull(repository)?;
    respond(testimony(asked)?.facts(&can_pull, after).await)
}

/// Notes where an image ran.
pub(super) async fn observe<B: RequestBody>(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    image: Digest,
    body: B,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_push = asked.identity.can_push(repository)?;
    let testimony = testimony(asked)?;
    let body = collect(body, RUN_BYTES_MAX).await.map_err(|error| match error {
        CollectError::TooLarge => {
            ErrorResponse::run_invalid(&format!("it has more than {RUN_BYTES_MAX} bytes"))
        }
        CollectError::Interrupted => ErrorResponse::body_interrupted(),
    })?;
    let told: RunDocument =
        serde_json::from_slice(&body).map_err(|error| ErrorResponse::run_invalid(&error.to_string()))?;
    let run = ObservedRun::new(told.place, told.begun_at_unix_ms, told.ended_at_unix_ms);
    testimony.observe(&can_push, image, &run.map_err(ObserveError::from)?).await?;
    Ok(answer::empty(StatusCode::CREATED))
}

fn testimony<'a>(asked: &Asked<'a>) -> Result<&'a dyn Testimony, ErrorResponse> {
    asked.testimony.ok_or_else(ErrorResponse::no_such_endpoint)
}
