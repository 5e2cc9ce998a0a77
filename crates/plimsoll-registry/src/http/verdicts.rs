use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Response, StatusCode};
use plimsoll_attest::Bundle;
use plimsoll_oci::{RepositoryName, TagOrDigest};
use plimsoll_store::catalogue::LackingImage;

use super::error::ErrorResponse;
use super::route::LackingQuestion;
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

/// Answers with the images that do not pass a gate, among those that the caller may see. An extension.
pub(super) async fn lacking(
    asked: &Asked<'_>,
    question: &LackingQuestion,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_list = asked.identity.can_list();
    let LackingQuestion { gate, last, limit } = question;
    let page = asked.registry.images_lacking(&can_list, gate, last.clone(), *limit).await?;
    let image = |image: &LackingImage| {
        serde_json::json!({
            "repository": image.repository,
            "tag": image.tag,
            "digest": image.digest,
            "isWaiting": image.due_at.is_some_and(|due_at| due_at <= asked.registry.now()),
        })
    };
    let images: Vec<serde_json::Value> = page.images.iter().map(image).collect();
    let body = serde_json::json!({
        "apiVersion": "plimsoll/v1", "kind": "LackingImages", "gate": gate, "images": images,
        "last": page.next.as_ref().map(|(repository, tag)| format!("{repository}:{tag}")),
    });
    Ok(answer::json(StatusCode::OK, body.to_string().into()))
}
