use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use plimsoll_oci::{RepositoryName, TagOrDigest};

use super::error::ErrorResponse;
use super::{Asked, ResponseBody, answer};
use crate::{DocumentKind, EventsPage, Insight, Known, KnownEvents, LineQuestion};

/// Answers with a document about an image. An extension: the specification knows nothing of what images hold.
pub(super) async fn document(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
    kind: DocumentKind,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_pull = asked.identity.can_pull(repository)?;
    let insight = insight(asked)?;
    let found = asked.registry.pull_manifest(&can_pull, reference).await?;
    let manifest = found.ok_or_else(|| ErrorResponse::manifest_unknown(reference))?;
    let name = match reference {
        TagOrDigest::Tag(tag) => format!("{repository}:{tag}"),
        TagOrDigest::Digest(digest) => format!("{repository}@{digest}"),
    };
    let can_list = asked.identity.can_list();
    let mut response = respond(insight.document(manifest.digest, &name, kind, &can_list).await)?;
    answer::set_digest(&mut response, manifest.digest);
    Ok(response)
}

/// Answers with the images that a vulnerability is in, among those that the caller may see.
pub(super) async fn locate(
    asked: &Asked<'_>,
    vulnerability: &str,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_list = asked.identity.can_list();
    respond(insight(asked)?.locate(vulnerability, &can_list).await)
}

/// Answers with the history of a vulnerability or a component in the line of an image.
pub(super) async fn line(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
    what: &str,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_pull = asked.identity.can_pull(repository)?;
    let insight = insight(asked)?;
    let found = asked.registry.pull_manifest(&can_pull, reference).await?;
    let image = found.ok_or_else(|| ErrorResponse::manifest_unknown(reference))?.digest;
    let question = LineQuestion { image, what: what.to_owned() };
    let mut response = respond(insight.line(&question, &can_pull, &asked.identity.can_list()).await)?;
    answer::set_digest(&mut response, image);
    Ok(response)
}

/// Answers with a page of what changes of the advisories meant for images that the caller may see.
pub(super) async fn events(
    asked: &Asked<'_>,
    page: EventsPage,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    let can_list = asked.identity.can_list();
    let KnownEvents { known, next } = insight(asked)?.events(page, &can_list).await;
    let mut response = respond(known)?;
    if let Some(next) = next {
        let since = page.since.unix_ms();
        answer::set_next(
            &mut response,
            &format!("/v2/_plimsoll/events?n={}&after={next}&since={since}", page.limit),
        );
    }
    Ok(response)
}

fn insight<'a>(asked: &Asked<'a>) -> Result<&'a dyn Insight, ErrorResponse> {
    asked.insight.ok_or_else(ErrorResponse::no_such_endpoint)
}

pub(super) fn respond(known: Known) -> Result<Response<ResponseBody>, ErrorResponse> {
    match known {
        Known::Document(json) => Ok(answer::json(StatusCode::OK, json.into())),
        Known::Waiting => {
            let body = serde_json::json!({ "kind": "Waiting" }).to_string();
            let mut response = answer::json(StatusCode::ACCEPTED, body.into());
            answer::set(&mut response, RETRY_AFTER, "1");
            Ok(response)
        }
        Known::NotEvaluated(why) => {
            let body = serde_json::json!({ "kind": "NotEvaluated", "reason": why }).to_string();
            Ok(answer::json(StatusCode::OK, body.into()))
        }
        Known::NotImage => Err(ErrorResponse::not_an_image()),
        Known::Nothing => Err(ErrorResponse::nothing_known()),
        Known::Failed(why) => Err(ErrorResponse::insight_failed(why)),
    }
}
