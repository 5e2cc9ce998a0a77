use http::header::{CONTENT_LENGTH, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use http::{Method, Response, StatusCode};
use plimsoll_oci::{Digest, MANIFEST_BYTES_MAX, MediaType, RepositoryName, Tag, TagOrDigest};

use super::body::{CollectError, collect};
use super::error::ErrorResponse;
use super::{Asked, RequestBody, ResponseBody, answer};
use crate::access::ShownBy;
use crate::{Deleted, ManifestPush, PushedManifest, TagPrecondition};

/// Answers `GET` and `HEAD` of a manifest (distribution-spec, end-3).
pub(super) async fn get(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_pull = asked.identity.can_pull(repository)?;
    let found = asked.registry.pull_manifest(&can_pull, reference).await?;
    let manifest = found.ok_or_else(|| ErrorResponse::manifest_unknown(reference))?;
    let is_known = asked.header(IF_NONE_MATCH).is_some_and(|header| names(header, manifest.digest));
    let mut response = answer::empty(if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    answer::set_digest(&mut response, manifest.digest);
    if is_known {
        return Ok(response);
    }
    if let Some(warning) = asked.insight.and_then(|insight| insight.warning(manifest.digest)) {
        answer::warn(&mut response, &warning);
    }
    answer::set(&mut response, CONTENT_TYPE, manifest.media_type.as_str());
    answer::set(&mut response, CONTENT_LENGTH, &manifest.bytes.len().to_string());
    if asked.head.method != Method::HEAD {
        *response.body_mut() = ResponseBody::Full(manifest.bytes);
    }
    Ok(response)
}

/// Answers `PUT` of a manifest (end-7).
pub(super) async fn put<B: RequestBody>(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
    tags: &[Tag],
    body: B,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_push = asked.identity.can_push(repository)?;
    let media_type: Option<MediaType> =
        asked.header(CONTENT_TYPE).map(str::parse).transpose().map_err(ErrorResponse::media_type_invalid)?;
    let bytes = collect(body, MANIFEST_BYTES_MAX).await.map_err(|error| match error {
        CollectError::TooLarge => ErrorResponse::manifest_too_large(),
        CollectError::Interrupted => ErrorResponse::body_interrupted(),
    })?;
    let push = ManifestPush {
        reference: reference.clone(),
        tags: tags.to_vec(),
        media_type,
        bytes,
        precondition: precondition(asked)?,
    };
    let pushed = asked.registry.push_manifest(&can_push, push).await?;
    if let Some(ledger) = asked.ledger.filter(|_| pushed.is_fact) {
        let logged = ledger.await_fact(pushed.digest, pushed.subject).await;
        logged.map_err(ErrorResponse::not_logged)?;
    }
    let mut response = pushed_answer(asked, repository, tags, &pushed);
    if let Some(insight) = asked.insight
        && let Some(warning) = insight.warning_of_pushed(pushed.digest).await
    {
        answer::warn(&mut response, &warning);
    }
    Ok(response)
}

fn pushed_answer(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    tags: &[Tag],
    pushed: &PushedManifest,
) -> Response<ResponseBody> {
    let location = format!("/v2/{repository}/manifests/{}", pushed.digest);
    let mut response = answer::created(&location, pushed.digest);
    if let Some(subject) = pushed.subject {
        answer::set(&mut response, answer::OCI_SUBJECT, &subject.to_string());
    }
    for tag in tags {
        answer::add(&mut response, answer::OCI_TAG, tag.as_str());
    }
    if pushed.children_missing > 0 {
        let missing = pushed.children_missing;
        answer::warn(
            &mut response,
            &format!("the index lists {missing} manifests that this repository does not hold"),
        );
    }
    if asked.identity.shown_by == ShownBy::NotAsked {
        answer::warn(
            &mut response,
            "anybody on this machine may push here until the first user is made: plimsoll user add",
        );
    }
    response
}

/// Answers with who pushed a manifest. An extension.
pub(super) async fn push_record(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    digest: Digest,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_pull = asked.identity.can_pull(repository)?;
    let found = asked.registry.find_push(&can_pull, digest).await?;
    let push = found.ok_or_else(|| ErrorResponse::manifest_unknown(&TagOrDigest::Digest(digest)))?;
    let body = serde_json::json!({
        "name": repository,
        "digest": digest,
        "pushedBy": push.by,
        "pushedAtUnixMs": push.at,
    });
    Ok(answer::json(StatusCode::OK, body.to_string().into()))
}

/// Answers `DELETE` of a manifest or a tag (end-9).
pub(super) async fn delete(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_delete = asked.identity.can_delete(repository)?;
    let deleted = match reference {
        TagOrDigest::Tag(tag) => asked.registry.untag(&can_delete, tag, precondition(asked)?).await?,
        TagOrDigest::Digest(digest) => asked.registry.delete_manifest(&can_delete, *digest).await?,
    };
    match deleted {
        Deleted::Gone => Ok(answer::empty(StatusCode::ACCEPTED)),
        Deleted::Unknown => Err(ErrorResponse::manifest_unknown(reference)),
    }
}

/// The condition that the request sets on the tag (RFC 9110, section 13.1).
fn precondition(asked: &Asked<'_>) -> Result<TagPrecondition, ErrorResponse> {
    match (asked.header(IF_MATCH), asked.header(IF_NONE_MATCH)) {
        (None, None) => Ok(TagPrecondition::Any),
        (None, Some("*")) => Ok(TagPrecondition::New),
        (Some(tag), None) => {
            let digest =
                tag.trim().trim_matches('"').parse().map_err(|_| ErrorResponse::entity_tag_invalid())?;
            Ok(TagPrecondition::At(digest))
        }
        _ => Err(ErrorResponse::entity_tag_invalid()),
    }
}

/// Whether a list of entity tags names a digest.
fn names(header: &str, digest: Digest) -> bool {
    let digest = digest.to_string();
    header
        .split(',')
        .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|tag| tag == "*" || tag == digest)
}
