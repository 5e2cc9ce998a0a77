use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plimsoll_oci::{Digest, MediaType, RepositoryName, Tag};

use super::error::ErrorResponse;
use super::route::{Page, ReferrersFilter};
use super::{Asked, ResponseBody, answer};

/// Most moves of tags in one answer.
const HISTORY_MAX: usize = 1000;

/// Answers with the repositories that the caller may see.
pub(super) async fn repositories(
    asked: &Asked<'_>,
    page: &Page,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_list = asked.identity.can_list();
    let (repositories, has_more) =
        asked.registry.list_repositories(&can_list, page.last.clone(), page.limit).await?;
    let body = serde_json::json!({ "repositories": repositories }).to_string();
    let mut response = answer::json(StatusCode::OK, body.into());
    if let Some(last) = repositories.last().filter(|_| has_more) {
        answer::set_next(
            &mut response,
            &format!("/v2/_catalog?n={}&last={}", page.limit, escaped(last.as_str())),
        );
    }
    Ok(response)
}

/// Answers with the tags of a repository (distribution-spec, end-8).
pub(super) async fn tags(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    page: &Page,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_pull = asked.identity.can_pull(repository)?;
    let listed = asked.registry.list_tags(&can_pull, page.last.clone(), page.limit).await?;
    let (tags, has_more) = listed.ok_or_else(|| ErrorResponse::name_unknown(repository))?;
    let body = serde_json::json!({ "name": repository, "tags": tags }).to_string();
    let mut response = answer::json(StatusCode::OK, body.into());
    if let Some(last) = tags.last().filter(|_| has_more) {
        answer::set_next(&mut response, &format!("/v2/{repository}/tags/list?n={}&last={last}", page.limit));
    }
    Ok(response)
}

/// Answers with the moves of tags, the newest first. An extension: the specification has no history.
pub(super) async fn tag_history(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    tag: Option<&Tag>,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_pull = asked.identity.can_pull(repository)?;
    let moves = asked.registry.tag_history(&can_pull, tag, HISTORY_MAX).await?;
    let moves: Vec<serde_json::Value> = moves
        .iter()
        .map(|one| {
            serde_json::json!({
                "tag": one.tag,
                "previous": one.previous,
                "digest": one.digest,
                "movedAtUnixMs": one.moved_at,
                "movedBy": one.moved_by,
            })
        })
        .collect();
    let body = serde_json::json!({ "name": repository, "moves": moves }).to_string();
    Ok(answer::json(StatusCode::OK, body.into()))
}

/// Answers with what refers to a manifest (end-12).
pub(super) async fn referrers(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    subject: Digest,
    filter: &ReferrersFilter,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_pull = asked.identity.can_pull(repository)?;
    let artifact_type = filter.artifact_type.as_deref();
    let page = asked.registry.list_referrers(&can_pull, subject, artifact_type, filter.last).await?;
    let body = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MediaType::IMAGE_INDEX,
        "manifests": page.descriptors,
    });
    let mut response = answer::json(StatusCode::OK, body.to_string().into());
    answer::set(&mut response, CONTENT_TYPE, MediaType::IMAGE_INDEX.as_str());
    let filter_query = artifact_type.map_or(String::new(), |kind| format!("&artifactType={}", escaped(kind)));
    if artifact_type.is_some() {
        answer::set(&mut response, answer::OCI_FILTERS_APPLIED, "artifactType");
    }
    if let Some(next) = page.next {
        answer::set_next(
            &mut response,
            &format!("/v2/{repository}/referrers/{subject}?last={next}{filter_query}"),
        );
    }
    Ok(response)
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
