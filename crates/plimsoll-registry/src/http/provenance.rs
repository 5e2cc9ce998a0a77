//! Provenance that the server vouches for. An extension.

use http::{HeaderName, Response, StatusCode};
use plimsoll_oci::{Descriptor, RepositoryName, TagOrDigest};

use super::body::{CollectError, collect};
use super::error::ErrorResponse;
use super::{Asked, RequestBody, ResponseBody, answer};
use crate::Build;

/// Where a build hands in the token of its CI system. `Authorization` says who pushes.
const CI_TOKEN: HeaderName = HeaderName::from_static("plimsoll-ci-token");

/// Longest description of a build.
const DECLARED_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Attaches signed provenance to an image: who built it is taken from the CI system's token.
pub(super) async fn vouch<B: RequestBody>(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
    body: B,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_push = asked.identity.can_push(repository)?;
    let can_pull = asked.identity.can_pull(repository)?;
    let notary = asked.notary.ok_or_else(ErrorResponse::no_notary)?;
    let token = asked.header(CI_TOKEN).ok_or_else(ErrorResponse::no_ci_token)?;
    let found = asked.registry.pull_manifest(&can_pull, reference).await?;
    let image = found.ok_or_else(|| ErrorResponse::manifest_unknown(reference))?;
    let subject = Descriptor::new(image.media_type, image.digest, image.bytes.len() as u64);
    let declared = collect(body, DECLARED_BYTES_MAX).await.map_err(|error| match error {
        CollectError::TooLarge => ErrorResponse::build_too_large(DECLARED_BYTES_MAX),
        CollectError::Interrupted => ErrorResponse::body_interrupted(),
    })?;
    let referrer = notary.vouch(&can_push, Build { subject, token, declared }).await?;
    let pushed = asked.registry.attach(&can_push, referrer).await?;
    if let Some(ledger) = asked.ledger {
        let logged = ledger.await_fact(pushed.digest, pushed.subject).await;
        logged.map_err(ErrorResponse::not_logged)?;
    }
    let location = format!("/v2/{repository}/manifests/{}", pushed.digest);
    let body = serde_json::json!({ "subject": pushed.subject, "evidence": pushed.digest }).to_string();
    let mut response = answer::json(StatusCode::CREATED, body.into());
    answer::set_digest(&mut response, pushed.digest);
    answer::set(&mut response, http::header::LOCATION, &location);
    Ok(response)
}
