use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Response, StatusCode};
use plimsoll_attest::Bundle;
use plimsoll_oci::{RepositoryName, TagOrDigest};

use super::error::ErrorResponse;
use super::{Asked, ResponseBody, answer};

/// Answers with the signed verdict on an image by the rules of its project. An extension.
pub(super) async fn get(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
    gate: Option<&str>,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_pull = asked.identity.can_pull(repository)?;
    let verdicts = asked.verdicts.ok_or_else(ErrorResponse::no_such_endpoint)?;
    let found = asked.registry.pull_manifest(&can_pull, reference).await?;
    let manifest = found.ok_or_else(|| ErrorResponse::manifest_unknown(reference))?;
    let bundle = verdicts.verdict(&can_pull, manifest.digest, gate).await?;
    let mut response = answer::json(StatusCode::OK, bundle);
    answer::set(&mut response, CONTENT_TYPE, Bundle::MEDIA_TYPE);
    answer::set(&mut response, CACHE_CONTROL, "no-store");
    answer::set_digest(&mut response, manifest.digest);
    Ok(response)
}
